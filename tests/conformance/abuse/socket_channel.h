// One connection to the real gate, plain TCP or TLS. What a row says is the plaintext: each segment of it is a record.
#pragma once

#include <optional>

#include "load/endpoint.h"
#include "support/tls/memory_client.h"
#include "world.h"

namespace ringgate::abuse {

class SocketChannel final : public Channel {
 public:
  /// `sealed`: for a client with TLS, whose handshake is over when this returns, or has failed; null: plain TCP.
  explicit SocketChannel(const load::Endpoint& endpoint, SSL_CTX* sealed = nullptr);
  ~SocketChannel() override;

  void send(std::string_view bytes) override;
  void finish() override;
  void reset() override;
  void stop_reading() override { reads_ = false; }
  void resume_reading() override { reads_ = true; }
  void end_segment() override;
  void wait(DurationNs duration) override;
  void wait_until(const std::function<bool(const WireView&)>& holds) override;

 private:
  /// Waits for input, or for room to send, and takes what is there; false when nothing came in time.
  bool poll(int milliseconds, bool for_room = false);
  void read();
  void end();
  void shake_hands();
  void send_as_it_is(std::string_view bytes);
  void take(std::string_view bytes);

  int socket_ = -1;
  std::optional<test::MemoryClient> tls_;
  bool reads_ = true;
  int pauses_left_ = 8;  // of end_segment: enough for cuts, and byte by byte stays quick
};

}  // namespace ringgate::abuse
