// The devices of the limits run that misbehave, each in one way, and how each of them ended.
//
//   mute       never answers a ping                  -> 4408, no pong
//   idle       answers pings, never sends a message  -> 4408, idle
//   slow       never reads while it is pushed to     -> 4430
//   slowloris  sends its handshake byte by byte    -> 408 or just the end, at the handshake deadline
//
// Thread: the loop's. Invariant: an ending is recorded once per connection, with the time from its start.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "load/device_client.h"
#include "push_fleet.h"

namespace ringgate::stress {

/// The end of one misbehaving connection, as its client saw it.
struct BadEnding {
  int code = 0;  // close code, or HTTP status
  DurationNs lived = 0;
};

class MuteOrIdle final : public load::DeviceClient {
 public:
  enum class Kind : std::uint8_t { mute, idle };
  MuteOrIdle(load::Loop& loop, const load::DeviceTarget& target, Kind kind, std::vector<BadEnding>& endings)
      : DeviceClient(loop, target), kind_(kind), endings_(endings) {}

  void start(const std::string& id);

 private:
  void on_open() override;
  void on_message(const MessageView&) override {}
  void on_ping(ByteView payload) override;
  void on_close(const load::Ending& ending) override;
  void on_failed(const load::OpeningFailure& failure) override;

  Kind kind_;
  std::vector<BadEnding>& endings_;
  TimeNs opened_at_ = 0;
};

class Slowloris final : public load::Stream {
 public:
  Slowloris(load::Loop& loop, const load::Endpoint& gate, DurationNs interval, std::vector<BadEnding>& endings)
      : Stream(loop), gate_(gate), interval_(interval), endings_(endings) {}

  void start();
  using Stream::drop;

 private:
  void on_connected() override;
  void on_bytes(ByteView bytes) override;
  void on_ended(load::StreamEnd end) override;
  void send_next();

  const load::Endpoint& gate_;
  DurationNs interval_;
  std::vector<BadEnding>& endings_;
  std::string request_;
  std::size_t sent_ = 0;
  std::uint32_t life_ = 0;  // a timer of an earlier life must not send
  TimeNs connected_at_ = 0;
  std::string received_;
};

}  // namespace ringgate::stress
