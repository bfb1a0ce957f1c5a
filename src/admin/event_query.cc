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

/// Takes the text up to `separator` off the front of `rest`. Within a quoted string (RFC 9110 section 5.6.4) it does not separate.
std::string_view take_part(std::string_view& rest, char separator) {
  std::size_t end = 0;
  for (bool is_quoted = false; end < rest.size() && (is_quoted || rest[end] != separator); ++end) {
    if (rest[end] == '"') is_quoted = !is_quoted;
    else if (is_quoted && rest[end] == '\\' && end + 1 < rest.size()) ++end;
  }
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

/// The weight among the parameters of a media range, in thousandths (RFC 9110 section 12.4.2). Without a valid one it is 1.
int weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view each = trimmed(take_part(parameters, ';'));
    if (!each.starts_with("q=") && !each.starts_with("Q=")) continue;
    each.remove_prefix(2);
    if (!each.starts_with('0')) break;
    int weight = 0;
    int place = 100;
    for (const char c : each.substr(std::min<std::size_t>(2, each.size()))) {
      if (c < '0' || c > '9') return 1000;
      weight += (c - '0') * place;
      place /= 10;
    }
    return weight;
  }
  return 1000;
}

/// How well the caller takes one media type: by the most specific range that covers it (RFC 9110 section 12.5.1).
struct Acceptance {
  std::string_view type;
  std::string_view all_of_kind;  // "text/*"
  int specificity = 0;
  int weight = 0;

  void judge(std::string_view range, int range_weight) {
    const int found = http::equals_ignoring_case(range, type)          ? 3
                      : http::equals_ignoring_case(range, all_of_kind) ? 2
                      : range == "*/*"                                 ? 1
                                                                       : 0;
    if (found == 0 || found < specificity) return;
    weight = found > specificity ? range_weight : std::max(weight, range_weight);
    specificity = found;
  }
};

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
  Acceptance sse{.type = "text/event-stream", .all_of_kind = "text/*"};
  Acceptance ndjson{.type = "application/x-ndjson", .all_of_kind = "application/*"};
  for (const auto& [name, value] : request.fields) {
    if (name != "Accept") continue;
    for (std::string_view rest = value; !rest.empty();) {
      std::string_view range = take_part(rest, ',');
      const std::string_view type = trimmed(take_part(range, ';'));
      const int weight = weight_of(range);
      sse.judge(type, weight);
      ndjson.judge(http::equals_ignoring_case(type, "application/ndjson") ? ndjson.type : type, weight);
    }
  }
  if (sse.weight == 0 && ndjson.weight == 0) return std::nullopt;
  return sse.weight >= ndjson.weight ? EventFormatName::sse : EventFormatName::ndjson;
}

std::expected<std::optional<events::EventId>, Refusal> read_last_event_id(const Request& request) {
  const auto field = request.field("Last-Event-ID");
  if (!field || field->empty()) return std::nullopt;
  const auto id = request.count_fields("Last-Event-ID") == 1 ? events::EventId::parse(*field) : std::nullopt;
  if (!id) return std::unexpected(Refusal::bad_event_id);
  return id;
}

}  // namespace ringgate::admin
