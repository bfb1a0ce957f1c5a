// The state of a device's connection beyond its transport: 56 bytes in the connection record, and a side object that exists only
// while it is needed. Owned by the device session; owner shard. Invariant: an idle connection has no side object, unless it keeps
// compression state, or a handler gave it what its route does not have.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admission/admission.h"
#include "base/time.h"
#include "conn/connection.h"
#include "dispatch/compression.h"
#include "dispatch/device_pushes.h"
#include "dispatch/held_input.h"
#include "dispatch/observer.h"
#include "dispatch/unfinished_list.h"
#include "http/head_gatherer.h"
#include "ringgate/close_code.h"
#include "ws/frame_reader.h"
#include "ws/frame_writer.h"

namespace ringgate::dispatch {

enum class Phase : std::uint8_t {
  upgrading,       // the request head is still arriving
  queued,          // the request is whole, its credential is checked in a later turn; see verifying.cc
  authenticating,  // the handler decides later about the request
  open,
  closing,  // our Close is sent, the peer's is awaited
  closed,   // the closing handshake is complete, or the connection has failed
};

/// Milliseconds of the monotonic clock modulo 2^32: differences are right for 49 days.
using Milliseconds32 = std::uint32_t;
constexpr Milliseconds32 to_milliseconds(TimeNs time) { return static_cast<Milliseconds32>(time / nanoseconds_per_millisecond); }

/// A device id: inline if it is short, else on the heap. Trivial on purpose, because the record is raw memory of a slot.
class StoredId {
 public:
  static constexpr std::size_t inline_bytes_max = 15;

  void set(std::string_view id) {
    clear();
    char* target = inline_.data();
    if (id.size() > inline_bytes_max) {
      target = new char[id.size()];
      std::memcpy(inline_.data(), &target, sizeof target);
    }
    std::memcpy(target, id.data(), id.size());
    size_ = static_cast<std::uint8_t>(id.size());
  }
  void clear() {
    if (size_ > inline_bytes_max) delete[] heap();
    size_ = 0;
  }
  std::string_view view() const { return {size_ > inline_bytes_max ? heap() : inline_.data(), size_}; }

 private:
  char* heap() const {
    char* pointer = nullptr;
    std::memcpy(&pointer, inline_.data(), sizeof pointer);
    return pointer;
  }

  std::array<char, inline_bytes_max> inline_{};
  std::uint8_t size_ = 0;
};
static_assert(sizeof(StoredId) == 16);

/// What a handshake agreed on that neither its route nor the device's id tells.
struct DeviceWords {
  std::string subprotocol;  // see DeviceRecord::subprotocol_index
  std::string path_id;      // of a route with {id}, unless it is the device's id
};

struct DeviceSide {
  ws::Partial* partial = nullptr;                  // frame or message cut by the end of a receive
  std::unique_ptr<http::HeadGatherer> head;        // while upgrading, if the head did not arrive in one piece
  std::size_t head_counted_bytes = 0;              // memory of `head` counted in the shard's budget
  std::unique_ptr<admission::Admission> awaiting;  // exactly while authenticating
  bool has_left = false;                           // the peer finished while queued or authenticating
  std::unique_ptr<DeviceWords> words;              // null if it has none
  HeldInput held;                                  // input that is not read yet
  std::size_t held_counted_bytes = 0;              // memory of `held` counted in the shard's budget
  bool put_off_listed = false;                     // in DeviceSession::put_off_
  bool waits_for_sinks = false;                    // in DeviceSession::sink_waits_
  bool waits_for_budget = false;                   // in DeviceSession::budget_waits_: not read from until less is held
  std::unique_ptr<InflatingMessage> inflating;     // a message that takes several turns to inflate; `held` follows it
  std::vector<ws::ControlFrame> waiting_pongs;     // while output waits
  std::unique_ptr<DevicePushes> pushes;            // null unless pushes wait, or somebody waits for some
  CloseCode close_code = CloseCode::abnormal;      // for the log and on_close
  std::string close_reason;
  EndedBy ended_by = EndedBy::gate;
  std::uint8_t slowness_told = 0;         // 1 + the last Slowness that observers were told; 0: none since output began to wait
  std::unique_ptr<DeflateState> deflate;  // from the handshake on, if compression needs more than its flag
  TimeNs inflate_paid_at = 0;             // see Compression::Account
  UnfinishedList::Link unfinished;        // linked while a head, frame or message is unfinished
};

struct DeviceRecord {
  DeviceSide* side = nullptr;
  void* user_data = nullptr;
  StoredId id;
  std::uint32_t messages_in = 0;
  std::uint32_t messages_out = 0;
  Milliseconds32 received_at = 0;  // last byte received, or the opening
  Milliseconds32 message_at = 0;   // last data message, or the opening
  Milliseconds32 ping_at = 0;      // our last ping, or the opening
  std::uint16_t rtt_ms = 0;
  Phase phase : 3 = Phase::upgrading;
  bool drained_awaited : 1 = false;        // on_drained is due once nothing waits
  std::uint8_t subprotocol_index : 4 = 0;  // 1 + index in the route's list; 0: none; subprotocol_aside: in the side object
  std::uint8_t route_index = 0;
};
inline constexpr std::uint8_t subprotocol_aside = 15;
static_assert(sizeof(DeviceRecord) <= conn::Connection::session_bytes_max);

/// Bits of Connection::session_flags. Connection::session_mark: something was received.
struct DeviceFlags {
  static constexpr std::uint8_t awaiting_pong = 1;
  static constexpr std::uint8_t paused_by_handler = 2;
  static constexpr std::uint8_t paused_by_output = 4;
  static constexpr std::uint8_t in_map = 8;           // owns its id
  static constexpr std::uint8_t counted = 16;         // in GateState::connections
  static constexpr std::uint8_t paused_by_rate = 32;  // has sent more than it may, see pacing.cc
  static constexpr std::uint8_t compresses = 64;      // agreed on permessage-deflate
  static constexpr std::uint8_t put_off = 128;        // read in a later turn, see reading_on.cc

  static constexpr std::uint8_t held = paused_by_handler | put_off | paused_by_rate;  // received bytes are held
  static constexpr std::uint8_t paused = held | paused_by_output;
};

}  // namespace ringgate::dispatch
