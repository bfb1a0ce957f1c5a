// The vector kernels for one task that this machine can run.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace ringgate::ws {

/// The first kernel is the plainest: every machine has it, and tests compare the others with it. The last one is in use.
template <typename Kernel>
class KernelList {
 public:
  static constexpr std::size_t kernels_max = 3;

  void add(Kernel kernel) { kernels_[count_++] = kernel; }
  std::span<const Kernel> view() const { return {kernels_.data(), count_}; }

 private:
  std::array<Kernel, kernels_max> kernels_{};
  std::size_t count_ = 0;
};

}  // namespace ringgate::ws
