// A file of users of Basic authentication in memory: hashes, never passwords. Reading lines is password_line.h.
//
// Immutable once loaded and shared by all threads. An attempt takes the same time whether the user is unknown or the password wrong:
// it always makes as many iterations as the costliest line of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credential_lines.h"
#include "auth/fault.h"
#include "auth/password_line.h"
#include "base/limits.h"

namespace ringgate::auth {

/// The texts borrow the file. `device` is never empty; `group` is if there is none.
struct BasicUser {
  std::string_view user;
  std::string_view device;
  std::string_view group;
  std::int64_t expires_at = never;
};

class PasswordFile {
 public:
  /// Reads a file. The error is a sentence for the operator, with file and line.
  static std::expected<std::shared_ptr<const PasswordFile>, std::string> load(const std::string& file);
  /// Reads a text; `name` stands for the file in errors.
  static std::expected<std::shared_ptr<const PasswordFile>, std::string> parse(std::string_view text, const std::string& name);

  /// Who has this user and password at `now` (Unix seconds). The answer borrows this file. user_unknown, password_wrong,
  /// password_expired. Takes half a millisecond at 2,000 iterations; allocates.
  std::expected<BasicUser, Fault> check(std::string_view user, ByteView password, std::int64_t now) const;

  std::size_t size() const { return entries_.size(); }
  /// Iterations of every attempt.
  std::uint32_t iterations() const { return iterations_; }
  /// A sentence for the operator if others on the machine may read the file.
  const std::optional<std::string>& warning() const { return warning_; }

 private:
  struct Entry {
    PasswordHash hash;
    std::uint32_t text_at;  // user, device, group, one behind the other
    std::uint32_t line;     // in the file
    std::int64_t expires_at;
    std::uint8_t user_bytes, device_bytes, group_bytes;
  };

  static std::expected<std::shared_ptr<const PasswordFile>, std::string> read(CredentialLines& lines);
  void add(const PasswordLine& line, std::size_t number);
  std::string_view user_of(const Entry& entry) const { return {text_.data() + entry.text_at, entry.user_bytes}; }
  BasicUser describe(const Entry& entry) const;

  std::vector<Entry> entries_;  // sorted by user
  std::vector<char> text_;
  std::uint32_t iterations_ = limits::password_iterations_max;
  PasswordHash dummy_;  // compared with when there is no such user
  std::optional<std::string> warning_;
};

}  // namespace ringgate::auth
