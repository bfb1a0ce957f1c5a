#include "auth/deny_list.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/limits.h"

namespace ringgate::auth {
namespace {

/// Far above what a device id and the id of a credential take.
constexpr std::size_t key_bytes_max = 1024;

std::string key_of(std::string_view device_id, std::string_view token_id) {
  std::string key(device_id);
  key += '\0';
  key += token_id;
  return key;
}

}  // namespace

DenialOutcome DenyList::ban(std::string_view device_id, std::int64_t ends_at, std::int64_t now) {
  const std::lock_guard lock(mutex_);
  const std::string key(device_id);
  if (!bans_.contains(key) && bans_.size() >= limits::denials_max) forget_ended(bans_, now);
  if (!bans_.contains(key) && bans_.size() >= limits::denials_max) return DenialOutcome::full;
  bans_[key] = {.ends_at = ends_at};
  publish();
  return DenialOutcome::noted;
}

bool DenyList::lift_ban(std::string_view device_id) {
  const std::lock_guard lock(mutex_);
  const bool was_banned = bans_.erase(std::string(device_id)) > 0;
  bans_count_.store(bans_.size(), std::memory_order_relaxed);
  return was_banned;
}

std::optional<std::int64_t> DenyList::look_up_ban(std::string_view device_id, std::int64_t now) const {
  const std::lock_guard lock(mutex_);
  const auto found = bans_.find(device_id);
  if (found == bans_.end() || found->second.ends_at <= now) return std::nullopt;
  return found->second.ends_at;
}

DenialOutcome DenyList::revoke(Revocation& revocation, std::int64_t now) {
  const std::lock_guard lock(mutex_);
  const std::string key = key_of(revocation.device_id, revocation.token_id);
  RINGGATE_ASSERT(key.size() <= key_bytes_max);
  if (!revocations_.contains(key) && revocations_.size() >= limits::denials_max) forget_ended(revocations_, now);
  if (!revocations_.contains(key) && revocations_.size() >= limits::denials_max) return DenialOutcome::full;
  Entry& entry = revocations_[key];
  if (entry.ends_at <= now) entry = {};
  entry.issued_before = std::max(entry.issued_before, revocation.issued_before);
  entry.ends_at = std::max(entry.ends_at, revocation.ends_at);
  revocation.issued_before = entry.issued_before;
  revocation.ends_at = entry.ends_at;
  publish();
  return DenialOutcome::noted;
}

bool DenyList::lift_revocation(std::string_view device_id, std::string_view token_id) {
  const std::lock_guard lock(mutex_);
  const bool was_revoked = revocations_.erase(key_of(device_id, token_id)) > 0;
  revocations_count_.store(revocations_.size(), std::memory_order_relaxed);
  return was_revoked;
}

/// Looks for a revocation of the device and token, of the device, of the token, and of all.
bool DenyList::is_revoked(const CredentialView& credential, std::int64_t now) const {
  if (revocations_count() == 0) return false;
  const auto [device_id, token_id, issued_at] = credential;
  const std::lock_guard lock(mutex_);
  return is_revoked_as(device_id, token_id, credential, now) || is_revoked_as(device_id, {}, credential, now) ||
         is_revoked_as({}, token_id, credential, now) || is_revoked_as({}, {}, credential, now);
}

bool DenyList::is_revoked_as(std::string_view device_id, std::string_view token_id, const CredentialView& credential,
                             std::int64_t now) const {
  std::array<char, key_bytes_max> key;                                    // as of key_of
  if (device_id.size() + 1 + token_id.size() > key.size()) return false;  // no such entry was made
  char* const middle = std::ranges::copy(device_id, key.data()).out;
  *middle = '\0';
  char* const end = std::ranges::copy(token_id, middle + 1).out;
  const auto found = revocations_.find(std::string_view(key.data(), end));
  if (found == revocations_.end() || found->second.ends_at <= now) return false;
  return !credential.issued_at || *credential.issued_at < found->second.issued_before;
}

void DenyList::forget_ended(Entries& entries, std::int64_t now) {
  std::erase_if(entries, [now](const auto& entry) { return entry.second.ends_at <= now; });
}

void DenyList::publish() {
  bans_count_.store(bans_.size(), std::memory_order_relaxed);
  revocations_count_.store(revocations_.size(), std::memory_order_relaxed);
  version_.fetch_add(1, std::memory_order_release);
}

}  // namespace ringgate::auth
