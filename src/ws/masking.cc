// The scalar reference kernel, and the choice among the kernels of this machine.
#include "ws/masking.h"

#include "ws/kernel_list.h"
#include "ws/masking_kernels.h"

namespace ringgate::ws {
namespace {

/// The definition of unmasking, byte by byte.
bool unmask_scalar(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key) {
  unsigned all = 0;
  for (std::size_t i = 0; i < size; ++i) {
    dst[i] = static_cast<std::uint8_t>(src[i] ^ (key >> (8 * (i % 4))));
    all |= dst[i];
  }
  return (all & 0x80) != 0;
}

KernelList<MaskingKernel> find_kernels() {
  KernelList<MaskingKernel> list;
  list.add({"scalar", unmask_scalar});
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) list.add({"avx2", masking::unmask_avx2});
  if (__builtin_cpu_supports("avx512bw")) list.add({"avx512bw", masking::unmask_avx512bw});
#elif defined(__aarch64__)
  list.add({"neon", masking::unmask_neon});
#endif
  return list;
}

/// The first call: chooses the kernel and runs it.
bool choose_and_unmask(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key) {
  const UnmaskFunction best = masking_kernels().back().unmask;
  masking::kernel.store(best, std::memory_order_relaxed);
  return best(dst, src, size, key);
}

}  // namespace

std::span<const MaskingKernel> masking_kernels() {
  static const KernelList<MaskingKernel> list = find_kernels();
  return list.view();
}

namespace masking {
constinit std::atomic<UnmaskFunction> kernel{choose_and_unmask};
}

}  // namespace ringgate::ws
