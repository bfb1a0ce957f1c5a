// permessage-deflate for the devices of one shard: agreeing on it, inflating what they send, compressing what they are sent.
//
// The compressors are in ws/; here is what each connection keeps, when it pays to compress, and what it may cost. Owner shard.
// Invariant: a connection that keeps no context, with full windows, has no memory for compression once it is idle.
#pragma once

#include <cstdint>
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

namespace ringgate::dispatch {

/// What a connection keeps that agreed on a context or a smaller window.
struct DeflateState {
  ws::DeflateAgreement agreement;
  std::optional<ws::InflateHistory> history;    // if the client keeps its context
  std::unique_ptr<ws::DeflateContext> context;  // if the gate does: from the first message on
  MemoryBudget::Share share;                    // of both
};

class Compression {
 public:
  Compression(ws::AssemblyPool& pool, const LimitsConfig& limits, MemoryBudget& budget, ShardCounters& counters);

  /// What the gate answers the request's offers. Context takeover is left out when the budget is used up. `state` becomes what
  /// the connection has to keep, null if nothing.
  std::optional<ws::DeflateAgreement> agree(const http::RequestView& request, const ws::DeflatePolicy& policy,
                                            const DeflateConfig& config, std::unique_ptr<DeflateState>& state);

  /// Replaces the payload of a compressed message by what it inflates to, in a buffer of its own; the compressed one is recycled.
  /// On a violation the event keeps what it had. `paid_at`: until when the connection's share of the core is spent; the
  /// connection keeps it while it lies in the future.
  ws::Violation inflate(ws::Event& event, ws::FrameReader& reader, DeflateState* state, TimeNs now, TimeNs& paid_at);

  /// The whole frame with `payload` compressed, valid until the next call; empty if the message is to be sent as it is.
  ByteView compress(MessageType type, ByteView payload, DeflateState* state, const DeflateConfig& config);

  /// The compressed form of a prepared message, made without context and once for all devices with the same window; an empty
  /// reference if it is to be sent as it is.
  ws::MessageRef compressed_form(const ws::PreparedMessage& message, DeflateState* state, const DeflateConfig& config);

 private:
  ws::DeflateContext* context_of(DeflateState* state, const DeflateConfig& config);

  const LimitsConfig& limits_;
  MemoryBudget& budget_;
  ShardCounters& counters_;
  ws::Inflater inflater_;
  ws::Deflater deflater_;
  std::vector<std::uint8_t> deflated_;  // by a context
  std::vector<std::uint8_t> frame_;
};

}  // namespace ringgate::dispatch
