// The start-up self-test tries on a loopback connection what no man page promises, before the gate relies on it.
#pragma once

#include <expected>
#include <string>

#include "ring/ring.h"

namespace ringgate::ring {

/// Runs the ring's own code with the `allowed` features against a plain socket in the same thread, and returns the features that
/// worked. Each step waits for a second at most. An error means that no ring opens, or that even plain receiving fails.
std::expected<Features, SetupError> self_test(const Features& allowed);

/// Whether a message of `from` through `doorbell` arrives at `to`. Both rings are idle and belong to the calling thread.
bool message_arrives(Ring& from, Ring& to, const Ring::Doorbell& doorbell);

}  // namespace ringgate::ring
