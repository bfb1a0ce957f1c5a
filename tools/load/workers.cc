#include "load/workers.h"

#include <latch>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace ringgate::load {

std::expected<void, std::string> run_on_loops(unsigned count, const LoopOptions& options,
                                              const std::function<void(Loop&, unsigned)>& work) {
  std::latch all_opened(count);
  std::mutex mutex;  // guards failure
  std::optional<std::string> failure;
  std::vector<std::jthread> threads;
  for (unsigned index = 0; index < count; ++index) {
    threads.emplace_back([&, index] {
      LoopOptions own = options;
      own.seed = options.seed * 1'000'003 + index;
      auto loop = Loop::open(own);  // in the thread that uses it, since a ring belongs to one thread
      if (!loop) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = loop.error();
      }
      all_opened.arrive_and_wait();
      if (!failure) work(**loop, index);
    });
  }
  threads.clear();
  if (failure) return std::unexpected(*failure);
  return {};
}

}  // namespace ringgate::load
