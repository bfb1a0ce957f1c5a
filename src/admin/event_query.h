// What a request for the event stream asks for: its filter, its format and where it begins. Pure; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "admin/access.h"
#include "admin/refusal.h"
#include "admin/request_reader.h"
#include "events/event_json.h"
#include "events/filter.h"

namespace ringgate::admin {

enum class EventFormatName : std::uint8_t { sse, ndjson };

/// The parameters `type`, `device`, `group`, `prefix` and `route` of a query, each as often as it likes, up to
/// limits::event_filter_values_max values; and what `caller` may see. `routes`: the paths of all routes, by index. Errors:
/// bad_parameters; not_covered for a caller whose route does not exist.
std::expected<events::Filter, Refusal> read_event_filter(std::string_view query, const Caller& caller,
                                                         std::span<const std::string> routes);

/// By the field Accept (RFC 9110 section 12.5.1): Server-Sent Events unless NDJSON is asked for. nullopt if it takes neither.
std::optional<EventFormatName> read_event_format(const Request& request);

/// The field Last-Event-ID; a null id if it is absent or empty. Error: bad_event_id.
std::expected<std::optional<events::EventId>, Refusal> read_last_event_id(const Request& request);

}  // namespace ringgate::admin
