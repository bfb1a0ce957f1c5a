// One TCP connection to the real gate.
#pragma once

#include "load/endpoint.h"
#include "world.h"

namespace ringgate::abuse {

class SocketChannel final : public Channel {
 public:
  explicit SocketChannel(const load::Endpoint& endpoint);
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

  int socket_ = -1;
  bool reads_ = true;
  int pauses_left_ = 8;  // of end_segment: enough for cuts, and byte by byte stays quick
};

}  // namespace ringgate::abuse
