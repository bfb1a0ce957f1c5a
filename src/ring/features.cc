#include "ring/features.h"

#include "ring/ring.h"

namespace ringgate::ring {

std::vector<NamedFeature> list(const Features& features) {
  return {
      {"multishot_recv", features.multishot_receive},
      {"direct_descriptors", features.direct_descriptors},
      {"silent_sends", features.silent_sends},
      {"incremental_buffers", features.incremental_buffers},
      {"msg_ring", features.message_ring},
      {"min_wait", features.minimum_wait},
      {"no_sq_array", features.no_submission_array},
      {"peer_name_command", features.peer_name_command},
      {"zero_copy_sends", features.zero_copy_sends},
      {"unacked_command", features.unacked_command},
      {"idle_waits", features.idle_waits},
      {"descriptor_install", features.descriptor_install},
  };
}

const char* name_of(IoError error) {
  switch (error) {
    case IoError::none: return "none";
    case IoError::again: return "again";
    case IoError::no_buffers: return "no_buffers";
    case IoError::cancelled: return "cancelled";
    case IoError::connection_ended: return "connection_ended";
    case IoError::no_descriptors: return "no_descriptors";
    case IoError::no_memory: return "no_memory";
    case IoError::not_found: return "not_found";
    case IoError::unsupported: return "unsupported";
    case IoError::other: return "other";
  }
  return "other";
}

}  // namespace ringgate::ring
