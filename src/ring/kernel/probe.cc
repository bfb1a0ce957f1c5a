#include "ring/kernel/self_test.h"

namespace ringgate::ring {

// Kernels with DEFER_TASKRUN (6.1), which every ring here requires, have multishot receive, direct descriptors and ring messages;
// what came later is found by trying it: registrations refuse unknown flags, behaviour is proven by the self-test.
std::expected<Features, SetupError> probe() { return self_test({true, true, true, true, true, true, true, true, true, true}); }

}  // namespace ringgate::ring
