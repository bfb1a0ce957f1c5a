// What --help says about each measuring scenario beyond its options.
#pragma once

namespace ringgate::measure {

inline constexpr const char* help_of_run = R"(WHAT IT MEASURES
  Each connection sends units and gets them back. A unit is a message of --size octets (in --fragments frames), or with
  --run-bytes a run of as many whole messages as fit, sent as one write. Every octet that comes back is compared, and the
  rules for a server's frames are checked; payloads and masking keys differ from unit to unit.

  Closed loop (default): each connection has --in-flight units under way and sends the next one when one is back. This
  finds the capacity. Latencies then are mostly time spent waiting for each other.

  Open loop (--rate): units leave at fixed times over all connections in turn, whatever the server does. Latency is counted
  from the time a unit was to leave, so time a server stands still is charged to every unit that waited.

  Messages are counted per frame of a run, latency per unit, both only in the window after --warmup. "server" is what
  /proc/stat says about --server-cpu in that window (user, system, irq and softirq; counted in ticks, so measure for
  seconds) and what the CPU clock says about --server-pid. Pin the server to one processor and this program to another: over
  loopback each side's send does part of the other's receiving.

  When this program never slept and the server's processor is not known to be saturated, the result says that the client is the
  bottleneck; then it says nothing about the server's capacity.

EXAMPLES
  ringgate-load run --target 127.0.0.1:8080 --connections 64 --size 20 --cpu 1 --server-cpu 0 --seconds 5
  ringgate-load run --target 127.0.0.1:8080 --rate 50000 --payload json --size 200 --percentiles latency.hgrm
  ringgate-load run --target 127.0.0.1:8080 --run-bytes 16384 --size 20 --json result.json
  ringgate-load run --target 127.0.0.1:7000 --protocol raw --size 20        (the ceiling: a TCP echo server)

EXIT CODES
  0 all right   1 a wrong octet or a lost connection   2 could not run   64 usage)";

}  // namespace ringgate::measure
