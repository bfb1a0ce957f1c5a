// The lines of a credential file, and the fields of a line. All our credential files share this: UTF-8 is not expected, a line that is
// blank or begins with `#` says nothing, fields are separated by spaces, a field is KEY=VALUE with percent escapes in the value.
//
// Reads a file piece by piece, so memory does not follow its size. Not thread-safe; for start, reload and the command line.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/secret_file.h"

namespace ringgate::auth {

class CredentialLines {
 public:
  /// Borrows `text` for life. `name` stands for the file in errors.
  CredentialLines(std::string_view text, std::string name) : name_(std::move(name)), rest_(text) {}
  /// The lines of a file of at most limits::credential_file_bytes_max.
  static std::expected<CredentialLines, std::string> open(const std::string& file);

  /// The next line that says something, without the white space around it; valid until the next call. nullopt at the end. The error is
  /// a sentence for the operator.
  std::expected<std::optional<std::string_view>, std::string> next();

  /// The number of the line that `next` returned last, from 1.
  std::size_t number() const { return number_; }
  const std::string& name() const { return name_; }
  /// See OpenFile::warning.
  std::optional<std::string> warning() const { return file_ ? file_->warning() : std::nullopt; }
  /// `NAME:NUMBER: CAUSE`
  std::string fault(std::string_view cause) const { return fault(cause, number_); }
  std::string fault(std::string_view cause, std::size_t number) const;

 private:
  explicit CredentialLines(OpenFile file);
  std::expected<std::optional<std::string_view>, std::string> next_of_any_kind();
  std::expected<void, std::string> refill();

  std::string name_;
  std::optional<OpenFile> file_;
  bool is_read_ = false;  // to its end
  SecretBytes buffer_;
  std::string_view rest_;  // what is not handed out yet
  std::size_t number_ = 0;
};

/// Takes the text up to the next space or tab off the front of `rest`, with the white space around it. Empty at the end.
std::string_view take_word(std::string_view& rest);

struct FieldFacts {
  std::string_view key;
  std::size_t bytes_max;  // of the decoded value
};

/// Values of the fields that a line may have, by the index of their key in a table of FieldFacts; empty: not given.
template <std::size_t Count>
using FieldValues = std::array<std::string, Count>;

/// Reads the fields in `text`. Each key is known and given once; each value is 1 to `bytes_max` printable characters when decoded. The
/// error is a cause without file and line.
std::expected<void, std::string> read_fields(std::string_view text, std::span<const FieldFacts> known,
                                             std::span<std::string> values);

}  // namespace ringgate::auth
