// The kernel in two passes, and the choice among the kernels of this machine.
#include "ws/text_unmasking.h"

#include "ws/kernel_list.h"
#include "ws/masking_kernels.h"

namespace ringgate::ws {
namespace {

bool unmask_then_validate(std::uint8_t* bytes, std::size_t size, MaskingKey key) {
  const MutableBytes payload(bytes, size);
  return !unmask(payload, key) || valid_utf8(payload);
}

KernelList<TextKernel> find_kernels() {
  KernelList<TextKernel> list;
  list.add({"two_passes", unmask_then_validate});
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw")) list.add({"avx512bw", masking::unmask_text_avx512bw});
#endif
  return list;
}

/// The first call: chooses the kernel and runs it.
bool choose_and_unmask_text(std::uint8_t* bytes, std::size_t size, MaskingKey key) {
  const UnmaskTextFunction best = text_kernels().back().unmask_text;
  masking::text_kernel.store(best, std::memory_order_relaxed);
  return best(bytes, size, key);
}

}  // namespace

std::span<const TextKernel> text_kernels() {
  static const KernelList<TextKernel> list = find_kernels();
  return list.view();
}

namespace masking {
constinit std::atomic<UnmaskTextFunction> text_kernel{choose_and_unmask_text};
}

}  // namespace ringgate::ws
