// permessage-deflate for the devices of one shard: agreeing on it, inflating what they send, compressing what they are sent.
//
// The compressors are in ws/; here is what each connection keeps, when it pays to compress, and what it may cost. Owner shard.
// Invariant: a connection that keeps no context, with full windows, has no memory for compression once it is idle.
#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <vector>

#include "base/counters.h"
#include "base/memory_budget.h"
#include "base/time.h"
#include "ringgate/config.h"
#include "ws/deflate_negotiation.h"
#include "ws/deflater.h"
#include "ws/frame_reader.h"
#include "ws/inflater.h"
#include "ws/prepared_message.h"
#include "ws/utf8.h"

namespace ringgate::dispatch {

/// What a connection keeps that agreed on a context or a smaller window.
struct DeflateState {
  ws::DeflateAgreement agreement;
  std::optional<ws::InflateHistory> history;    // if the client keeps its context
  std::unique_ptr<ws::DeflateContext> context;  // if the gate does: from the first message on
  MemoryBudget::Share share;                    // of both
};

/// A compressed message that takes longer to inflate than was left of a turn.
struct InflatingMessage {
  ws::Event event;                // its payload lies in `event.assembled`
  ws::InflateJob job;             // empty: not begun, or to be begun anew
  ws::Utf8Stream text;            // of a text: what came out so far
  std::size_t checked_bytes = 0;  // of that
  std::uint64_t cost_ns = 0;      // of the job so far
  bool is_utf8 = true;
  bool was_tried = false;  // so that what one turn did not finish is begun again only to be finished
};

class Compression {
 public:
  Compression(ws::AssemblyPool& pool, const LimitsConfig& limits, MemoryBudget& budget, ShardCounters& counters);

  /// What the gate answers the request's offers. Context takeover is left out when the budget is used up. `state` becomes what
  /// the connection has to keep, null if nothing.
  std::optional<ws::DeflateAgreement> agree(const http::RequestView& request, const ws::DeflatePolicy& policy,
                                            const DeflateConfig& config, std::unique_ptr<DeflateState>& state);

  /// Whose message it is: what of the connection inflating needs.
  struct Account {
    DeflateState* state = nullptr;
    TimeNs now = 0;
    TimeNs& paid_at;  // until when its share of the core is spent; the connection keeps it while it lies in the future
  };

  /// A new turn: it may inflate for so long again.
  void begin_turn() { turn_left_ns_ = inflate_turn_ns; }
  /// The rest of the turn goes to messages of earlier turns, which get a part of it in any case.
  void begin_late_part() { turn_left_ns_ = std::max(turn_left_ns_, inflate_turn_ns / 2); }
  bool may_inflate() const { return turn_left_ns_ > 0; }

  /// Replaces the payload of a compressed message by what it inflates to, in a buffer of its own; the compressed one is recycled.
  /// On a violation the event keeps what it had. If the turn's time does not do, `rest` becomes what has to be gone on with, and has
  /// the event.
  ws::Violation inflate(ws::Event& event, ws::FrameReader& reader, const Account& account,
                        std::unique_ptr<InflatingMessage>& rest);
  /// Goes on. True: finished, and `message.event` is as after inflate.
  std::expected<bool, ws::Violation> go_on(InflatingMessage& message, ws::FrameReader& reader, const Account& account);
  /// Whether a message was begun that has no decoder now; see limits::inflaters_detached_max.
  std::size_t detached_count() const { return detached_count_; }
  /// Before a message that was put off is thrown away, whether finished or not.
  void forget(InflatingMessage& message);

  /// The whole frame with `payload` compressed, valid until the next call; empty if the message is to be sent as it is.
  ByteView compress(MessageType type, ByteView payload, DeflateState* state, const DeflateConfig& config);

  /// The compressed form of a prepared message, made without context and once for all devices with the same window; an empty
  /// reference if it is to be sent as it is.
  ws::MessageRef compressed_form(const ws::PreparedMessage& message, DeflateState* state, const DeflateConfig& config);

 private:
  static constexpr std::uint64_t inflate_turn_ns = 10 * nanoseconds_per_millisecond;  // as reckoned

  ws::InflateRules rules_of(const DeflateState* state) const;
  std::expected<bool, ws::Violation> inflate_slice(InflatingMessage& message, ws::FrameReader& reader, const Account& account);
  ws::DeflateContext* context_of(DeflateState* state, const DeflateConfig& config);

  const LimitsConfig& limits_;
  MemoryBudget& budget_;
  ShardCounters& counters_;
  ws::Inflater inflater_;
  std::uint64_t turn_left_ns_ = inflate_turn_ns;
  std::size_t detached_count_ = 0;  // jobs that lie between two turns
  ws::Deflater deflater_;
  std::vector<std::uint8_t> deflated_;  // by a context
  std::vector<std::uint8_t> frame_;
};

}  // namespace ringgate::dispatch
