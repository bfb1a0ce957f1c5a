// The JSON texts of the admin API. Only json.cc includes the JSON library. Pure; any thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/refusal.h"
#include "auth/deny_list.h"
#include "dispatch/departed.h"
#include "dispatch/outcomes.h"
#include "ringgate/push.h"
#include "ringgate/reload.h"

namespace ringgate::admin {

/// {"status":"delivered","device_id":…,"conn":…,"queued_bytes":…}; of a push with options also "reached":…,"queued_at":…, "repeated":true if
/// it was sent before, and "sent_at", "acked_at", "ponged_at" as far as they are known; with "connections":[{"conn":…,"status":…,"queued_bytes":…}…] if the
/// device has several
std::string delivered_json(std::string_view device_id, const PushResult& result);

/// The members of these that say what became of a push: "conn":…,"queued_bytes":… and so on, without braces.
void append_push_members(std::string& out, const PushResult& result);

/// The problem document of a push that was taken and did not come as far as somebody waited for, with the members of `delivered_json`.
std::string undelivered_json(const RefusalFacts& facts, std::string_view device_id, const PushResult& result);

/// {"matched":…,"delivered":…,"refused":…}
std::string broadcast_json(const BroadcastResult& result);

/// {"group":…,"devices":…}
std::string group_json(std::string_view group, std::uint64_t devices_count);

/// {"status":"joined","group":…,"device_id":…,"sticky":…,"online":…}
std::string membership_json(std::string_view group, std::string_view device_id, bool is_sticky, bool is_online);

/// One device, as GET /v1/devices/{id} shows it. Times are RFC 3339 in UTC; rtt_ms is null until a ping was answered. If its link was asked
/// for, with "link":{"rtt_us":…,…}, or "link":null,"link_reason":….
std::string device_json(const dispatch::DeviceInfo& device);

/// The problem document of a device that is not connected, with how it left: "last_seen", "conn", "close_code", "close_reason", "ended_by",
/// "connected_seconds", "rtt_ms", "queued_bytes", "unacked_bytes".
std::string departed_json(const dispatch::Departure& departure);

/// {"devices":[…]}, in this order.
std::string ranking_json(std::span<const dispatch::DeviceInfo> devices);

/// {"matched":…,"read":…,"devices":[…]}: of how many devices that met the filter how many links were read.
std::string link_ranking_json(std::span<const dispatch::DeviceInfo> devices, const BroadcastResult& result);

/// {"count":…}
std::string count_json(std::uint64_t count);

/// {"matched":…,"closed":…}
std::string closed_json(const BroadcastResult& result);

/// One member of what POST /v1/devices:presence answers: {"device_id":…,"online":true,"conn":…} or {…,"online":false,"last_seen":…|null}.
std::string presence_json(std::string_view device_id, std::optional<ConnectionRef> connection,
                          const std::optional<dispatch::Departure>& departure);

/// The same for a device that the caller does not reach: {"device_id":…,"online":null,"reason":"not_covered"}.
std::string presence_not_covered_json(std::string_view device_id);

/// The texts of a JSON array of nothing else; nullopt for any other text. Of more than `most` it returns `most` + 1.
std::optional<std::vector<std::string>> text_list(std::string_view text, std::size_t most);

/// {"devices":[…],"next_cursor":…|null}; null entries of `devices` are left out.
std::string device_page_json(std::span<const std::unique_ptr<dispatch::DeviceInfo>> devices,
                             const std::optional<std::string>& next_cursor);

/// {"device_id":…,"banned_until":…}
std::string ban_json(std::string_view device_id, std::int64_t ends_at);

/// {"status":"revoked","device":…|null,"token":…|null,"issued_before":…,"until":…}
std::string revocation_json(const auth::Revocation& revocation);

/// {"status":"extended","device_id":…,"expires_at":…}; with "connections":[{"conn":…,"status":"extended"}…] if the device has several
std::string credential_json(std::string_view device_id, std::int64_t expires_at, const dispatch::CloseResult& result);

/// The problem document of what was done for some connections of a device, with "connections":[{"conn":…,"status":…}…]. `done` is what
/// the status of those is called; the others' is the reason, such as backpressure.
std::string partly_done_json(const dispatch::CloseResult& result, std::string_view done);

/// A member of a JSON object whose value is a text, or a whole number from -2^53 to 2^53, which every JSON reader keeps.
struct FlatMember {
  std::string name;
  std::string value;  // the text, or decimal digits
  bool is_number = false;
};

/// The members of a JSON object that has no others than those, in their order. nullopt for any other text: also for one with two members of
/// one name.
std::optional<std::vector<FlatMember>> flat_members(std::string_view text);

/// The value as JSON.
std::string json_of(const FlatMember& member);

/// {"status":"reloaded","changed":[{"key":…,"before":…,"after":…}],"restart_needed":[…]}
std::string reload_json(const ReloadReport& report);

/// The problem document of a reload that failed: its detail is the cause, `remedy` what helps.
std::string reload_problem_json(const StartError& error, int status);

}  // namespace ringgate::admin
