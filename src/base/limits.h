// Every ceiling that is not a setting, and the relations between them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringgate::limits {

// Shards and slots: shard, slot and generation share one 64-bit word (device map, user_data).
inline constexpr std::uint32_t shards_max = 255;
inline constexpr std::uint32_t slots_per_shard_max = (1U << 23) - 1;  // the device map uses one bit of the 24
inline constexpr std::uint32_t direct_sockets_max = 1U << 20;         // the kernel's limit for one ring (IORING_MAX_FIXED_FILES)
inline constexpr std::uint32_t spare_slots_per_shard = 64;            // beyond the devices' share: answered 503, not left hanging
inline constexpr std::uint32_t admin_slots_per_shard = 64;            // kept free of devices
inline constexpr std::uint32_t spare_admin_connections = 16;          // beyond admin.max_connections: answered 503
inline constexpr std::uint32_t reserved_descriptors_per_shard = 8;    // for admin connections when the process has run out

// Listeners for devices. A connection's record keeps the index in a byte; the metrics have a series for each.
inline constexpr std::size_t listeners_max = 16;

// Messages per shard that are inflated over several turns. Each holds a decoder of some 45 KiB; others wait for one of them.
inline constexpr std::size_t inflaters_detached_max = 8;

// HTTP (bytes).
inline constexpr std::size_t method_bytes_max = 32;
inline constexpr std::size_t target_bytes_max = 8 * 1024;
inline constexpr std::size_t head_bytes_default = 16 * 1024;  // limits.max_head, a setting, and its range
inline constexpr std::size_t head_bytes_least = 4 * 1024;
inline constexpr std::size_t head_bytes_most = 63 * 1024;      // offsets in a head have 16 bits
inline constexpr std::size_t fields_count_default = 100;       // limits.max_fields
inline constexpr std::size_t chunk_overhead_bytes_max = 1024;  // size lines and extensions of a chunked body
inline constexpr std::size_t trailer_bytes_max = 8 * 1024;
inline constexpr std::size_t pipelined_requests_max = 64;
inline constexpr std::size_t http_statuses_max = 500;             // 100 to 599; each has a counter
inline constexpr std::size_t refusals_max = 128;                  // reasons to refuse a handshake; each has a counter
inline constexpr std::size_t subprotocols_count_max = 64;         // offered in one opening handshake
inline constexpr std::size_t subprotocol_bytes_max = 64;          // of a configured name
inline constexpr std::size_t answer_fields_bytes_max = 4 * 1024;  // that a handler adds to the answer to an opening handshake

// Admin API (bytes unless counted).
inline constexpr std::size_t listed_devices_max = 1000;            // in one page, and of which the presence is asked at once
inline constexpr std::size_t ranked_devices_max = 20;              // that GET /v1/devices?sort= shows
inline constexpr std::size_t ranked_links_max = 16'384;            // of devices, that GET /v1/devices?sort=retransmits reads
inline constexpr std::uint32_t link_readings_per_turn = 16;        // of one shard: so many process descriptors it takes at once
inline constexpr std::size_t link_questions_max = 256;             // about one device each, that wait at one shard
inline constexpr std::size_t batch_lines_max = 1'000'000;          // of one POST /v1/messages:batch
inline constexpr std::size_t batch_lines_open_max = 1024;          // whose pushes have no result yet
inline constexpr std::size_t admin_output_bytes_max = 256 * 1024;  // waiting for one peer; above it no request is begun
inline constexpr std::size_t admin_held_bytes_max = 8 * 1024 * 1024;  // received before reading could be paused
inline constexpr std::size_t admin_body_bytes_per_second_min = 500;   // a slower body is given up ...
inline constexpr std::size_t admin_body_grace_seconds = 5;            // ... but never before this
inline constexpr std::size_t off_shard_work_max = 8;                  // reloads that wait; one more is answered 409
inline constexpr std::size_t message_key_bytes_max = 255;             // of an Idempotency-Key and of a Ringgate-Coalesce-Key
inline constexpr std::uint64_t ttl_seconds_max = 31 * 86'400;         // of a message; a longer Ringgate-Ttl means as much
inline constexpr std::size_t admin_failures_max = 10;      // wrong tokens from one source at the gate; then it waits ...
inline constexpr std::uint64_t admin_failure_seconds = 6;  // ... so long for each further one

// Event stream.
inline constexpr std::size_t event_filter_values_max = 64;         // of one parameter of a reader
inline constexpr std::size_t event_filter_value_bytes_max = 1024;  // the longest path of a route

// Files of credentials, and what a peer may send as one (bytes unless counted).
inline constexpr std::size_t credential_lines_max = 1'000'000;  // comments too
inline constexpr std::size_t credential_file_bytes_max = 256 * 1024 * 1024;
inline constexpr std::size_t credential_line_bytes_max = 4096;
/// Of one shard: heads that wait for a turn with time for their credential. At 2 ms each they are judged before limits.handshake_timeout.
inline constexpr std::size_t heads_queued_max = 4096;
inline constexpr std::size_t credential_name_bytes_max = 128;  // ids, users, groups, prefixes, names for the log
inline constexpr std::size_t token_bytes_max = 256;
inline constexpr std::size_t password_bytes_max = 256;
inline constexpr std::uint32_t password_iterations_max = 2000;  // an attempt holds its shard up
inline constexpr std::size_t url_keys_max = 8;                  // each may be tried for one URL
inline constexpr std::size_t url_key_bytes_min = 32;
inline constexpr std::size_t url_key_bytes_max = 1024;

// Proxies.
inline constexpr std::size_t trusted_proxies_max = 64;           // entries of one listener's list
inline constexpr std::size_t proxy_header_bytes_max = 4 * 1024;  // of a PROXY header of version 2, with all that it carries
inline constexpr std::size_t forwarded_hops_max = 32;            // proxies that a request may name, from the gate's on

// WebSocket (bytes).
inline constexpr std::size_t control_payload_bytes_max = 125;  // RFC 6455 section 5.5
inline constexpr std::size_t close_reason_bytes_max = 123;
inline constexpr std::size_t client_header_bytes_max = 14;
inline constexpr std::size_t server_header_bytes_max = 10;
inline constexpr std::size_t pongs_waiting_max = 64;
inline constexpr std::size_t copied_message_bytes_max = 1024;  // up to this size a copy costs less than a piece

// Assembly of cut and fragmented messages, per shard (bytes unless counted): memory kept for reuse; the rest is freed.
inline constexpr std::size_t assembly_cached_buffer_bytes_max = 128 * 1024;
inline constexpr std::size_t assembly_cached_bytes_max = 512 * 1024;
inline constexpr std::size_t partials_cached_count_max = 512;

inline constexpr std::size_t routes_max = 256;  // with the mounted ones; a connection's record keeps the index in a byte

// Webhooks (bytes unless counted).
inline constexpr std::size_t webhooks_max = 16;
inline constexpr std::size_t webhook_lanes_max = 256;
inline constexpr std::size_t webhook_key_bytes_min = 32;
inline constexpr std::size_t webhook_key_bytes_max = 1024;
inline constexpr std::size_t webhook_answer_bytes_max = 256 * 1024;  // a longer answer is a failure
inline constexpr std::size_t webhook_retry_after_seconds_max = 3600;

// Between shards.
inline constexpr std::size_t lane_parcels_max = 4096;   // requests in flight from one shard to another
inline constexpr std::size_t inlet_parcels_max = 4096;  // requests from threads that are no shard, waiting at one shard
inline constexpr std::size_t parcel_bytes_max = 64;
inline constexpr std::uint64_t answer_seconds = 5;             // until a shard's answer to a push or a question is given up
inline constexpr std::uint64_t broadcast_answer_seconds = 30;  // until a shard's report of a broadcast is given up
inline constexpr std::uint32_t owners_asked_max = 8;           // connections that one question asks when a device keeps moving
// Receipts: pushes that somebody waits for until they have come far enough.
inline constexpr std::uint64_t push_timeout_seconds_max = 300;
inline constexpr std::size_t receipts_per_connection_max = 1024;
inline constexpr std::size_t receipts_per_shard_max = 65'536;        // of its devices
inline constexpr std::uint32_t receipt_questions_per_turn = 64;      // to the kernel: what has a peer acknowledged
inline constexpr std::size_t queued_pushes_max = 4096;               // messages in front of one outbox
inline constexpr std::size_t outbox_before_queue_bytes = 16 * 1024;  // while messages wait in front of it
inline constexpr std::size_t ids_per_device_max = 256;               // of pushes that are remembered
inline constexpr std::size_t ids_per_shard_max = 65'536;
inline constexpr std::size_t id_followers_max = 16;  // repeats that await the first one's result
inline constexpr std::size_t receipts_crossing_max =
    lane_parcels_max / 4;  // asked of other shards by one; the rest is for pushes
// Broadcasts that one shard started and not all shards have reported; each holds its message.
inline constexpr std::uint32_t broadcasts_open_max = 64;
// Pages of devices that a program asked one shard for and that wait for the one before.
inline constexpr std::size_t listings_waiting_max = 64;
// Part of a lane for pages of devices; the rest is for pushes.
inline constexpr std::size_t listed_parcels_max = lane_parcels_max / 2;

// Groups.
inline constexpr std::size_t groups_per_device_max = 128;
inline constexpr std::size_t groups_per_shard_max = 1U << 20;
inline constexpr std::size_t groups_per_route_max = 32;  // that its devices join

// Requests to devices that await a reply.
inline constexpr std::size_t correlation_id_bytes_max = 256;
inline constexpr std::size_t replies_awaited_per_device_max = 16;
inline constexpr std::size_t replies_awaited_per_shard_max = 65'536;
inline constexpr std::size_t requests_crossing_max = lane_parcels_max / 4;  // that one shard has asked others for
inline constexpr std::uint64_t request_seconds_max = 60;

// Credentials.
inline constexpr std::size_t denials_max = 65'536;  // banned devices, and as many revocations

// Limits on sources and devices: what is remembered about each, in tables of fixed size, and the largest rates that count exactly.
inline constexpr std::size_t sources_remembered_max = 1U << 16;         // per limit; a power of two
inline constexpr std::size_t flapping_ids_remembered_max = 1U << 16;    // a power of two
inline constexpr std::uint64_t rate_per_second_max = 64 * 1024 * 1024;  // messages or bytes of one device
inline constexpr std::uint64_t rate_burst_seconds_max = 60;

// Device map.
inline constexpr std::size_t foreign_readers_max = 64;        // threads that are no shard and look up an id at the same time
inline constexpr std::size_t device_tables_waiting_max = 16;  // replaced tables that some shard may still be reading

// Logging.
inline constexpr std::size_t log_queue_lines_max = 8192;    // when it is full, the oldest line is dropped and counted
inline constexpr std::size_t log_lines_per_second_max = 5;  // per LogLimiter
inline constexpr std::size_t log_value_bytes_max = 1024;    // a longer value is cut

// JSON Web Tokens and the keys that verify them (bytes unless counted).
inline constexpr std::size_t jwt_bytes_max = 8 * 1024;
inline constexpr std::size_t jwt_string_bytes_max = 256;  // of an id, a subject, a token id or a key id
inline constexpr std::size_t jwt_groups_count_max = 64;
inline constexpr std::size_t jwt_group_bytes_max = 128;
inline constexpr std::size_t json_depth_max = 32;  // of a token's objects and arrays, and of a key file's
inline constexpr std::size_t jwk_file_bytes_max = 1024 * 1024;
inline constexpr std::size_t jwk_keys_count_max = 64;  // in one set
inline constexpr std::size_t jwk_tries_max = 4;        // keys that are tried on one token
inline constexpr std::size_t jwk_rsa_bits_min = 2048;
inline constexpr std::size_t jwk_rsa_bits_max = 8192;

// Slack behind every receive buffer: the SIMD kernels of ws/ load and store whole vectors.
inline constexpr std::size_t buffer_slack_bytes = 64;

static_assert(groups_per_route_max + jwt_groups_count_max < groups_per_device_max, "a backend can always add some");
static_assert(head_bytes_default > target_bytes_max);
static_assert(client_header_bytes_max == server_header_bytes_max + 4, "a reply fits in front of its payload");
static_assert((lane_parcels_max & (lane_parcels_max - 1)) == 0);
static_assert((inlet_parcels_max & (inlet_parcels_max - 1)) == 0);
static_assert(listed_devices_max <= listed_parcels_max, "a whole page fits");
static_assert(slots_per_shard_max >= direct_sockets_max);

}  // namespace ringgate::limits
