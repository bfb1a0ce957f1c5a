// What it costs to cancel the receive of one connection among many: a gate ends a device that no longer answers. It must not
// depend on how many others the shard holds, so the last two lines should be close to the first.
#include <benchmark/benchmark.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "ring/ring.h"

namespace ringgate::ring {
namespace {

/// Sockets that never receive anything, each with an armed receive. Datagram sockets, since they need no peer.
class ArmedSockets {
 public:
  explicit ArmedSockets(std::size_t count) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
      limit.rlim_cur = limit.rlim_max;
      setrlimit(RLIMIT_NOFILE, &limit);
    }
    RingOptions options;
    options.allowed.direct_descriptors = false;
    auto opened = Ring::open(options);
    if (!opened) std::abort();
    ring_ = std::move(*opened);
    if (!ring_->start_on_this_thread()) std::abort();
    for (std::size_t i = 0; i < count; ++i) {
      const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
      if (socket < 0) std::abort();
      sockets_.push_back(static_cast<Socket>(socket));
      arm(i);
    }
    turn();
  }
  ~ArmedSockets() {
    ring_.reset();
    for (const Socket socket : sockets_) ::close(static_cast<int>(socket));
  }
  ArmedSockets(const ArmedSockets&) = delete;
  ArmedSockets& operator=(const ArmedSockets&) = delete;

  void cancel_and_arm_again(std::size_t index) {
    ring_->cancel(token(OperationKind::receive, index), token(OperationKind::cancel, index));
    for (std::size_t completions = 0; completions < 2;) completions += turn();
    arm(index);
  }

 private:
  Token token(OperationKind kind, std::size_t index) const { return {kind, sockets_[index], 1}; }
  void arm(std::size_t index) { ring_->receive(sockets_[index], token(OperationKind::receive, index)); }
  std::size_t turn() {
    (void)ring_->submit_and_wait({});
    std::array<Completion, 64> completions;
    std::size_t count = 0;
    while (const std::size_t reaped = ring_->reap(completions)) count += reaped;
    return count;
  }

  std::unique_ptr<Ring> ring_;
  std::vector<Socket> sockets_;
};

void cancel(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  ArmedSockets sockets(count);
  std::size_t index = 0;
  for (auto _ : state) {
    sockets.cancel_and_arm_again(index);
    index = (index + 7919) % count;
  }
}
BENCHMARK(cancel)->ArgName("others")->Arg(16)->Arg(1000)->Arg(15000);

}  // namespace
}  // namespace ringgate::ring

BENCHMARK_MAIN();
