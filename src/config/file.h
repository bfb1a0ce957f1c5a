// Reads a TOML file as a list of settings: path, value and line of each. Knows sections, but no keys and no rules: load.cc
// applies them. Only file.cc includes toml++. Its input is bounded by the ceilings below. Start-up only.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/file_text.h"
#include "config/rule.h"

namespace ringgate::config {

// Far above any file that a person writes; they also keep the parser's recursion shallow.
inline constexpr std::size_t config_line_bytes_max = 1024;
inline constexpr std::size_t config_nesting_max = 8;

/// `path` is spelled as in a flag ("listener.0.bind"). A key with characters outside [A-Za-z0-9_-] is quoted in it.
struct FileSetting {
  std::string path;
  RawValue value;
  std::size_t line = 0;
};

struct FileContent {
  std::vector<FileSetting> settings;                        // in the order of their lines
  std::map<std::string, std::size_t, std::less<>> entries;  // "listener" -> number of [[listener]] entries, if the file has it
};

/// Why a text is refused: it is not TOML, or exceeds a ceiling. `line` 0: the file as a whole.
struct FileFault {
  std::size_t line = 0;
  Complaint complaint;
};

std::expected<FileContent, FileFault> parse_config_text(std::string_view text);

}  // namespace ringgate::config
