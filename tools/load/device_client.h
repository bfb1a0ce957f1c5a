// A WebSocket device (RFC 6455 client): opens, sends and receives messages, answers pings, and closes as a good client does.
//
// Derive from it and override what you need. It is strict with the server: a broken rule ends the connection and is reported as a
// fault. An idle open connection keeps no buffers. Thread: the loop's. Invariant: every `open` gets exactly one on_failed, or
// on_open and one on_close; after that the client may be opened again or destroyed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/client_frame.h"
#include "load/stream.h"
#include "ringgate/close_code.h"
#include "ringgate/message.h"

namespace ringgate::load {

/// The server that devices connect to. All devices share it; it must outlive them.
struct DeviceTarget {
  Endpoint gate;
  std::string path = "/ws";
  std::uint64_t message_bytes_max = std::uint64_t{64} << 20;
  StreamOptions stream;
};

/// Why an opening handshake failed. `status` is 0 if there was no HTTP answer.
struct OpeningFailure {
  int status = 0;
  std::string text;
};

/// How an open connection ended. Without a Close frame `code` is CloseCode::abnormal.
struct Ending {
  CloseCode code = CloseCode::abnormal;
  std::string reason;
  std::string fault;  // the rule that the server broke; empty if none
};

class DeviceClient : public Stream {
 public:
  DeviceClient(Loop& loop, const DeviceTarget& target) : Stream(loop), target_(target) {}

  /// Connects as `device_id`, a valid device id, which needs no encoding.
  void open(std::string_view device_id);

  bool is_device_open() const { return phase_ == Phase::open; }

  /// These queue a frame; it leaves at the end of the turn. Only while open; they copy `payload`.
  void send_message(MessageType type, ByteView payload);
  void send_frame(const ClientFrame& frame);
  void ping(ByteView payload) { send_frame({Opcode::ping, true, payload}); }

  /// Starts the closing handshake; the server answers and ends TCP.
  void close(CloseCode code);

  using Stream::drop;  // ends TCP at once, without a closing handshake
  using Stream::resume_reading;
  using Stream::stop_reading;
  using Stream::unsent_bytes;

 protected:
  virtual void on_open() = 0;
  virtual void on_message(const MessageView& message) = 0;  // borrowed for the call
  virtual void on_ping(ByteView payload) { send_frame({Opcode::pong, true, payload}); }
  virtual void on_pong(ByteView) {}
  virtual void on_close(const Ending& ending) = 0;
  virtual void on_failed(const OpeningFailure& failure) = 0;

 private:
  enum class Phase : std::uint8_t { closed, opening, open, closing };
  struct Fragments {
    MessageType type = MessageType::binary;
    std::vector<std::uint8_t> bytes;
  };

  void on_connected() final;
  void on_bytes(ByteView bytes) final;
  void on_ended(StreamEnd end) final;

  std::size_t consume(ByteView bytes);         // returns the number of consumed bytes
  std::size_t consume_answer(ByteView bytes);  // of the opening handshake
  void take_frame(const ServerFrame& frame);
  void take_data(const ServerFrame& frame);
  void take_close(ByteView payload);
  void fail(std::string fault);
  void hold(ByteView rest);

  const DeviceTarget& target_;
  Phase phase_ = Phase::closed;
  bool is_close_sent_ = false;
  std::vector<std::uint8_t> held_;        // an answer or frame cut by the end of a receive
  std::unique_ptr<Fragments> fragments_;  // of an unfinished message
  std::string key_;                       // only while opening
  std::unique_ptr<Ending> ending_;        // after a Close frame or a fault
  std::unique_ptr<OpeningFailure> failure_;
};

}  // namespace ringgate::load
