#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace ringgate {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "ringgate: assertion failed: %s (%s:%d); this is a defect, please report it\n", condition, file, line);
  std::abort();
}

}  // namespace ringgate
