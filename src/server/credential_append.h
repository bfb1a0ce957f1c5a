// Appends a line to a file of credentials, if the gate would accept the file afterwards. Main thread of the command line.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "ringgate/error.h"

namespace ringgate::server {

/// Judges the whole text of a file: the error is a sentence with file and line.
using CredentialJudge = std::expected<void, std::string> (*)(std::string_view text, const std::string& name);

template <typename File>
std::expected<void, std::string> judge_by(std::string_view text, const std::string& name) {
  if (const auto parsed = File::parse(text, name); !parsed) return std::unexpected(parsed.error());
  return {};
}

/// Creates the file, for its owner only, if it is not there. Writes nothing if `judge` refuses what the file would become.
std::expected<void, StartError> append_credential(const std::string& file, const std::string& line, CredentialJudge judge);

}  // namespace ringgate::server
