#include "admin/event_query.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "admin/parameters.h"
#include "base/limits.h"
#include "http/byte_class.h"
#include "ws/utf8.h"

namespace ringgate::admin {
namespace {

/// Takes the text up to `separator` off the front of `rest`.
std::string_view take_part(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

std::optional<std::size_t> index_of(std::span<const std::string> routes, std::string_view path) {
  const auto found = std::ranges::find(routes, path);
  return found == routes.end() ? std::nullopt : std::optional{static_cast<std::size_t>(found - routes.begin())};
}

/// False if the parameter is not known or its value is not valid.
bool add_parameter(events::Filter::Wanted& wanted, std::string_view name, std::string value,
                   std::span<const std::string> routes) {
  if (value.empty() || value.size() > limits::event_filter_value_bytes_max || !ws::valid_utf8(bytes_of(value))) return false;
  if (name == "type") {
    const auto type = events::parse_event_type(value);
    if (type) wanted.types |= events::bit_of(*type);
    return type.has_value();
  }
  if (name == "route") {
    const auto index = index_of(routes, value);
    if (index) wanted.routes.set(*index);
    return index.has_value();
  }
  std::vector<std::string>* const list = name == "device"   ? &wanted.devices
                                         : name == "group"  ? &wanted.groups
                                         : name == "prefix" ? &wanted.prefixes
                                                            : nullptr;
  if (list == nullptr || list->size() == limits::event_filter_values_max) return false;
  list->push_back(std::move(value));
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Whether one of the parameters says that the media range is not acceptable: `q=0`.
bool is_excluded(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view each = trimmed(take_part(parameters, ';'));
    if (!each.starts_with("q=0") && !each.starts_with("Q=0")) continue;
    if (each.find_first_not_of("0.", 2) == std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

std::expected<events::Filter, Refusal> read_event_filter(std::string_view query, const Caller& caller,
                                                         std::span<const std::string> routes) {
  events::Filter::Wanted wanted;
  const auto add = [&](const std::string& name, std::string value) {
    return add_parameter(wanted, name, std::move(value), routes);
  };
  if (!each_parameter(query, add)) return std::unexpected(Refusal::bad_event_filter);
  events::Filter::Allowed allowed{.prefix = caller.prefix, .group = caller.group, .routes = {}};
  if (!caller.route.empty()) {
    const auto index = index_of(routes, caller.route);
    if (!index) return std::unexpected(Refusal::not_covered);
    allowed.routes.set(*index);
  }
  return events::Filter(std::move(wanted), std::move(allowed));
}

std::optional<EventFormatName> read_event_format(const Request& request) {
  if (request.count_fields("Accept") == 0) return EventFormatName::sse;
  bool takes_sse = false;
  for (const auto& [name, value] : request.fields) {
    if (name != "Accept") continue;
    for (std::string_view rest = value; !rest.empty();) {
      std::string_view range = take_part(rest, ',');
      const std::string_view type = trimmed(take_part(range, ';'));
      if (is_excluded(range)) continue;
      const auto is = [&](std::string_view other) { return http::equals_ignoring_case(type, other); };
      if (is("application/x-ndjson") || is("application/ndjson")) return EventFormatName::ndjson;
      takes_sse = takes_sse || is("text/event-stream") || is("text/*") || is("*/*");
    }
  }
  return takes_sse ? std::optional{EventFormatName::sse} : std::nullopt;
}

std::expected<std::optional<events::EventId>, Refusal> read_last_event_id(const Request& request) {
  const auto field = request.field("Last-Event-ID");
  if (!field || field->empty()) return std::nullopt;
  const auto id = request.count_fields("Last-Event-ID") == 1 ? events::EventId::parse(*field) : std::nullopt;
  if (!id) return std::unexpected(Refusal::bad_event_id);
  return id;
}

}  // namespace ringgate::admin
