#include "config/table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "config/shape.h"

namespace ringgate::config {
namespace {

constexpr std::uint64_t KiB = 1024;
constexpr std::uint64_t MiB = 1024 * KiB;
constexpr std::uint64_t us = nanoseconds_per_microsecond;
constexpr std::uint64_t ms = nanoseconds_per_millisecond;
constexpr std::uint64_t s = nanoseconds_per_second;
constexpr std::uint64_t minute = 60 * s;
constexpr std::uint64_t hour = 60 * minute;

// In the order of the enumerators in ringgate/config.h.
constexpr std::array<std::string_view, 3> origin_words{"same_host", "list", "off"};
constexpr std::array<std::string_view, 2> switch_words{"off", "on"};
constexpr std::array<std::string_view, 2> feature_words{"auto", "off"};
constexpr std::array<std::string_view, 5> level_words{"debug", "info", "warning", "error", "off"};
constexpr std::array<std::string_view, 3> format_words{"auto", "logfmt", "json"};

template <auto Section, auto... Members, typename AnyConfig>
auto& member_of(AnyConfig& config, std::size_t index) {
  // clang-format off
  if constexpr (requires { (config.*Section)[index]; }) return ((config.*Section)[index].* ... .*Members);
  else return ((config.*Section).* ... .*Members);
  // clang-format on
}

/// What the rule speaks of: of an enumeration, the number of its word.
template <typename KindOfRule, typename Member>
decltype(auto) ruled_value(const Member& member) {
  if constexpr (std::is_same_v<KindOfRule, WordRule>) return static_cast<std::size_t>(member);
  else return (member);
}

/// A row of the table: ties a path and its rule to a member of a section of Config, or to a member of that member.
template <auto Section, auto... Members, typename KindOfRule>
Key row(std::string_view path, KindOfRule rule, std::string_view meaning) {
  return {path,
          rule,
          meaning,
          [](const Key& key, Config& config, std::size_t index, const RawValue& value) -> Read<void> {
            auto& member = member_of<Section, Members...>(config, index);
            auto read_value = read(std::get<KindOfRule>(key.rule), value);
            if (!read_value) return std::unexpected(std::move(read_value.error()));
            member = static_cast<std::remove_reference_t<decltype(member)>>(std::move(*read_value));
            return {};
          },
          [](const Key& key, const Config& config, std::size_t index) {
            const auto& member = member_of<Section, Members...>(config, index);
            const auto& rule_of_key = std::get<KindOfRule>(key.rule);
            return config::print(rule_of_key, ruled_value<KindOfRule>(member));
          },
          [](const Key& key, const Config& config, std::size_t index) {
            const auto& member = member_of<Section, Members...>(config, index);
            return config::check(std::get<KindOfRule>(key.rule), ruled_value<KindOfRule>(member));
          }};
}

using C = Config;
using D = DeflateConfig;
using L = LimitsConfig;
using R = RingConfig;
constexpr auto off = Off::allowed;

// Sections stay together, in the order print-config shows them. A row is two lines: what it ties together, and its meaning.
// clang-format off
const std::array table{
    row<&C::server, &ServerConfig::shards_count>("server.shards", CountRule{0, limits::shards_max},
        "Threads that serve, each with its ring; 0: one per CPU, as far as the CPU quota of the control group pays for them."),
    row<&C::server, &ServerConfig::cpus>("server.cpus", CpuListRule{},
        "The CPUs that shards are pinned to, in turn; `all`: not pinned."),
    row<&C::listeners, &ListenerConfig::bind>("listener.bind", TextRule{listen_address},
        "Where devices connect; port 0 lets the kernel pick."),
    row<&C::listeners, &ListenerConfig::dual_stack>("listener.dual_stack", FlagRule{},
        "Whether an IPv6 address, such as `[::]`, takes IPv4 connections too."),
    row<&C::listeners, &ListenerConfig::health_path>("listener.health_path", TextRule{route_path_or_off},
        "Where load balancers ask devices' listeners: 200 while the gate is ready, else 503; `off`: nowhere."),
    row<&C::admin, &AdminConfig::bind>("admin.bind", TextRule{listen_address_or_off},
        "Where backends push and metrics are read; `off`: nowhere."),
    row<&C::admin, &AdminConfig::dual_stack>("admin.dual_stack", FlagRule{},
        "Whether an IPv6 address, such as `[::]`, takes IPv4 connections too."),
    row<&C::admin, &AdminConfig::allowed_hosts>("admin.allowed_hosts", ListRule{host_name, 0, 64},
        "Names in the Host field that are served beside loopback names and IP addresses; others are answered 421. On an address that "
        "is not loopback the Host is judged only if this list is not empty."),
    row<&C::admin, &AdminConfig::connections_max>("admin.max_connections", CountRule{1, 65536},
        "Admin connections over all shards; a request on one more is answered 503."),
    row<&C::routes, &RouteConfig::path>("route.path", TextRule{route_path},
        "The path of the opening handshake, compared byte by byte."),
    row<&C::routes, &RouteConfig::handler>("route.handler", TextRule{handler_name},
        "What answers the messages of this path."),
    row<&C::routes, &RouteConfig::origin>("route.origin", WordRule{origin_words},
        "Which Origin a browser may come from: that of the Host field, one of `allowed_origins`, or any."),
    row<&C::routes, &RouteConfig::allowed_origins>("route.allowed_origins", ListRule{web_origin, 0, 256},
        "The origins let in when `origin` is `list`; a default port equals none. `null` and `file://` can be listed, too."),
    row<&C::routes, &RouteConfig::subprotocols>("route.subprotocols", ListRule{subprotocol_name, 0, 64},
        "Subprotocols spoken on this path, the preferred one first."),
    row<&C::routes, &RouteConfig::deflate, &D::enabled>("route.deflate.mode", WordRule{switch_words},
        "Whether permessage-deflate is agreed to."),
    row<&C::routes, &RouteConfig::deflate, &D::context_takeover>("route.deflate.context_takeover", FlagRule{},
        "Whether messages may refer back to earlier ones: smaller, for memory per device."),
    row<&C::routes, &RouteConfig::deflate, &D::window_bits>("route.deflate.window_bits", CountRule{9, 15},
        "The largest window, as a power of two, in either direction."),
    row<&C::routes, &RouteConfig::deflate, &D::memory_level>("route.deflate.memory_level", CountRule{1, 9},
        "Memory of a compressor with context takeover: 2^(level + 9) bytes beside its window."),
    row<&C::routes, &RouteConfig::deflate, &D::message_bytes_min>("route.deflate.min_size", SizeRule{1, 256 * MiB},
        "Shorter messages are sent as they are."),
    row<&C::device, &DeviceConfig::required>("device.required", FlagRule{},
        "Whether a connection without a device id is refused; if not, it gets an anonymous one."),
    row<&C::device, &DeviceConfig::id_from>("device.id_from", ListRule{id_source, 1, 8},
        "Where the device id may stand in the request; where it stands in several places, all must name one device."),
    row<&C::device, &DeviceConfig::allowed_hosts>("device.allowed_hosts", ListRule{host_name, 0, 64},
        "Names or addresses in the Host field that devices may use, whatever the port; others are answered 421. Empty: any."),
    row<&C::limits, &L::connections_max>("limits.max_connections",
        CountRule{1, std::uint64_t{limits::shards_max} * limits::slots_per_shard_max},
        "Connections over all shards; lowered to what the descriptor limit allows unless set."),
    row<&C::limits, &L::message_bytes_max>("limits.max_message", SizeRule{125, 256 * MiB},
        "The largest message from a device."),
    row<&C::limits, &L::fragments_max>("limits.max_fragments", CountRule{1, 1 << 20},
        "Frames that one message may come in."),
    row<&C::limits, &L::head_bytes_max>("limits.max_head", SizeRule{limits::head_bytes_least, limits::head_bytes_most},
        "The largest head of a request, on either port; one field line may fill it."),
    row<&C::limits, &L::fields_max>("limits.max_fields", CountRule{16, 1000},
        "Field lines that a request head may have, on either port."),
    row<&C::limits, &L::send_queue_bytes_max>("limits.send_queue", SizeRule{4 * KiB, 256 * MiB},
        "Output that may wait for one device."),
    row<&C::limits, &L::push_bytes_max>("limits.max_push", SizeRule{125, 256 * MiB},
        "The largest message pushed to a device; `max_message` unless set."),
    row<&C::limits, &L::reassembly_bytes_max>("limits.reassembly_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for unfinished messages of all devices, in equal parts for the shards, each at least a message and 1 MiB; over it, the "
        "oldest message is given up."),
    row<&C::limits, &L::heads_bytes_max>("limits.heads_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for unfinished request heads of all devices, in equal parts for the shards, each at least 512 KiB; over it, the oldest is "
        "answered 503."),
    row<&C::limits, &L::output_bytes_max>("limits.output_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for output that waits for slow devices, in equal parts for the shards, each at least two of `send_queue` and `max_push` together; over it, the "
        "device for which most waits is closed with 4430."),
    row<&C::limits, &L::held_bytes_max>("limits.held_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for received messages that wait for their device's turn, in equal parts for the shards, each at least 2 MiB; from half of it "
        "on, devices whose messages waited are not read from; a device that does not fit any more is closed with 1013."),
    row<&C::limits, &L::deflate_bytes_max>("limits.deflate_memory", SizeRule{0, 1024 * 1024 * MiB},
        "Memory for context takeover of all devices; over it, new ones get none."),
    row<&C::limits, &L::inflate_cpu_percent>("limits.inflate_cpu", CountRule{1, 100},
        "Percent of a core that decompressing for one device may take, over about a second."),
    row<&C::limits, &L::accept_backlog>("limits.accept_backlog", CountRule{1, 65535},
        "Connections that may wait to be accepted, per listener and shard."),
    row<&C::limits, &L::send_timeout_ns>("limits.send_timeout", DurationRule{100 * ms, hour, off},
        "How long output may wait without a byte taken by the device."),
    row<&C::limits, &L::handshake_timeout_ns>("limits.handshake_timeout", DurationRule{100 * ms, hour},
        "How long the opening handshake may take."),
    row<&C::limits, &L::ping_interval_ns>("limits.ping_interval", DurationRule{100 * ms, 24 * hour, off},
        "How often a silent device is pinged."),
    row<&C::limits, &L::pong_timeout_ns>("limits.pong_timeout", DurationRule{100 * ms, hour, off},
        "How long a device may take to answer a ping."),
    row<&C::limits, &L::idle_timeout_ns>("limits.idle_timeout", DurationRule{100 * ms, 720 * hour, off},
        "How long a device may go without a data message."),
    row<&C::limits, &L::message_timeout_ns>("limits.message_timeout", DurationRule{100 * ms, 24 * hour, off},
        "How long a message may take from its first byte to its last."),
    row<&C::limits, &L::close_timeout_ns>("limits.close_timeout", DurationRule{100 * ms, hour},
        "How long the closing handshake may take before the connection is reset."),
    row<&C::limits, &L::tcp_user_timeout_ns>("limits.tcp_user_timeout", DurationRule{ms, 24 * hour, off},
        "How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT)."),
    row<&C::ring, &R::multishot_receive>("ring.multishot_recv", WordRule{feature_words},
        "One receive operation that stays armed."),
    row<&C::ring, &R::direct_descriptors>("ring.direct_descriptors", WordRule{feature_words},
        "Sockets in the ring's own table."),
    row<&C::ring, &R::silent_sends>("ring.silent_sends", WordRule{feature_words},
        "Sends that complete only when they fail."),
    row<&C::ring, &R::incremental_buffers>("ring.incremental_buffers", WordRule{feature_words},
        "Receive buffers filled piece by piece."),
    row<&C::ring, &R::message_ring>("ring.msg_ring", WordRule{feature_words},
        "Shards wake one another through their rings."),
    row<&C::ring, &R::zero_copy_sends>("ring.zero_copy_sends", WordRule{feature_words},
        "Large pushed messages leave for peers on other machines without a copy in the kernel, from registered memory."),
    row<&C::ring, &R::zero_copy_bytes>("ring.zero_copy_from", SizeRule{4 * KiB, 256 * MiB},
        "How large such a message must be."),
    row<&C::ring, &R::busy_poll_ns>("ring.busy_poll", DurationRule{us, 10 * ms, off},
        "How long a shard spins for work before it sleeps."),
    row<&C::ring, &R::gather_ns>("ring.gather", DurationRule{us, 10 * ms, off},
        "How long a busy shard lets messages gather before it takes them: waking for each costs more than the message. Longer waits, fewer wakes, later answers."),
    row<&C::ring, &R::cold_after_ns>("ring.cold_after", DurationRule{100 * ms, 24 * hour, off},
        "After how long a silent device's receive gives way to a poll, which holds some 500 bytes less of the kernel's memory."),
    row<&C::ring, &R::buffers_count>("ring.buffers", CountRule{2, 1024, true},
        "Incremental receive buffers per shard."),
    row<&C::ring, &R::buffer_bytes>("ring.buffer_size", SizeRule{4 * KiB, MiB, true},
        "Size of each of them."),
    row<&C::ring, &R::whole_buffers_count>("ring.whole_buffers", CountRule{16, 32768, true},
        "Receive buffers per shard where the kernel cannot fill them piece by piece (before 6.12), or `incremental_buffers` is off: each receive takes a whole one."),
    row<&C::ring, &R::whole_buffer_bytes>("ring.whole_buffer_size", SizeRule{KiB, MiB, true},
        "Size of each of those."),
    row<&C::ring, &R::bulk_bytes>("ring.bulk_receive", SizeRule{4 * KiB, 16 * MiB},
        "Devices that bring so much at a time are received from one after the other, so that each is answered while its bytes are in the cache; above `ring.buffer_size`: none."),
    row<&C::log, &LogConfig::level>("log.level", WordRule{level_words},
        "The least severe lines that are written."),
    row<&C::log, &LogConfig::format>("log.format", WordRule{format_words},
        "`auto`: logfmt on a terminal, JSON otherwise."),
    row<&C::drain, &DrainConfig::grace_ns>("drain.grace", DurationRule{0, hour},
        "How long SIGTERM leaves the listeners open while /readyz already fails."),
    row<&C::drain, &DrainConfig::duration_ns>("drain.duration", DurationRule{s, hour},
        "How long closing all devices may take; `limits.close_timeout` later the drain is over, whatever they do."),
    row<&C::drain, &DrainConfig::closes_per_second>("drain.rate", CountRule{1, 1'000'000},
        "Devices closed per second."),
};
// clang-format on

template <auto Section>
constexpr RepeatedSection repeated(std::string_view name, std::size_t entries_max) {
  return {name, entries_max, [](const Config& config) { return (config.*Section).size(); },
          [](Config& config, std::size_t count) { (config.*Section).resize(count); }};
}

constexpr std::array repeated_table{repeated<&C::listeners>("listener", 16), repeated<&C::routes>("route", limits::routes_max)};

std::optional<std::size_t> read_index(std::string_view text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return index;
}

const Key* find_plain(std::string_view section, std::string_view name) {
  const auto key = std::ranges::find_if(table, [&](const Key& k) { return k.section() == section && k.name() == name; });
  return key == table.end() ? nullptr : &*key;
}

/// Levenshtein's distance; both texts are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row_before(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row_before[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row_now(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = row_before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row_now[j] = std::min({replace, row_before[j] + 1, row_now[j - 1] + 1});
    }
    row_before = std::move(row_now);
  }
  return row_before.back();
}

/// The entry that a mistyped path means: "listener.2.bnd" -> 2.
std::size_t index_in(std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return 0;
  const std::string_view rest = path.substr(dot + 1);
  return read_index(rest.substr(0, rest.find('.'))).value_or(0);
}

}  // namespace

Config default_config() {
  Config config;
  config.routes.emplace_back();
  return config;
}

std::span<const Key> keys() { return table; }
std::span<const RepeatedSection> repeated_sections() { return repeated_table; }

const RepeatedSection* find_repeated(std::string_view name) {
  const auto section = std::ranges::find(repeated_table, name, &RepeatedSection::name);
  return section == repeated_table.end() ? nullptr : &*section;
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(
      table, [&](const Key& key) { return key.path.starts_with(name) && key.path.substr(name.size()).starts_with('.'); });
}

std::optional<KeyPlace> find_key(std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view section = path.substr(0, dot);
  std::string_view name = path.substr(dot + 1);
  std::size_t index = 0;
  if (find_repeated(section) != nullptr) {
    const std::size_t index_end = name.find('.');
    if (index_end == std::string_view::npos) return std::nullopt;
    const auto read = read_index(name.substr(0, index_end));
    if (!read) return std::nullopt;
    index = *read;
    name = name.substr(index_end + 1);
  }
  const Key* key = find_plain(section, name);
  if (key == nullptr) return std::nullopt;
  return KeyPlace{key, index};
}

std::string path_of(const KeyPlace& place) {
  const std::string section(place.key->section());
  if (find_repeated(section) == nullptr) return std::string(place.key->path);
  return section + '.' + std::to_string(place.index) + '.' + std::string(place.key->name());
}

std::optional<std::string> nearest_key(std::string_view path) {
  constexpr std::size_t path_bytes_max = 64;  // longer ones are no typing errors
  if (path.size() > path_bytes_max) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, path.size() / 4) + 1;
  for (const Key& key : table) {
    const std::string candidate = path_of({&key, index_in(path)});
    // The right name in the wrong section is nearer than any typing error.
    const std::string_view last = path.substr(path.rfind('.') + 1);
    const std::size_t d = last == key.name() ? 1 : distance(path, candidate);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace ringgate::config
