// Optional features of io_uring: those that the running kernel has and the operator allows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringgate::ring {

/// A feature is on if the probe found it and the configuration does not mask it. The gate runs with all of them off.
struct Features {
  bool multishot_receive = false;    // else one receive operation per event
  bool direct_descriptors = false;   // else process descriptors
  bool silent_sends = false;         // else every send completes; only the self-test can prove it
  bool incremental_buffers = false;  // else one buffer per receive
  bool message_ring = false;         // else eventfd doorbells
  bool minimum_wait = false;         // an enter may wait for a minimum time (WaitPolicy)
  bool no_submission_array = false;  // IORING_SETUP_NO_SQARRAY
  bool peer_name_command = false;    // SO_PEERNAME through the ring; else accepts collect addresses
  bool zero_copy_sends = false;      // from registered memory; else the kernel copies every send
  bool unacked_command = false;      // SIOCOUTQ through the ring; else nobody knows what a peer has acknowledged
  bool idle_waits = false;           // IORING_ENTER_NO_IOWAIT; else the kernel counts a sleeping ring as waiting for a disk
  bool descriptor_install = false;   // a process descriptor for a direct one, for a moment; else nobody knows a link's quality

  friend bool operator==(const Features&, const Features&) = default;
};

/// Name and state of each feature, in a fixed order: for `version`, `doctor` and the start-up log.
struct NamedFeature {
  const char* name;
  bool available;
};
std::vector<NamedFeature> list(const Features& features);

}  // namespace ringgate::ring
