// Several loops, each in a thread of its own.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "load/loop.h"

namespace ringgate::load {

/// Runs `work(loop, index)` in `count` threads at once, each with a loop opened from `options` and a seed of
/// its own, and waits for all. The error is that of the first loop that could not be opened; then no `work`
/// runs at all.
std::expected<void, std::string> run_on_loops(unsigned count, const LoopOptions& options,
                                              const std::function<void(Loop&, unsigned)>& work);

}  // namespace ringgate::load
