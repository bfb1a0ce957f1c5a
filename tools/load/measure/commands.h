// The measuring scenarios as subcommands of ringgate-load.
//
// Exit codes: 0 all right, 1 a promise was broken (a wrong byte, a lost connection), 2 could not run, 64 usage.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace ringgate::measure {

inline constexpr int exit_usage = 64;

/// One line on stderr; returns exit_usage.
int usage_fault(const std::string& what);
/// One line on stderr.
void complain(const std::string& what);

/// Adds the measuring subcommands. `seed` is used unless --seed gives another.
void add_commands(CLI::App& app, std::uint64_t seed);

/// Runs the measuring subcommand of the command line; nothing if it has none.
std::optional<int> run_command(const CLI::App& app);

}  // namespace ringgate::measure
