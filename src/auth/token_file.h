// A file of tokens in memory: hashes, never tokens. What a token is good for is for those who ask; reading lines is token_line.h.
//
// Immutable once loaded and shared by all threads. A million tokens take some 100 MB: one sorted table and one text.
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
#include "auth/token_line.h"

namespace ringgate::auth {

/// The texts borrow the file. Empty: no such restriction; a token has either `device` or `group`.
struct DeviceToken {
  std::string_view name;
  std::string_view device;
  std::string_view group;
  std::string_view prefix;
  std::int64_t expires_at = never;

  /// Whether the token may be used as the device `id`.
  bool allows(std::string_view id) const { return device.empty() ? id.starts_with(prefix) : id == device; }
};

struct AdminToken {
  std::string_view name;
  std::string_view prefix;
  std::string_view group;
  std::string_view route;
  Scopes scopes;
  std::int64_t expires_at = never;
};

/// The table of both kinds of file.
class TokenTable {
 public:
  struct Entry {
    Sha256 hash;
    std::int64_t expires_at;
    std::uint32_t text_at;  // name, device or route, group, prefix, one behind the other
    std::uint32_t line;     // in the file
    std::uint8_t name_bytes, subject_bytes, group_bytes, prefix_bytes;
    Scopes scopes;
  };
  struct Texts {
    std::string_view name, subject, group, prefix;
  };

  static std::expected<TokenTable, std::string> read(CredentialLines& lines, TokenKind kind);

  /// The entry of a token that is not over at `now` (Unix seconds). Allocates nothing after a thread's first call.
  std::expected<const Entry*, Fault> find(std::string_view token, std::int64_t now) const;
  Texts texts_of(const Entry& entry) const;
  std::size_t size() const { return entries_.size(); }
  std::size_t memory_bytes() const { return entries_.capacity() * sizeof(Entry) + text_.capacity(); }
  const std::optional<std::string>& warning() const { return warning_; }

 private:
  void add(const TokenLine& line, std::size_t number);
  std::optional<std::string> repetition(const CredentialLines& lines) const;

  std::vector<Entry> entries_;  // sorted by hash
  std::vector<char> text_;
  std::optional<std::string> warning_;
};

template <typename Token>
class TokenFile {
 public:
  /// Reads a file. The error is a sentence for the operator, with file and line.
  static std::expected<std::shared_ptr<const TokenFile>, std::string> load(const std::string& file);
  /// Reads a text; `name` stands for the file in errors.
  static std::expected<std::shared_ptr<const TokenFile>, std::string> parse(std::string_view text, const std::string& name);

  /// What `token` is good for at `now` (Unix seconds). The answer borrows this file. token_malformed, token_unknown, token_expired.
  std::expected<Token, Fault> find(std::string_view token, std::int64_t now) const;

  std::size_t size() const { return table_.size(); }
  std::size_t memory_bytes() const { return table_.memory_bytes(); }
  /// A sentence for the operator if others on the machine may read the file.
  const std::optional<std::string>& warning() const { return table_.warning(); }

  explicit TokenFile(TokenTable table) : table_(std::move(table)) {}

 private:
  TokenTable table_;
};

using DeviceTokens = TokenFile<DeviceToken>;
using AdminTokens = TokenFile<AdminToken>;
extern template class TokenFile<DeviceToken>;
extern template class TokenFile<AdminToken>;

}  // namespace ringgate::auth
