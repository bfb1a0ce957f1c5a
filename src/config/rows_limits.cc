// Rows of the table of settings: the limits of the gate ([limits]).
#include <array>
#include <string_view>

#include "base/limits.h"
#include "config/row.h"
#include "config/rows.h"

namespace ringgate::config {
namespace {

// In the order of the enumerators in ringgate/config.h.
constexpr std::array<std::string_view, 4> slow_words{"close", "drop_new", "drop_old", "coalesce"};
constexpr std::array<std::string_view, 2> rate_policy_words{"pause", "close"};

using C = Config;
using L = LimitsConfig;
constexpr auto off = Off::allowed;
constexpr auto live = Reload::live;

}  // namespace

// clang-format off
std::vector<Key> rows_of_limits() {
  return {
    row<&C::limits, &L::connections_max>("limits.max_connections",
        CountRule{1, std::uint64_t{limits::shards_max} * limits::slots_per_shard_max},
        "Device connections over all shards. Unless set, the number is lowered to what the descriptor limit allows."),
    row<&C::limits, &L::message_bytes_max>("limits.max_message", SizeRule{125, 256 * MiB},
        "Largest message from a device, decompressed."),
    row<&C::limits, &L::fragments_max>("limits.max_fragments", CountRule{1, 1 << 20},
        "Frames that one message may consist of."),
    row<&C::limits, &L::head_bytes_max>("limits.max_head", SizeRule{limits::head_bytes_least, limits::head_bytes_most},
        "Largest request head, on either port. One field line may fill it."),
    row<&C::limits, &L::fields_max>("limits.max_fields", CountRule{16, 1000},
        "Field lines of a request head, on either port."),
    row<&C::limits, &L::send_queue_bytes_max>("limits.send_queue", SizeRule{4 * KiB, 256 * MiB},
        "Output that may wait for one device. A push beyond it is refused."),
    row<&C::limits, &L::slow_policy>("limits.slow_policy", WordRule{slow_words},
        "What becomes of pushes to a device that reads too slowly. `close`: its output waits up to `send_queue`, a push beyond that is "
        "refused. The others keep pushes as messages, which can be withdrawn; one beyond `send_queue` is refused (`drop_new`) or takes the "
        "place of the oldest (`drop_old`). `coalesce`: as `drop_old`, and only the newest push of each coalesce key waits."),
    row<&C::limits, &L::idempotency_window_ns>("limits.idempotency_window", DurationRule{s, 24 * hour, off},
        "How long a push's `Idempotency-Key` is remembered: a repeat is not sent, and gets the first one's answer."),
    row<&C::limits, &L::push_bytes_max>("limits.max_push", SizeRule{125, 256 * MiB},
        "Largest message pushed to a device. Unless set, it equals `max_message`."),
    row<&C::limits, &L::reassembly_bytes_max>("limits.reassembly_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for unfinished messages of all devices. Each shard has an equal part, at least `max_message` plus 1 MiB. Beyond "
        "it, "
        "the device with the oldest unfinished message is closed with 1013."),
    row<&C::limits, &L::heads_bytes_max>("limits.heads_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for unfinished request heads of all devices. Each shard has an equal part, at least 512 KiB. Beyond it, the "
        "request "
        "with the oldest unfinished head is answered 503."),
    row<&C::limits, &L::output_bytes_max>("limits.output_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for output that waits for slow devices. Each shard has an equal part, at least twice the sum of `send_queue` and "
        "`max_push`. Beyond it, the connection with the most waiting output is reset (close code 4430 in the log)."),
    row<&C::limits, &L::held_bytes_max>("limits.held_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for received messages that wait for their device's turn. Each shard has an equal part, at least 2 MiB. While "
        "more than "
        "half of it is used, devices whose messages waited are not read from. A device beyond it is closed with 1013."),
    row<&C::limits, &L::deflate_bytes_max>("limits.deflate_memory", SizeRule{0, 1024 * 1024 * MiB},
        "Memory for context takeover of all devices. Once it is used up, new devices get no context takeover."),
    row<&C::limits, &L::inflate_cpu_percent>("limits.inflate_cpu", CountRule{1, 100},
        "Percent of one core that decompression for one device may take, over about a second. Beyond it, the device is closed "
        "with "
        "1008."),
    row<&C::limits, &L::accept_backlog>("limits.accept_backlog", CountRule{1, 65535},
        "Connections that may wait to be accepted, per listener and shard."),
    row<&C::limits, &L::send_timeout_ns>("limits.send_timeout", DurationRule{100 * ms, hour, off},
        "How long output may wait while the device takes no byte. Then the connection is reset (close code 4430 in the log)."),
    row<&C::limits, &L::handshake_timeout_ns>("limits.handshake_timeout", DurationRule{100 * ms, hour},
        "How long the opening handshake may take."),
    row<&C::limits, &L::authentication_timeout_ns>("limits.authentication_timeout", DurationRule{100 * ms, hour},
        "How long a handler that decides later about an opening handshake may take. Then it is answered 504."),
    row<&C::limits, &L::authenticating_max>("limits.max_authenticating", CountRule{1, 1'000'000},
        "Opening handshakes that may wait for such a decision, over all shards. One more is answered 503."),
    row<&C::limits, &L::ping_interval_ns>("limits.ping_interval", DurationRule{100 * ms, 24 * hour, off},
        "How long a device may be silent before it is pinged. Any byte received is a sign of life."),
    row<&C::limits, &L::pong_timeout_ns>("limits.pong_timeout", DurationRule{100 * ms, hour, off},
        "How long a pinged device may stay silent before it is closed with 4408. Any byte received is a sign of life, not only a "
        "pong."),
    row<&C::limits, &L::idle_timeout_ns>("limits.idle_timeout", DurationRule{100 * ms, 720 * hour, off},
        "How long a device may send no data message before it is closed with 4408."),
    row<&C::limits, &L::message_timeout_ns>("limits.message_timeout", DurationRule{100 * ms, 24 * hour, off},
        "How long a message may take from its first byte to its last before the device is closed with 1008."),
    row<&C::limits, &L::close_timeout_ns>("limits.close_timeout", DurationRule{100 * ms, hour},
        "How long the closing handshake may take before the connection is dropped."),
    row<&C::limits, &L::tcp_user_timeout_ns>("limits.tcp_user_timeout", DurationRule{ms, 24 * hour, off},
        "How long sent bytes may stay unacknowledged by TCP before the connection is dropped (TCP_USER_TIMEOUT)."),
    row<&C::limits, &L::connections_per_prefix>("limits.connections_per_prefix", CountRule{1, 1'000'000, false, off},
        "Device connections of one source at the same time: of an IPv4 address, or of the /64 of an IPv6 address. Others are "
        "answered 429.", live),
    row<&C::limits, &L::handshakes_per_prefix>("limits.handshakes_per_prefix", CountRule{1, 1'000'000, false, off},
        "Opening handshakes per minute of one source, as many at once. Others are answered 429. With TLS, handshakes of TLS, which are "
        "reset before they cost anything.", live),
    row<&C::limits, &L::auth_failures_per_prefix>("limits.auth_failures", CountRule{1, 1'000'000, false, off},
        "Wrong credentials per minute of one source, as many at once. Beyond it, every handshake of the source is answered 429, also one with "
        "a good credential.", live),
    row<&C::limits, &L::accepts_per_second>("limits.accept_rate", CountRule{1, 1'000'000, false, off},
        "Opening handshakes per second of the whole gate, as many at once. Others are answered 503.", live),
    row<&C::limits, &L::flap_connects>("limits.flap_connects", CountRule{1, 1'000'000, false, off},
        "How often one device id may connect in `flap_window`. An id that connects more often is answered 429 for the time of "
        "`flap_ban`.", live),
    row<&C::limits, &L::flap_connects_per_prefix>("limits.flap_connects_per_prefix", CountRule{1, 1'000'000, false, off},
        "The same for one source: how often its devices together may connect in `flap_window`.", live),
    row<&C::limits, &L::flap_window_ns>("limits.flap_window", DurationRule{s, 24 * hour},
        "The time in which connections are counted for `flap_connects`, from the first on.", live),
    row<&C::limits, &L::flap_ban_ns>("limits.flap_ban", DurationRule{s, 24 * hour},
        "How long an id or a source that connects too often is answered 429.", live),
    row<&C::limits, &L::departed_devices_max>("limits.departed_devices", CountRule{1, 10'000'000, false, off},
        "Devices that left lately of which the gate remembers when and how: `GET /v1/devices/{id}` tells it with its 404."),
    row<&C::limits, &L::sticky_memberships_max>("limits.sticky_memberships", CountRule{1, 10'000'000, false, off},
        "Memberships in groups that a backend may make to outlive connections, of all devices together."),
    row<&C::limits, &L::messages_per_second>("limits.message_rate", CountRule{1, 1'000'000, false, off},
        "Messages per second that one device may send, over time.", live),
    row<&C::limits, &L::bytes_per_second>("limits.byte_rate", SizeRule{1, limits::rate_per_second_max, false, off},
        "Bytes per second that one device may send, over time: as they arrive, after TLS, compressed as they are.", live),
    row<&C::limits, &L::rate_burst_ns>("limits.rate_burst", DurationRule{100 * ms, limits::rate_burst_seconds_max * s},
        "How much of `message_rate` and `byte_rate` a silent device saves up and may send at once.", live),
    row<&C::limits, &L::rate_policy>("limits.rate_policy", WordRule{rate_policy_words},
        "What becomes of a device beyond its rate. `pause`: it is not read from until it may send again. `close`: it is closed with "
        "4429.", live),
  };
}
// clang-format on

}  // namespace ringgate::config
