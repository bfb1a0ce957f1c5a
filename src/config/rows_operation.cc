// Rows of the table of settings: how the gate works and ends ([ring], [log], [drain], [events]).
#include <array>
#include <string_view>

#include "config/row.h"
#include "config/rows.h"

namespace ringgate::config {
namespace {

// In the order of the enumerators in ringgate/config.h.
constexpr std::array<std::string_view, 2> feature_words{"auto", "off"};
constexpr std::array<std::string_view, 5> level_words{"debug", "info", "warning", "error", "off"};
constexpr std::array<std::string_view, 3> format_words{"auto", "logfmt", "json"};

using C = Config;
using R = RingConfig;
constexpr auto off = Off::allowed;
constexpr auto live = Reload::live;

}  // namespace

// clang-format off
std::vector<Key> rows_of_operation() {
  return {
    row<&C::ring, &R::multishot_receive>("ring.multishot_recv", WordRule{feature_words},
        "Receive with one operation that stays armed."),
    row<&C::ring, &R::direct_descriptors>("ring.direct_descriptors", WordRule{feature_words},
        "Keep sockets in the ring's own descriptor table."),
    row<&C::ring, &R::silent_sends>("ring.silent_sends", WordRule{feature_words},
        "Use sends that complete only when they fail."),
    row<&C::ring, &R::incremental_buffers>("ring.incremental_buffers", WordRule{feature_words},
        "Let the kernel fill receive buffers piece by piece (Linux 6.12)."),
    row<&C::ring, &R::message_ring>("ring.msg_ring", WordRule{feature_words},
        "Wake other shards through their rings."),
    row<&C::ring, &R::zero_copy_sends>("ring.zero_copy_sends", WordRule{feature_words},
        "Send large pushed messages to other machines from registered memory, without a copy in the kernel."),
    row<&C::ring, &R::unacked_command>("ring.unacked_command", WordRule{feature_words},
        "Ask through the ring what peers have not acknowledged (Linux 6.7). Without it, pushes cannot wait for `acked`."),
    row<&C::ring, &R::zero_copy_bytes>("ring.zero_copy_from", SizeRule{4 * KiB, 256 * MiB},
        "Smallest message that is sent without a copy."),
    row<&C::ring, &R::busy_poll_ns>("ring.busy_poll", DurationRule{us, 10 * ms, off},
        "How long a shard spins for work before it sleeps."),
    row<&C::ring, &R::gather_ns>("ring.gather", DurationRule{us, 10 * ms, off},
        "How long a busy shard waits for more messages before it wakes. A longer wait means fewer wakes and later answers."),
    row<&C::ring, &R::cold_after_ns>("ring.cold_after", DurationRule{100 * ms, 24 * hour, off},
        "How long a device may be silent before it waits with a poll instead of a receive. A poll holds about 500 bytes less of "
        "kernel "
        "memory."),
    row<&C::ring, &R::buffers_count>("ring.buffers", CountRule{2, 1024, true},
        "Incremental receive buffers per shard."),
    row<&C::ring, &R::buffer_bytes>("ring.buffer_size", SizeRule{4 * KiB, MiB, true},
        "Size of each incremental receive buffer."),
    row<&C::ring, &R::whole_buffers_count>("ring.whole_buffers", CountRule{16, 32768, true},
        "Receive buffers per shard without `incremental_buffers`: each receive takes a whole buffer."),
    row<&C::ring, &R::whole_buffer_bytes>("ring.whole_buffer_size", SizeRule{KiB, MiB, true},
        "Size of each whole receive buffer."),
    row<&C::ring, &R::bulk_bytes>("ring.bulk_receive", SizeRule{4 * KiB, 16 * MiB},
        "Devices that deliver at least this much per receive are received from one after the other. Each is answered while its "
        "bytes "
        "are in the cache. Above `ring.buffer_size`: no device."),
    row<&C::log, &LogConfig::level>("log.level", WordRule{level_words},
        "Lowest level that is written.", live),
    row<&C::log, &LogConfig::format>("log.format", WordRule{format_words},
        "`auto`: logfmt on a terminal, JSON otherwise."),
    row<&C::drain, &DrainConfig::grace_ns>("drain.grace", DurationRule{0, hour},
        "How long the listeners stay open after SIGTERM while /readyz already fails."),
    row<&C::drain, &DrainConfig::duration_ns>("drain.duration", DurationRule{s, hour},
        "How long closing all devices may take. The drain ends at most `limits.close_timeout` later."),
    row<&C::drain, &DrainConfig::closes_per_second>("drain.rate", CountRule{1, 1'000'000},
        "Devices closed per second, over all shards. More are closed if `drain.duration` requires it."),
    row<&C::events, &EventsConfig::ring_bytes>("events.ring", SizeRule{64 * KiB, 1024 * MiB, true},
        "Ring of each shard for events on their way to the stream and to webhooks. At least twice the largest message of a route with "
        "`upstream`. An event that finds it full is dropped, counted and announced."),
    row<&C::events, &EventsConfig::log_bytes>("events.log", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for the latest events, for readers that fall behind or come back with `Last-Event-ID`. A reader that falls further "
        "behind is cut."),
    row<&C::events, &EventsConfig::readers_max>("events.readers", CountRule{1, 4096},
        "Readers of the event stream at the same time, over all shards. One more is answered 503."),
    row<&C::events, &EventsConfig::heartbeat_ns>("events.heartbeat", DurationRule{s, hour},
        "How long a reader may get no event before it gets a sign of life. A backend that says nothing on `/v1/stream` for so long is pinged, "
        "and after as long again it is gone."),
  };
}
// clang-format on

}  // namespace ringgate::config
