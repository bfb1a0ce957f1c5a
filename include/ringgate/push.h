// Pushes: what may be asked of one, and the results of pushes and broadcasts. Each push and each broadcast gets exactly one result,
// and the metrics count it under its outcome.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ringgate/connection_ref.h"

namespace ringgate {

enum class PushOutcome : std::uint8_t {
  delivered,        // in the connection's outbox or in the kernel
  unknown_device,   // no device with that id is online
  backpressure,     // refused: the device reads too slowly, a queue between shards is full, or memory is out; try again later
  too_large,        // refused: above limits.max_push
  closing,          // refused: the gate ends, or the connection is being closed or replaced; the id may be online again at once
  invalid_utf8,     // refused: a text message that is not UTF-8
  unknown_outcome,  // the device's shard has not answered in time: the message may still be delivered
  // Only of pushes with options:
  other_connection,    // refused: none of PushOptions::only_to is a connection of the device
  level_unsupported,   // refused: PushOptions::wait cannot be observed on this connection
  id_conflict,         // refused: another message was sent to this device with the same PushOptions::id
  expired,             // withdrawn: it waited in the gate for longer than PushOptions::ttl_ns
  coalesced,           // withdrawn: a newer push with the same coalesce key took its place
  dropped,             // withdrawn: the device reads too slowly, and newer messages went before (limits.slow_policy)
  timed_out,           // PushOptions::wait was not reached in time; PushResult::receipt says how far it came
  connection_ended,    // before PushOptions::wait was reached; likewise
  not_covered,         // refused: the token of the caller does not reach the connection. Only of the admin API
  engine_unavailable,  // no such device is here, and other gates cannot be asked now: the cluster's engine is away
};

inline constexpr std::size_t push_outcomes_count = static_cast<std::size_t>(PushOutcome::engine_unavailable) + 1;

/// Stable snake_case name, as in the admin API and the metrics. Any thread; does not allocate.
const char* name_of(PushOutcome outcome);

/// How far a message has come. What each level proves, and what not: docs/receipts.md.
enum class PushLevel : std::uint8_t {
  none,    // of a push without options nobody asks
  queued,  // in the gate, for this connection
  sent,    // handed to the kernel
  acked,   // acknowledged by the peer's TCP, which behind a proxy is the proxy's
  ponged,  // the device has answered a ping that was sent behind the message
};

/// Stable name, as in the admin API. Any thread; does not allocate.
const char* name_of(PushLevel level);

/// What may be asked of a push. With the defaults nothing is. Texts of any length; the gate keeps hashes of them.
struct PushOptions {
  static constexpr std::uint64_t no_ttl = UINT64_MAX;

  // While it still waits in the gate after so long, the message is withdrawn. 0: it goes at once or not at all.
  std::uint64_t ttl_ns = no_ttl;
  // If not empty, a push withdraws what still waits in the gate for the device with the same key.
  std::string coalesce_key = {};
  // If not empty, the message's id: a push that repeats it within limits.idempotency_window is not sent, and gets the first one's result.
  std::string id = {};
  // Unless it is empty, the only connections that may get the message.
  std::vector<ConnectionRef> only_to = {};
  // The result comes once the message has come so far. `none`: as `queued`, but the result does not tell.
  PushLevel wait = PushLevel::none;
  // How long to wait for that. Not for `none` and `queued`.
  std::uint64_t timeout_ns = 5'000'000'000;

  bool is_plain() const {
    return ttl_ns == no_ttl && coalesce_key.empty() && id.empty() && only_to.empty() && wait == PushLevel::none;
  }
};

/// How far a push has come, and when. Of levels that were not observed nothing is known.
struct PushReceipt {
  static constexpr std::uint32_t not_known = UINT32_MAX;

  PushLevel reached = PushLevel::none;
  bool is_repeat = false;                   // the result is that of an earlier push with the same id
  std::int64_t queued_at_ms = 0;            // Unix time; 0: it was not queued
  std::uint32_t sent_after_us = not_known;  // microseconds after it was queued
  std::uint32_t acked_after_us = not_known;
  std::uint32_t ponged_after_us = not_known;

  friend bool operator==(const PushReceipt&, const PushReceipt&) = default;
};

/// What became of a push on one of several connections.
struct PushPart {
  PushOutcome outcome = PushOutcome::unknown_device;
  ConnectionRef connection;
  std::uint64_t queued_bytes = 0;
  PushReceipt receipt = {};
};

struct PushResult {
  PushOutcome outcome = PushOutcome::unknown_device;
  ConnectionRef connection;        // took or refused the message; nobody if no connection is known
  std::uint64_t queued_bytes = 0;  // waiting for that device, this message included
  // One for each connection of a device that has more than one. `outcome` is then the best of them, with its connection.
  std::vector<PushPart> parts = {};
  PushReceipt receipt = {};  // of a push with options
};

/// Runs exactly once; null if nobody wants the result. It must not throw. A capture of up to three words costs no allocation.
using PushCallback = std::move_only_function<void(const PushResult&)>;

enum class BroadcastOutcome : std::uint8_t {
  completed,        // the counts cover the devices of every shard
  backpressure,     // refused, reached no device: too many broadcasts are under way, or memory is out; try again later
  too_large,        // refused, reached no device: above limits.max_push
  closing,          // the gate ends: the counts cover the devices that were reached before
  invalid_utf8,     // refused, reached no device: a text message that is not UTF-8
  unknown_outcome,  // a shard has not reported in time and may still deliver: the counts cover the other shards
};

inline constexpr std::size_t broadcast_outcomes_count = static_cast<std::size_t>(BroadcastOutcome::unknown_outcome) + 1;

/// Stable snake_case name, as in the metrics. Any thread; does not allocate.
const char* name_of(BroadcastOutcome outcome);

struct BroadcastResult {
  BroadcastOutcome outcome = BroadcastOutcome::completed;
  std::uint64_t matched = 0;  // devices online when their shard was reached: delivered + refused
  std::uint64_t delivered = 0;
  std::uint64_t refused = 0;
};

/// As PushCallback.
using BroadcastCallback = std::move_only_function<void(const BroadcastResult&)>;

}  // namespace ringgate
