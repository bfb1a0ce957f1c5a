// NATS as the engine of a cluster, through libnats. Everything of NATS is in this file's .cc.
//
// It connects in its own time and for ever, on a thread of its own: nobody waits for it. While it is not connected nothing is sent and nothing is kept to be
// sent later; what is listened to is told to the server with each connection.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "cluster/engine.h"

namespace ringgate::cluster {

struct NatsSettings {
  std::vector<std::string> servers;  // "nats://host:4222", "tls://host:4222"
  std::string name;                  // of the connection, for the server's lists
  std::string user, password;
  std::string credentials_file;  // of a JWT and its seed (nsc)
  std::string authority_file, certificate_file, key_file;
};

class NatsEngine final : public Engine {
 public:
  explicit NatsEngine(NatsSettings settings);
  ~NatsEngine() override;

  void start(EngineListener& listener) override;
  bool tend(TimeNs now) override;
  TimeNs due_at() const override;
  void listen(const std::string& subject, Hearing hearing) override;
  void unlisten(const std::string& subject) override;
  Sent send(const Letter& letter) override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ringgate::cluster
