// A device as RFC 6455 wants it, at the far end of one simulated connection: the request, masked frames out, server frames in.
//
// Judges what every server frame must be (unmasked, not reserved, controls short); what it says is the test's to judge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fake_ring/fake_peer.h"
#include "ws/opcode.h"

namespace ringgate::simulated {

struct ServerFrame {
  ws::Opcode opcode;
  std::string payload;
  bool compressed = false;  // RSV1: the payload is as it came
};

class DeviceClient {
 public:
  explicit DeviceClient(ring::FakePeer& peer) : peer_(&peer) {}

  static std::string request(std::string_view id, std::string_view path = "/ws", std::string_view fields = "");
  static std::string frame(ws::Opcode opcode, std::string_view payload, bool fin = true);
  /// The first or only frame of a compressed message.
  static std::string compressed_frame(ws::Opcode opcode, std::string_view deflated, bool fin = true);
  static std::string close_frame(std::uint16_t code, std::string_view reason = "");

  ring::FakePeer& peer() { return *peer_; }
  void open(std::string_view id, std::string_view path = "/ws") { peer_->send(request(id, path)); }
  void text(std::string_view payload) { peer_->send(frame(ws::Opcode::text, payload)); }
  void ping(std::string_view payload) { peer_->send(frame(ws::Opcode::ping, payload)); }
  void close(std::uint16_t code) { peer_->send(close_frame(code)); }

  /// Takes in what has arrived; everything below speaks of what was read so far.
  void read();
  std::optional<int> status() const { return status_; }  // of the HTTP answer
  const std::string& head() const { return head_; }      // that answer, whole
  std::deque<ServerFrame>& frames() { return frames_; }  // not yet taken by the test
  /// The Close frame: its code (1005: it had none) and reason. Nothing may follow it.
  std::optional<std::uint16_t> close_code() const { return close_code_; }
  const std::string& close_reason() const { return close_reason_; }
  bool saw_end() const { return peer_->saw_end(); }
  bool saw_reset() const { return peer_->saw_reset(); }

  /// Reads, and takes the payloads of all data frames.
  std::vector<std::string> take_messages();
  /// Reads, and takes the payloads of all frames with that opcode.
  std::vector<std::string> take(ws::Opcode opcode);

 private:
  bool read_head();
  bool read_frame();

  ring::FakePeer* peer_;
  std::string input_;
  std::optional<int> status_;
  std::string head_;
  std::deque<ServerFrame> frames_;
  std::optional<std::uint16_t> close_code_;
  std::string close_reason_;
};

}  // namespace ringgate::simulated
