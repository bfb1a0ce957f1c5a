// What the running kernel offers, and what the operator lets us use of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringgate::ring {

/// Each is usable when the probe found it and the configuration did not mask it. The gate runs with all of them off.
struct Features {
  bool multishot_receive = false;    // else one recv per event
  bool direct_descriptors = false;   // else process descriptors
  bool silent_sends = false;         // else every send completes; proven by the self-test, never assumed
  bool incremental_buffers = false;  // else one buffer per receive
  bool message_ring = false;         // else eventfd doorbells
  bool minimum_wait = false;         // batched waiting with a minimum time
  bool no_submission_array = false;  // IORING_SETUP_NO_SQARRAY
  bool peer_name_command = false;    // SO_PEERNAME through the ring, else accept collects addresses
  bool zero_copy_sends = false;      // from registered memory; else the kernel copies what it sends
  bool idle_waits = false;           // IORING_ENTER_NO_IOWAIT; else the kernel counts a sleeping ring as waiting for a disk

  friend bool operator==(const Features&, const Features&) = default;
};

/// Name and state of each feature, in a fixed order: for `version`, `doctor` and the start-up log.
struct NamedFeature {
  const char* name;
  bool available;
};
std::vector<NamedFeature> list(const Features& features);

}  // namespace ringgate::ring
