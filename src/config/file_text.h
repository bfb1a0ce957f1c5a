// The text of the file of settings, from whatever the name stands for: a file, and when a program starts also a pipe. Knows no TOML.
// Start-up and reloads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "config/rule.h"

namespace ringgate::config {

inline constexpr std::size_t config_file_bytes_max = 1024 * 1024;

/// What a pipe holds can be read once: when the program starts.
enum class FileReading : std::uint8_t { first, again };

/// The bytes of `path`, at most config_file_bytes_max. A pipe (`/dev/stdin`, a named one, a shell's `<(...)`) is read until its writers
/// have closed it, unless `again`. Refused: directories, sockets, devices but /dev/null, and a pipe through which nothing comes for
/// some seconds. Blocks no longer.
std::expected<std::string, Complaint> read_config_file(const std::string& path, FileReading reading);

}  // namespace ringgate::config
