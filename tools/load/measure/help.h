// The --help text of each measuring scenario, beyond its options.
#pragma once

namespace ringgate::measure {

inline constexpr const char* help_of_run = R"(WHAT IT MEASURES
  Each connection sends units and gets them back. A unit is a message of --size bytes (in --fragments frames), or with
  --run-bytes a run of as many whole messages as fit, sent as one write. This program compares every byte of the replies and
  checks the rules for a server's frames. Payloads and masking keys differ from unit to unit.

  Closed loop (default): each connection has --in-flight units under way and sends the next one when one is back. This
  finds the capacity. Most of the latency then is time that units wait for each other.

  Open loop (--rate): units leave at fixed times over all connections in turn, whatever the server does. Latency counts from
  the time when a unit is due, so a server that stalls is charged for every unit that waited. "sent late" is this program's
  part of the latency. Choose a rate that is no multiple of the kernel's ticks (100, 250 or 1,000 per second): /proc/stat
  samples at these ticks, and would find the server's processor in the same state each time.

  Messages are counted per frame of a run, latency per unit, both only in the window after --warmup. "server" is the time that
  /proc/stat counts for --server-cpu in that window (user, system, irq and softirq; counted in ticks, so measure for seconds)
  and the CPU clock of --server-pid. Pin the server to one processor and this program to another: over loopback each side's
  send does part of the other side's receiving.

  If this program never slept, and the server's processor is not known to be saturated, the result says that the client is the
  bottleneck. Then it says nothing about the server's capacity.

  With --tls it speaks TLS 1.3 with AES-128-GCM and X25519 and nothing else, so that every server does the same cryptography. It
  verifies no certificate.

EXAMPLES
  ringgate-load run --target 127.0.0.1:8080 --connections 64 --size 20 --cpu 1 --server-cpu 0 --seconds 5
  ringgate-load run --target 127.0.0.1:8080 --rate 50021 --payload json --size 200 --percentiles latency.hgrm
  ringgate-load run --target 127.0.0.1:8080 --run-bytes 16384 --size 20 --json result.json
  ringgate-load run --target 127.0.0.1:7000 --protocol raw --size 20        (the ceiling: a TCP echo server)

EXIT CODES
  0 all right   1 a wrong byte or a lost connection   2 could not run   64 usage)";

inline constexpr const char* help_of_handshakes = R"(WHAT IT MEASURES
  Each of --connections connects, upgrades, sends a Close frame with 1000, waits for the server's Close frame and the end of
  TCP, and begins again. It checks the answer's Sec-WebSocket-Accept every time. A handshake counts when TCP has ended.

  "opening" is the time from connect to the answer, "whole" the time to the end of TCP. Over loopback most of a TCP handshake
  is done by the connecting side's system call, so this program usually needs more CPU than the server, and "the client is the
  bottleneck" is no surprise: then compare servers by their CPU time per handshake (--server-cpu, --server-pid), not by the rate.

  With --tls each handshake has one of TLS 1.3 in it, which is a full one, or with --resume that of a session whose ticket the
  connection before got. The result tells how many the server resumed. No certificate is verified.

  If the target is on loopback, connections come from 127.1.0.1 to 127.1.0.200, so that local ports do not run out.

EXAMPLE
  ringgate-load handshakes --target 127.0.0.1:8080 --connections 64 --seconds 5 --cpu 1 --server-cpu 0

EXIT CODES
  0 all right   1 a handshake that failed or did not end as it should   2 could not run   64 usage)";

inline constexpr const char* help_of_hold = R"(WHAT IT DOES
  Opens --connections (at most 19,000 in one process), leaves them idle and answers pings. Prints "holding N" when all are
  open, then waits for the end of its input, SIGTERM, SIGINT or --seconds, and closes with 1000. Meanwhile the caller can measure
  the server. Reports on stderr when connections have ended.

  Standard input from /dev/null ends at once: give it a pipe.

EXAMPLE
  sleep 30 | ringgate-load hold --target 127.0.0.1:8080 --connections 15000

EXIT CODES
  0 all were held to the end   1 the server ended some   2 not all could be opened   64 usage)";

inline constexpr const char* help_of_pushes = R"(WHAT IT MEASURES
  Connects --devices and pushes binary messages to them with POST requests, --pipeline of them under way on each of --lines
  keep-alive connections to the admin port. Every message must arrive unchanged, at the right device, once, and in the
  order of its admin connection. At the end every message that an answer reported as delivered must have arrived.

  "arrival" is the time from writing a request to the message at its device, "answer" to the request's answer. A push counts
  when it is answered with 200. Answers with 429 (the device's queue is full) are counted as refused; any other answer is an error.

EXAMPLES
  ringgate-load pushes --target 127.0.0.1:8080 --admin 127.0.0.1:8081 --devices 1 --mode one --pipeline 16
  ringgate-load pushes --target 127.0.0.1:8080 --admin 127.0.0.1:8081 --devices 10000 --mode broadcast --pipeline 1

EXIT CODES
  0 all right   1 lost, doubled, reordered or changed, or refused for a reason other than 429   2 could not run   64 usage)";

}  // namespace ringgate::measure
