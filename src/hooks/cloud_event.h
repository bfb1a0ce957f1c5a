// CloudEvents 1.0: a delivery as field lines (binary content mode of the HTTP binding) or as an item of a batch (JSON format). Pure;
// any thread; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hooks/delivery.h"

namespace ringgate::hooks {

/// "2026-12-01T03:55:11.042Z"
std::string rfc3339(std::int64_t unix_ms);

/// The value of a field of the HTTP binding, section 3.1.3.2: everything but printable ASCII, space, quote and percent sign is escaped.
std::string escape_attribute(std::string_view value);

/// "ce-specversion: 1.0" and so on, with Content-Type. `source`: a URI reference.
std::vector<std::string> event_fields(const Delivery& delivery, std::string_view source);

/// Appends a JSON object: text bodies as `data`, others as `data_base64`.
void append_event(std::string& out, const Delivery& delivery, std::string_view source);

}  // namespace ringgate::hooks
