// What the files of secrets held when they were read last, so that a reload can tell which of them hold something else now. Digests,
// never content: a mark tells no secret. Not for certificates, which are compared by what they say (certificates.h).
//
// For start and reload, off the shards: it reads files. Take marks before the files are loaded: if a file changes in between, the next
// reload tells of it once more, instead of never.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ringgate/config.h"
#include "ringgate/reload.h"

namespace ringgate::server {

struct FileMark {
  std::string key;   // of the setting: "auth.token.tokens"
  std::string file;  // as the setting names it
  std::pair<std::uint64_t, std::uint64_t> digest;
  std::string text;  // "/etc/ringgate/tokens, 86 bytes of 2027-01-31 12:00:00 UTC"
};
using FileMarks = std::vector<FileMark>;

/// Marks of the files of credentials, of admin tokens and of ticket keys. A file that cannot be read has none: whoever loads it says why.
FileMarks mark_secret_files(const Config& config);

/// Files whose setting stayed the same, and which hold something else now.
std::vector<SettingChange> compare_marks(const FileMarks& before, const FileMarks& after);

}  // namespace ringgate::server
