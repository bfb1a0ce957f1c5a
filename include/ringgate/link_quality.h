// What the kernel knows of a device's TCP connection. Values.
#pragma once

#include <cstdint>

namespace ringgate {

/// Members of the kernel's struct tcp_info (TCP_INFO, tcp(7); include/uapi/linux/tcp.h), which are named behind each. Behind a proxy
/// they speak of the connection to the proxy.
struct LinkQuality {
  std::uint32_t rtt_us = 0;               // tcpi_rtt: the smoothed round trip, in microseconds
  std::uint32_t rttvar_us = 0;            // tcpi_rttvar: how far it varies
  std::uint32_t min_rtt_us = 0;           // tcpi_min_rtt: the shortest of the last minutes
  std::uint32_t retransmits = 0;          // tcpi_total_retrans: segments sent again since the connection began
  std::uint32_t lost = 0;                 // tcpi_lost: segments under way that are taken for lost now
  std::uint32_t unacked = 0;              // tcpi_unacked: segments under way
  std::uint32_t cwnd = 0;                 // tcpi_snd_cwnd: segments that may be under way at once
  std::uint32_t mss = 0;                  // tcpi_snd_mss: bytes in a segment
  std::uint64_t retransmitted_bytes = 0;  // tcpi_bytes_retrans
  std::uint64_t delivery_rate = 0;        // tcpi_delivery_rate: bytes a second that arrived, measured last; 0: not measured yet
  std::uint32_t unsent_bytes = 0;         // tcpi_notsent_bytes: the kernel has them and has not sent them once

  friend bool operator==(const LinkQuality&, const LinkQuality&) = default;
};

/// Whether a link's quality is known, or why not.
enum class LinkStatus : std::uint8_t {
  not_asked,
  known,
  unix_socket,       // no network between the peers
  unsupported,       // the kernel cannot be asked (direct descriptors before Linux 6.8)
  no_descriptors,    // RLIMIT_NOFILE leaves no descriptor for the moment of the question
  connection_ended,  // after its shard had found it
  busy,              // too many questions of this kind wait at its shard, or the gate ends
  failed,            // the kernel answered with another error
};
/// "known", "unix_socket" and so on.
const char* name_of(LinkStatus status);

struct LinkReading {
  LinkStatus status = LinkStatus::not_asked;
  LinkQuality quality = {};  // set exactly if known
};

}  // namespace ringgate
