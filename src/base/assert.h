// Assertions that stay on in release: they guard state, ownership and control paths that only our own code can break.
// Never assert what a peer, the kernel or an operator can break.
#pragma once

namespace ringgate {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}

#define RINGGATE_ASSERT(condition) \
  (__builtin_expect(!(condition), 0) ? ::ringgate::assertion_failed(#condition, __FILE__, __LINE__) : (void)0)
