// permessage-deflate for the devices of one shard: negotiates it, inflates received messages, compresses messages to send.
//
// The algorithms are in ws/. Here: the state of each connection, when to compress, and the cost that is allowed. Owned by the
// device session; owner shard.
// Invariant: an idle connection without context and with full windows has no memory for compression.
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

/// State of a connection that agreed on a context or a smaller window.
struct DeflateState {
  ws::DeflateAgreement agreement;
  std::optional<ws::InflateHistory> history;    // if the client keeps its context
  std::unique_ptr<ws::DeflateContext> context;  // if the gate keeps its context: from the first message on
  MemoryBudget::Share share;                    // of limits.deflate_memory, for both
};

/// A compressed message that needs more than the rest of one turn.
struct InflatingMessage {
  ws::Event event;                // its payload lies in `event.assembled`
  ws::InflateJob job;             // empty: not begun, or to be begun anew
  ws::Utf8Stream text;            // UTF-8 check of a text so far
  std::size_t checked_bytes = 0;  // inflated bytes that `text` has seen
  std::uint64_t cost_ns = 0;      // of the job so far
  bool is_utf8 = true;
  bool was_tried = false;  // begun once: it is begun anew only if it can keep its decoder
};

class Compression {
 public:
  Compression(ws::AssemblyPool& pool, const LimitsConfig& limits, MemoryBudget& budget, ShardCounters& counters);

  /// The gate's answer to the offers of a request. If the budget is used up, it is without context takeover. `state` becomes the
  /// state that the connection must keep; null if there is none.
  std::optional<ws::DeflateAgreement> agree(const http::RequestView& request, const ws::DeflatePolicy& policy,
                                            const DeflateConfig& config, std::unique_ptr<DeflateState>& state);

  /// The connection of a message, as far as inflating needs it.
  struct Account {
    DeflateState* state = nullptr;
    TimeNs now = 0;
    std::uint64_t message_bytes_max = 0;
    TimeNs& paid_at;  // when its share of a core will have paid for its messages; the connection keeps it while in the future
  };

  /// A new turn has its whole time to inflate.
  void begin_turn() { turn_left_ns_ = inflate_turn_ns; }
  /// The rest of the turn goes to messages of earlier turns. They get at least half of a turn's time.
  void begin_late_part() { turn_left_ns_ = std::max(turn_left_ns_, inflate_turn_ns / 2); }
  bool may_inflate() const { return turn_left_ns_ > 0; }

  /// Replaces the payload of a compressed message by the inflated one, in a buffer of its own; the compressed buffer is recycled.
  /// After a violation the event still owns a buffer to recycle. If the turn's time runs out, `rest` becomes the unfinished
  /// message and has the event.
  ws::Violation inflate(ws::Event& event, ws::FrameReader& reader, const Account& account,
                        std::unique_ptr<InflatingMessage>& rest);
  /// Continues `message`. True: finished, and `message.event` is as after `inflate`.
  std::expected<bool, ws::Violation> go_on(InflatingMessage& message, ws::FrameReader& reader, const Account& account);
  /// Messages that keep a decoder between turns: at most limits::inflaters_detached_max.
  std::size_t detached_count() const { return detached_count_; }
  /// Must be called before an InflatingMessage is destroyed.
  void forget(InflatingMessage& message);

  /// The whole frame with `payload` compressed, valid until the next call; empty if the message must be sent uncompressed.
  ByteView compress(MessageType type, ByteView payload, DeflateState* state, const DeflateConfig& config);

  /// The compressed form of a prepared message, made without context and once for all devices with the same window. An empty
  /// reference if the message must be sent uncompressed.
  ws::MessageRef compressed_form(const ws::PreparedMessage& message, DeflateState* state, const DeflateConfig& config);

 private:
  static constexpr std::uint64_t inflate_turn_ns = 10 * nanoseconds_per_millisecond;  // of estimated cost

  static ws::InflateRules rules_of(const Account& account);
  std::expected<bool, ws::Violation> inflate_slice(InflatingMessage& message, ws::FrameReader& reader, const Account& account);
  ws::DeflateContext* context_of(DeflateState* state, const DeflateConfig& config);

  const LimitsConfig& limits_;
  MemoryBudget& budget_;
  ShardCounters& counters_;
  ws::Inflater inflater_;
  std::uint64_t turn_left_ns_ = inflate_turn_ns;
  std::size_t detached_count_ = 0;
  ws::Deflater deflater_;
  std::vector<std::uint8_t> deflated_;  // scratch: output of a context
  std::vector<std::uint8_t> frame_;
};

}  // namespace ringgate::dispatch
