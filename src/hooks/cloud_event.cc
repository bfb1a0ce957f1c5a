#include "hooks/cloud_event.h"

#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "auth/text_coding.h"

namespace ringgate::hooks {

std::string rfc3339(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, unix_ms % 1000);
}

std::string escape_attribute(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (c > ' ' && c <= '~' && c != '"' && c != '%') out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::vector<std::string> event_fields(const Delivery& delivery, std::string_view source) {
  std::vector<std::string> lines{"ce-specversion: 1.0", "ce-type: " + escape_attribute(delivery.type),
                                 "ce-source: " + escape_attribute(source), "ce-id: " + escape_attribute(delivery.id),
                                 "ce-time: " + rfc3339(delivery.unix_ms)};
  if (!delivery.subject.empty()) lines.push_back("ce-subject: " + escape_attribute(delivery.subject));
  for (const auto& [name, value] : delivery.attributes)
    if (!value.empty()) lines.push_back("ce-" + name + ": " + escape_attribute(value));
  // Without one libcurl would call it a form.
  lines.push_back(delivery.content_type.empty() ? "Content-Type:" : "Content-Type: " + delivery.content_type);
  return lines;
}

void append_event(std::string& out, const Delivery& delivery, std::string_view source) {
  // nlohmann's ordered object keeps the order in which people read an event.
  nlohmann::ordered_json event{{"specversion", "1.0"},
                               {"type", delivery.type},
                               {"source", source},
                               {"id", delivery.id},
                               {"time", rfc3339(delivery.unix_ms)}};
  if (!delivery.subject.empty()) event["subject"] = delivery.subject;
  for (const auto& [name, value] : delivery.attributes)
    if (!value.empty()) event[name] = value;
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  if (delivery.content_type == "application/json") {
    // The body is one of ours, so it stands there as it is.
    event["datacontenttype"] = delivery.content_type;
    std::string head = event.dump(-1, ' ', false, replace);
    head.pop_back();
    out.append(head).append(",\"data\":").append(delivery.body).append("}");
    return;
  }
  if (!delivery.content_type.empty()) {
    event["datacontenttype"] = delivery.content_type;
    if (delivery.content_type.starts_with("text/")) event["data"] = delivery.body;
    else event["data_base64"] = auth::encode_base64(bytes_of(delivery.body), auth::Base64::standard);
  }
  out += event.dump(-1, ' ', false, replace);
}

}  // namespace ringgate::hooks
