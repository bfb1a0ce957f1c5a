#include "admin/json.h"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

namespace ringgate::admin {
namespace {

using Json = nlohmann::ordered_json;

/// Does not throw on invalid UTF-8, which is not expected here: it becomes U+FFFD.
std::string to_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// RFC 3339 section 5.6, in UTC.
std::string date_time(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  if (gmtime_r(&time, &parts) == nullptr) return {};
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

Json to_json(const dispatch::DeviceInfo& device) {
  return {{"device_id", device.device_id},
          {"conn", device.connection.text()},
          {"shard", device.shard},
          {"remote", device.remote},
          {"path", device.path},
          {"since", date_time(device.since_seconds)},
          {"last_seen", date_time(device.last_seen_seconds)},
          {"rtt_ms", device.rtt_ms == 0 ? Json(nullptr) : Json(device.rtt_ms)},
          {"queued_bytes", device.queued_bytes}};
}

}  // namespace

std::string delivered_json(std::string_view device_id, const PushResult& result) {
  return to_text({{"status", "delivered"},
                  {"device_id", device_id},
                  {"conn", result.connection.text()},
                  {"queued_bytes", result.queued_bytes}});
}

std::string broadcast_json(const BroadcastResult& result) {
  return to_text({{"matched", result.matched}, {"delivered", result.delivered}, {"refused", result.refused}});
}

std::string device_json(const dispatch::DeviceInfo& device) { return to_text(to_json(device)); }

std::string device_page_json(std::span<const std::unique_ptr<dispatch::DeviceInfo>> devices,
                             const std::optional<std::string>& next_cursor) {
  Json list = Json::array();
  for (const auto& device : devices)
    if (device != nullptr) list.push_back(to_json(*device));
  return to_text({{"devices", std::move(list)}, {"next_cursor", next_cursor ? Json(*next_cursor) : Json(nullptr)}});
}

}  // namespace ringgate::admin
