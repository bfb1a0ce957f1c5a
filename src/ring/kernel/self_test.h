// The start-up self-test: what no man page promises is tried on a loopback connection before it is relied on.
#pragma once

#include <expected>
#include <string>

#include "ring/ring.h"

namespace ringgate::ring {

/// Runs the ring's own code paths against a plain socket in the same thread, for at most a second, with `allowed` features, and
/// returns those that behaved. An error means that even the plainest reception or sending failed.
std::expected<Features, SetupError> self_test(const Features& allowed);

/// Whether what `from` sends through `doorbell` arrives at `to`: at once, or not at all. Both rings are the calling thread's and idle.
bool message_arrives(Ring& from, Ring& to, const Ring::Doorbell& doorbell);

}  // namespace ringgate::ring
