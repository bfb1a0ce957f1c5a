#include "dispatch/observer.h"

#include "base/log.h"
#include "http/trace_parent.h"

namespace ringgate::dispatch {

bool LogObserver::hears_devices() const { return log::enabled(log::Level::info); }

void LogObserver::on_connected(const DeviceView& device) {
  if (!hears_devices()) return;
  const std::string remote = device.peer.text(), conn = device.connection.text();
  std::vector<log::Field> fields{
      {"device_id", device.device_id}, {"remote", remote}, {"path", device.path}, {"shard", device.shard_index}, {"conn", conn}};
  if (const auto trace = http::parse_trace_parent(device.trace_parent)) {
    fields.emplace_back("trace_id", trace->trace_id);
    fields.emplace_back("parent_id", trace->parent_id);
  }
  log::write(log::Level::info, "device connected", fields);
}

void LogObserver::on_disconnected(const DeviceView& device, const DisconnectView& end) {
  if (!hears_devices()) return;
  log::info("device disconnected", {{"device_id", device.device_id},
                                    {"reason", end.reason},
                                    {"code", static_cast<std::uint16_t>(end.code)},
                                    {"duration_ms", end.duration_ms},
                                    {"bytes_in", end.bytes_in},
                                    {"bytes_out", end.bytes_out},
                                    {"messages_in", end.messages_in},
                                    {"messages_out", end.messages_out},
                                    {"remote", device.peer.text()},
                                    {"shard", device.shard_index},
                                    {"conn", device.connection.text()}});
}

void LogObserver::on_credential_expiring(const DeviceView& device, const CredentialView& credential) {
  if (!log::enabled(log::Level::info)) return;
  log::info("credential ends soon", {{"device_id", device.device_id},
                                     {"kind", credential.kind},
                                     {"token_id", credential.token_id},
                                     {"expires_at", credential.expires_at},
                                     {"conn", device.connection.text()}});
}

}  // namespace ringgate::dispatch
