// Several loops, each in its own thread.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "load/loop.h"

namespace ringgate::load {

/// Runs `work(loop, index)` in `count` threads at once and waits for all. Each thread opens a loop from `options` with its own
/// seed. If a loop cannot be opened, returns its error, and no `work` runs.
std::expected<void, std::string> run_on_loops(unsigned count, const LoopOptions& options,
                                              const std::function<void(Loop&, unsigned)>& work);

}  // namespace ringgate::load
