#include "ring/kernel/self_test.h"

namespace ringgate::ring {

// Every ring here requires DEFER_TASKRUN (6.1). Kernels that have it also have multishot receive, direct descriptors and ring
// messages. Later features are found by trying them: a registration fails on unknown flags, and the self-test proves behaviour.
std::expected<Features, SetupError> probe() { return self_test(RingOptions{}.allowed); }

}  // namespace ringgate::ring
