// Unmasks a whole text and validates it as UTF-8 (RFC 6455 section 8.1, RFC 3629) while its bytes are in registers.
//
// Texts up to unmask_inline_bytes_max bytes go through unmask and valid_utf8, longer ones to a kernel that is chosen once at run
// time; on a machine without AVX-512BW that kernel makes two passes. Exact: reads and writes the payload's bytes and no others.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ringgate/bytes.h"
#include "ws/masking.h"
#include "ws/utf8.h"

namespace ringgate::ws {

/// Unmasks `size` bytes in place; returns whether they are UTF-8 as a whole. If not, their content is unspecified.
using UnmaskTextFunction = bool (*)(std::uint8_t* bytes, std::size_t size, MaskingKey key);

struct TextKernel {
  const char* name;
  UnmaskTextFunction unmask_text;
};

/// The kernels that this machine can run; the first makes two passes, the last is the one in use. Any thread.
std::span<const TextKernel> text_kernels();

namespace masking {
extern std::atomic<UnmaskTextFunction> text_kernel;  // the first call sets it; relaxed, as masking::kernel
}

/// Unmasks `payload` in place; returns whether it is UTF-8. Any thread; does not allocate.
inline bool unmask_text(MutableBytes payload, MaskingKey key) {
  if (payload.size() <= unmask_inline_bytes_max) return !unmask(payload, key) || valid_utf8(payload);
  return masking::text_kernel.load(std::memory_order_relaxed)(payload.data(), payload.size(), key);
}

}  // namespace ringgate::ws
