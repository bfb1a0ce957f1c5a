// Who may not connect for some time although the credential is good: banned devices and revoked credentials.
//
// Shared by all shards and by whoever changes it: any thread; each call holds a mutex for one look-up or one change.
// A look-up does not allocate. Bounded in number
// (limits::denials_max of each sort) and in time (each entry ends). In memory only: a restart forgets it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ringgate::auth {

/// Which credentials are revoked: those that fit every member that is given. At least one is.
struct Revocation {
  std::string device_id;           // of this device; empty: of any
  std::string token_id;            // Grant::token_id; empty: any
  std::int64_t issued_before = 0;  // Unix seconds: credentials of unknown age count as older
  std::int64_t ends_at = 0;        // Unix seconds: from then on the entry is forgotten
};

/// A credential as a revocation sees it.
struct CredentialView {
  std::string_view device_id;
  std::string_view token_id;
  std::optional<std::int64_t> issued_at;
};

enum class DenialOutcome : std::uint8_t { noted, full };

class DenyList {
 public:
  DenyList() = default;
  DenyList(const DenyList&) = delete;
  DenyList& operator=(const DenyList&) = delete;

  /// Bans a device until `ends_at`; a second ban replaces the first. `full`: nothing changed.
  DenialOutcome ban(std::string_view device_id, std::int64_t ends_at, std::int64_t now);
  /// False if the device was not banned.
  bool lift_ban(std::string_view device_id);
  /// When the ban ends; nullopt: there is none.
  std::optional<std::int64_t> banned_until(std::string_view device_id, std::int64_t now) const {
    return bans_count() == 0 ? std::nullopt : look_up_ban(device_id, now);
  }

  /// Two revocations of one device and token become one, which covers both. `full`: nothing changed.
  /// On success `revocation` becomes what is in force then.
  DenialOutcome revoke(Revocation& revocation, std::int64_t now);
  /// Takes back what was revoked for exactly this device and token, each perhaps empty. False if nothing was.
  bool lift_revocation(std::string_view device_id, std::string_view token_id);
  bool is_revoked(const CredentialView& credential, std::int64_t now) const;

  /// Rises with each ban and revocation, after it is in force: whoever sees a new value looks at its connections again. Acquire.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::size_t bans_count() const { return bans_count_.load(std::memory_order_relaxed); }
  std::size_t revocations_count() const { return revocations_count_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::int64_t issued_before = 0;
    std::int64_t ends_at = 0;
  };
  /// So that a look-up needs no copy of its text: shards look up, and must not run out of memory in it.
  struct HashOfText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Entries = std::unordered_map<std::string, Entry, HashOfText, std::equal_to<>>;

  std::optional<std::int64_t> look_up_ban(std::string_view device_id, std::int64_t now) const;
  bool is_revoked_as(std::string_view device_id, std::string_view token_id, const CredentialView& credential,
                     std::int64_t now) const;
  void forget_ended(Entries& entries, std::int64_t now);
  void publish();

  mutable std::mutex mutex_;
  Entries bans_;         // by device id
  Entries revocations_;  // by device id, a zero byte, token id: neither contains one
  std::atomic<std::uint64_t> version_{0};
  // Counts of entries, ended ones included: relaxed. Written under the mutex; 0 spares a look-up its lock.
  std::atomic<std::size_t> bans_count_{0}, revocations_count_{0};
};

}  // namespace ringgate::auth
