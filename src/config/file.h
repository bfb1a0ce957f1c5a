// A TOML file taken apart into settings: which path, which value, which line. Knows sections, but leaves keys, rules and
// ranges to config_load.cc. toml++ stays behind this seam; so do the ceilings that keep it from being fed too much.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/rule.h"

namespace ringgate::config {

// A file of settings is read by people: these are far above any real one, and keep the parser's recursion shallow.
inline constexpr std::size_t config_file_bytes_max = 1024 * 1024;
inline constexpr std::size_t config_line_bytes_max = 1024;
inline constexpr std::size_t config_nesting_max = 8;

/// `path` is as a flag would spell it ("listener.0.bind"); a key with characters outside [A-Za-z0-9_-] is quoted in it.
struct FileSetting {
  std::string path;
  RawValue value;
  std::size_t line = 0;
};

struct FileContent {
  std::vector<FileSetting> settings;                        // in the order of their lines
  std::map<std::string, std::size_t, std::less<>> entries;  // "listener" -> number of [[listener]] entries, if any are given
};

/// A text that is not TOML, or too much of it. `line` 0: the file as a whole.
struct FileFault {
  std::size_t line = 0;
  Complaint complaint;
};

/// The bytes of a file, at most config_file_bytes_max.
std::expected<std::string, Complaint> read_config_file(const std::string& path);

std::expected<FileContent, FileFault> parse_config_text(std::string_view text);

}  // namespace ringgate::config
