// Rows of the table of settings: the paths of devices ([[route]]).
#include <array>
#include <string_view>

#include "base/limits.h"
#include "config/row.h"
#include "config/rows.h"
#include "config/shape.h"

namespace ringgate::config {
namespace {

// In the order of the enumerators in ringgate/config.h.
constexpr std::array<std::string_view, 3> origin_words{"same_host", "list", "off"};
constexpr std::array<std::string_view, 3> id_characters_words{"strict", "ocpp", "printable"};
constexpr std::array<std::string_view, 3> duplicate_words{"replace", "reject", "allow"};
constexpr std::array<std::string_view, 2> overflow_words{"drop", "pause"};
constexpr std::array<std::string_view, 5> route_slow_words{"inherit", "close", "drop_new", "drop_old", "coalesce"};
constexpr std::array<std::string_view, 2> switch_words{"off", "on"};
constexpr std::array<std::string_view, 2> hook_failure_words{"refuse", "allow"};

using C = Config;
using D = DeflateConfig;
using RL = RouteLimitsConfig;
constexpr auto off = Off::allowed;
constexpr auto live = Reload::live;
constexpr auto inherit = Off::inherit;
constexpr auto off_or_inherit = Off::or_inherit;

}  // namespace

// clang-format off
std::vector<Key> rows_of_routes() {
  return {
    row<&C::routes, &RouteConfig::path>("route.path", TextRule{route_path_pattern},
        "Path of the opening handshake, compared byte by byte. One whole segment may be `{id}`: the device id stands there, "
        "percent-encoded."),
    row<&C::routes, &RouteConfig::handler>("route.handler", TextRule{handler_name},
        "Handler of the messages on this path. `echo` sends each back, `drop` answers nothing; other names are those of an embedding "
        "program."),
    row<&C::routes, &RouteConfig::upstream>("route.upstream", ListRule{sink_name, 0, 16},
        "Sinks that the messages on this path go to as well: `events` (the event stream), `webhook:NAME`. A device never waits for a "
        "sink: a message that finds no room is dropped, counted and announced.", live),
    row<&C::routes, &RouteConfig::on_overflow>("route.on_overflow", WordRule{overflow_words},
        "What becomes of a device while a sink of its route is more than half full. `drop`: nothing, and messages may be dropped. "
        "`pause`: it is not read from.", live),
    row<&C::routes, &RouteConfig::id_from>("route.id_from", ListRule{route_id_source, 0, 8},
        "As `device.id_from`, for this path alone. Empty: those of `device.id_from`. `path`: the segment `{id}`, which always counts. "
        "`basic:user`, `jwt:CLAIM`, `tls:cn` and `tls:san`: the id that the device's credential proves.", live),
    row<&C::routes, &RouteConfig::id_characters>("route.id_characters", WordRule{id_characters_words},
        "Characters of device ids. `strict`: letters, digits and `. _ ~ : @ -`. `ocpp`: also `* = + |` and space. `printable`: all "
        "printable ASCII but `/ ? # %` and quotes."),
    row<&C::routes, &RouteConfig::auth>("route.auth", ListRule{auth_kind, 0, 6},
        "Credentials that this path takes: `token`, `basic`, `hmac` (signed URL), `jwt`, `mtls`, `none`. The first one in this list that "
        "a request has decides; `none` counts only for a request without any. Empty: as `none`, on loopback only.", live),
    row<&C::routes, &RouteConfig::enforce>("route.enforce", FlagRule{},
        "Whether a request without a good credential is refused. If not, it is let in, and the log and a metric tell of it.", live),
    row<&C::routes, &RouteConfig::duplicate>("route.duplicate", WordRule{duplicate_words},
        "What happens if a device connects whose id is online. `replace`: the older connection is closed with 4409. `reject`: the newer "
        "one is answered 409. `allow`: both stay, up to `max_per_device`, and pushes go to all. The newer one's route decides.", live),
    row<&C::routes, &RouteConfig::connections_max>("route.max_per_device", CountRule{1, 64},
        "Connections that one device may have at once with `duplicate = \"allow\"`. One more is answered 409.", live),
    row<&C::routes, &RouteConfig::groups>("route.groups", ListRule{group_name, 0, limits::groups_per_route_max},
        "Groups that a device of this path joins when it connects, beside those of its credential.", live),
    row<&C::routes, &RouteConfig::correlation>("route.correlation", TextRule{correlation},
        "Where messages of this path carry an id that a reply repeats, as a JSON pointer (OCPP: `/1`): for requests of backends that "
        "are answered by the device. Empty: there are none.", live),
    row<&C::routes, &RouteConfig::origin>("route.origin", WordRule{origin_words},
        "Which Origin a browser may send. `same_host`: the host in its Host field. `list`: one of `allowed_origins`. `off`: "
        "any.", live),
    row<&C::routes, &RouteConfig::allowed_origins>("route.allowed_origins", ListRule{web_origin, 0, 256},
        "Origins accepted if `origin` is `list`. A default port equals no port. `null` and `file://` are valid entries.", live),
    row<&C::routes, &RouteConfig::subprotocols>("route.subprotocols", ListRule{subprotocol_name, 0, 64},
        "Subprotocols of this path. The gate picks the first one that the client offers."),
    row<&C::routes, &RouteConfig::connect_hook>("route.connect_hook", TextRule{webhook_name_or_none},
        "Webhook that is asked whether a device may connect, after the checks of the gate. Empty: none."),
    row<&C::routes, &RouteConfig::connect_hook_failure>("route.connect_hook_failure", WordRule{hook_failure_words},
        "What becomes of a handshake if the connect hook gives no verdict in time. `refuse`: it is answered 503. `allow`: the device "
        "connects."),
    row<&C::routes, &RouteConfig::connect_hook_fields>("route.connect_hook_fields", ListRule{field_name, 0, 32},
        "Fields of the request that the connect hook is told."),
    row<&C::routes, &RouteConfig::deflate, &D::enabled>("route.deflate.mode", WordRule{switch_words},
        "Whether the gate accepts an offer of permessage-deflate."),
    row<&C::routes, &RouteConfig::deflate, &D::context_takeover>("route.deflate.context_takeover", FlagRule{},
        "Whether a message may refer back to earlier ones. Messages get smaller, each device costs more memory."),
    row<&C::routes, &RouteConfig::deflate, &D::window_bits>("route.deflate.window_bits", CountRule{9, 15},
        "Largest compression window in either direction: 2^N bytes."),
    row<&C::routes, &RouteConfig::deflate, &D::memory_level>("route.deflate.memory_level", CountRule{1, 9},
        "Memory of a compressor with context takeover: 2^(N + 9) bytes beside its window."),
    row<&C::routes, &RouteConfig::deflate, &D::message_bytes_min>("route.deflate.min_size", SizeRule{1, 256 * MiB},
        "Shorter messages are sent uncompressed."),
    row<&C::routes, &RouteConfig::limits, &RL::message_bytes_max>("route.limits.max_message", SizeRule{125, 256 * MiB, false, inherit},
        "Largest message from a device of this path, decompressed; at most `limits.max_message`. `inherit`: that."),
    row<&C::routes, &RouteConfig::limits, &RL::send_queue_bytes_max>("route.limits.send_queue", SizeRule{4 * KiB, 256 * MiB, false, inherit},
        "Output that may wait for one device of this path; at most `limits.send_queue`. `inherit`: that."),
    row<&C::routes, &RouteConfig::limits, &RL::idle_timeout_ns>("route.limits.idle_timeout", DurationRule{100 * ms, 720 * hour, off_or_inherit},
        "How long a device of this path may send no data message before it is closed with 4408. `inherit`: `limits.idle_timeout`."),
    row<&C::routes, &RouteConfig::limits, &RL::message_timeout_ns>("route.limits.message_timeout", DurationRule{100 * ms, 24 * hour, off_or_inherit},
        "How long a message of this path may take from its first byte to its last. `inherit`: `limits.message_timeout`."),
    row<&C::routes, &RouteConfig::limits, &RL::ping_interval_ns>("route.limits.ping_interval", DurationRule{100 * ms, 24 * hour, off_or_inherit},
        "How long a device of this path may be silent before it is pinged. `inherit`: `limits.ping_interval`."),
    row<&C::routes, &RouteConfig::limits, &RL::pong_timeout_ns>("route.limits.pong_timeout", DurationRule{100 * ms, hour, off_or_inherit},
        "How long a pinged device of this path may stay silent before it is closed with 4408. `inherit`: `limits.pong_timeout`."),
    row<&C::routes, &RouteConfig::limits, &RL::slow_policy>("route.limits.slow_policy", WordRule{route_slow_words},
        "What becomes of pushes to a device of this path that reads too slowly. `inherit`: as `limits.slow_policy`."),
    row<&C::routes, &RouteConfig::messages_per_second>("route.message_rate", CountRule{1, 1'000'000, false, Off::or_inherit},
        "Messages per second that one device of this route may send. `inherit`: as `limits.message_rate`.", live),
    row<&C::routes, &RouteConfig::bytes_per_second>("route.byte_rate", SizeRule{1, limits::rate_per_second_max, false, Off::or_inherit},
        "Bytes per second that one device of this route may send. `inherit`: as `limits.byte_rate`.", live),
    row<&C::routes, &RouteConfig::lifetime_ns>("route.max_lifetime", DurationRule{s, 720 * hour, off},
        "How long a connection lasts before it is closed with 4440, spread by up to a tenth either way.", live),
  };
}
// clang-format on

}  // namespace ringgate::config
