// The counters of a shard. Only the owner shard writes them; any thread reads them, for the metrics.
#pragma once

#include <array>
#include <cstdint>

#include "base/close_group.h"
#include "base/counter.h"
#include "base/histogram.h"
#include "base/limits.h"

namespace ringgate {

struct alignas(64) ShardCounters {
  // Ring
  Counter uring_enters, uring_submissions, uring_completions, uring_overflows, uring_starved;
  Counter zero_copies, zero_copies_copied;
  // Transport
  Counter accepted, slots_used, buffers_lent, descriptors_used, operations_in_flight, stale_completions;
  Counter connections_cold;
  Counter wire_bytes_in, wire_bytes_out, send_queue_bytes, sends_short;
  std::array<Counter, limits::listeners_max + 1> accepted_by_listener;  // behind those for devices, the admin port
  // TLS: how handshakes ended, each exactly once; those under way; connections that ended by an error or without close_notify afterwards
  Counter tls_established, tls_handshakes_failed, tls_clients_refused, tls_timeouts, tls_not_tls, tls_overload, tls_limited,
      tls_drained, tls_cut_off;
  Counter tls_handshakes, tls_resumed, tls_broken, tls_truncated;
  MillisecondHistogram tls_handshake_ms;  // from accepting to established
  // PROXY headers: how connections of listeners with `proxy_protocol` began
  Counter proxy_accepted, proxy_untrusted, proxy_missing, proxy_malformed, proxy_timeouts, proxy_abandoned, proxy_overload;
  // Devices
  Counter devices_connected, handshakes_accepted, handshakes_refused, handshakes_abandoned, handshakes_queued,
      handshakes_without_memory, takeovers, health_answers;
  Counter credentials_expiring, credentials_ended;                 // of connected devices
  std::array<Counter, limits::refusals_max> handshakes_let_in_by;  // by the admission::Refusal that was not enforced
  Counter handshakes_waiting;                                      // for the decision of a handler
  Counter group_memberships, group_joins_refused;                  // now; over a ceiling, of devices that connected
  // Limits: bans for connecting too often, and sources or ids for which a table of limits had no room
  Counter flap_bans, limits_untracked;
  // Devices beyond their rate: paused, or closed. Devices closed after their route's maximum lifetime
  Counter rate_pauses, rate_closes, lifetimes_ended;
  // How an accepted connection left the open phase: it counts in exactly one of these
  Counter closed_by_peer, closed_by_gate, vanished;
  // The same, by dispatch::EndedBy and close_group_of(code)
  std::array<std::array<Counter, close_groups_count>, 4> closed_as;
  std::array<Counter, limits::routes_max> accepted_by_route, ended_by_route;  // devices; the difference is connected
  MillisecondHistogram handshake_ms;                                          // from accepting to the answer 101
  MillisecondHistogram ping_rtt_ms;                                           // each answered ping
  std::array<Counter, limits::refusals_max> handshakes_refused_by;            // by admission::Refusal
  Counter text_in, binary_in, text_out, binary_out, pings_in, pongs_in, payload_bytes_in, payload_bytes_out;
  Counter slow_consumers, pong_timeouts, message_timeouts, messages_given_up, protocol_violations;
  // Memory budgets: bytes used, the shard's part, and how often something was given up to stay below it
  Counter heads_bytes, heads_bytes_max, heads_given_up;
  Counter output_bytes, output_bytes_max, queues_given_up;
  Counter held_bytes, held_bytes_max, held_pauses, held_given_up;
  Counter messages_inflating;
  // Compression: payloads before and after
  Counter inflated_bytes_in, inflated_bytes_out, deflated_bytes_in, deflated_bytes_out, deflate_contexts_refused;
  // Pushes, counted on the shard that took the request
  Counter push_delivered, push_unknown_device, push_backpressure, push_too_large, push_closing, push_invalid_utf8,
      push_unknown_outcome, push_other_connection, push_level_unsupported, push_id_conflict, push_expired, push_coalesced,
      push_dropped, push_timed_out, push_connection_ended, push_not_covered, push_engine_unavailable, push_crossed;
  // Pushes that were taken and then withdrawn, whether anybody waited for them or not; memory of those that wait as messages
  Counter withdrawn_expired, withdrawn_coalesced, withdrawn_dropped, withdrawn_by_end;
  Counter queued_push_bytes, queued_push_bytes_max;
  Counter pushes_repeated;         // not sent: their id was known
  Counter push_asked;              // by callers on this shard, and by threads whose push it took: each ends as one of the above
  Counter push_lane_full;          // refused because the lane to the other shard was full
  NanosecondHistogram push_local;  // until the end of the turn that took it, when its bytes are with the kernel
  NanosecondHistogram push_crossed_duration;  // until the answer of the other shard was read
  ByteHistogram queue_at_push;                // what waited for the device when a push to it was decided, that message included
  // Broadcasts, counted on the shard that took the request, once the last shard has reported
  Counter broadcast_completed, broadcast_backpressure, broadcast_too_large, broadcast_closing, broadcast_invalid_utf8,
      broadcast_unknown_outcome;
  Counter broadcast_asked, broadcast_delivered, broadcast_refused;  // the last two: messages to devices of this shard
  Counter questions_open, questions_deferred;                       // to other shards, at the end of the last turn
  Counter answers_late, doorbells_rung, turns;
  Counter links_read, links_unread;  // questions about the quality of links: answered by the kernel, and not
  Counter turn_began;                // by the ring's clock; 0 while the shard sleeps or has ended
  NanosecondHistogram turn_duration;
  // The part of its time that the shard was busy: in millionths, over the second that ended last; and nanoseconds since.
  Counter busy_millionths, busy_since, busy_ns;
  // Admin
  Counter admin_connections, admin_connections_ended, admin_requests, admin_rejected, admin_timeouts;
  Counter admin_unauthorized, admin_attempts_limited, admin_forbidden;
  std::array<Counter, limits::http_statuses_max> admin_answers;  // by status - 100
};

}  // namespace ringgate
