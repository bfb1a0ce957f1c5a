// A whole connection to a whole gate, on the simulated ring: accepting, request, handshake, frames, echo, compression,
// closing, deadlines. Oracles: the same bytes, in whatever pieces they come, are answered with the same bytes; what follows
// a 101 are whole frames; and once a connection has ended, the gate holds no slot, buffer, operation, id or byte of it.
// Each new gate must first serve a good device on every route, so that a target that reaches nothing cannot pass.
//
// Input: byte 0 = form (below), byte 1 = size of the pieces less 1, then the device's bytes. There are never more than a few
// pieces: each takes turns of a whole gate, and the parsers have targets of their own that cut finer.
//
// Tests: tests/fuzz/frame_transcript.h src/http/*.[ch]* src/ws/*.[ch]* src/admission/*.[ch]* src/conn/*.[ch]* src/dispatch/*.[ch]* src/server/shard.*
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "described_frames.h"
#include "simulated_gate/device_client.h"
#include "simulated_gate/simulated_gate.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;

// Byte 0, bits 0-1: what stands before the input.
enum class Before : unsigned { nothing, request, deflate_request, deflate_context_request };
constexpr unsigned described = 4;  // the input describes frames
constexpr unsigned resets = 8;     // the device ends with a reset, not with an end of stream
constexpr unsigned waits = 16;     // it first waits for deadlines to pass

constexpr std::size_t pieces_max = 4;

/// Lives for so many connections: what a gate keeps of each (statistics, a peer's name) adds up.
constexpr unsigned runs_per_gate = 1000;

simulated::GateOptions gate_options() {
  simulated::GateOptions options;
  options.slots_count = limits::admin_slots_per_shard + 8;  // devices leave these to backends
  options.settings.limits.connections_max = 4;
  options.settings.limits.message_bytes_max = 600;
  options.settings.limits.fragments_max = 8;
  options.settings.routes.push_back({.path = "/deflate", .deflate = {.enabled = true, .message_bytes_min = 16}});
  options.settings.routes.push_back(
      {.path = "/context", .deflate = {.enabled = true, .context_takeover = true, .message_bytes_min = 16}});
  options.settings.ring.bulk_bytes = 128;
  // Smaller than long inputs, so that even these are cut where the gate's buffers end.
  options.ring.classic_buffers_count = 4;
  options.ring.classic_buffer_bytes = 256;
  options.ring.incremental_buffers_count = 2;
  options.ring.incremental_buffer_bytes = 512;
  return options;
}

struct World {
  ring::FakeWorld world{1};
  simulated::Gate gate{world, gate_options()};
};

/// Behind a 101, the frames with the payloads of pings blanked: they hold the time.
void blank_pings(std::string& answer) {
  constexpr std::string_view accepted = "HTTP/1.1 101 ";
  if (!answer.starts_with(accepted)) return;
  for (std::size_t at = answer.find("\r\n\r\n") + 4; at < answer.size();) {
    auto* const bytes = reinterpret_cast<std::uint8_t*>(answer.data() + at);
    const std::size_t left = answer.size() - at;
    require(left >= 2 && left >= ws::header_bytes_announced(bytes[1]), "a frame is sent whole");
    const ws::FrameHeader header = ws::decode_header(bytes);
    const std::size_t header_bytes = ws::header_bytes_announced(bytes[1]);
    require(!header.masked && header.fin && header.payload_bytes <= left - header_bytes, "a frame of the gate's is whole");
    if (header.opcode == ws::Opcode::ping) std::fill_n(bytes + header_bytes, header.payload_bytes, std::uint8_t{0});
    at += header_bytes + header.payload_bytes;
  }
}

/// The simulated clock goes on between two runs of the same bytes.
void blank_dates(std::string& answer) {
  constexpr std::string_view field = "\r\nDate: ";
  for (std::size_t at = 0; (at = answer.find(field, at)) != std::string::npos;) {
    at += field.size();
    const std::size_t end = std::min(answer.find('\r', at), answer.size());
    std::fill(answer.begin() + static_cast<std::ptrdiff_t>(at), answer.begin() + static_cast<std::ptrdiff_t>(end), 'x');
  }
}

/// What one connection was answered with, from its beginning to its end.
std::string talk(World& in, std::string_view bytes, std::size_t piece_bytes, unsigned form) {
  ring::FakePeer& peer = in.gate.connect();
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece_bytes, bytes.size()))) {
    peer.send(bytes.substr(0, piece_bytes));
    in.gate.settle();
  }
  if ((form & waits) != 0) in.gate.pass(120 * nanoseconds_per_second);
  std::string answer(peer.received_text());
  (form & resets) != 0 ? peer.reset() : peer.close();
  in.gate.settle();
  if (in.gate.counters().slots_used.get() != 0) in.gate.pass(20 * nanoseconds_per_second);
  blank_pings(answer);
  blank_dates(answer);
  answer += peer.saw_end() ? " end" : "";
  in.gate.expect_nothing_left();
  return answer;
}

void append_request(std::string& bytes, Before before) {
  constexpr std::string_view offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
  switch (before) {
    case Before::nothing: return;
    case Before::request: bytes += simulated::DeviceClient::request("d", "/ws"); return;
    case Before::deflate_request: bytes += simulated::DeviceClient::request("d", "/deflate", offer); return;
    case Before::deflate_context_request: bytes += simulated::DeviceClient::request("d", "/context", offer); return;
  }
}

void require_service(World& world) {
  for (const Before before : {Before::request, Before::deflate_request, Before::deflate_context_request}) {
    std::string bytes;
    append_request(bytes, before);
    append_client_frame(bytes, {.masking_key = 0x01020304, .opcode = ws::Opcode::text}, "Hello");
    const std::string answer = talk(world, bytes, bytes.size(), 0);
    require(answer.starts_with("HTTP/1.1 101 "), "a good device is let in");
    require(answer.contains("\r\n\r\n\x81\x05Hello"), "a good device is answered");
    require(answer.contains("permessage-deflate") == (before != Before::request), "compression is agreed on");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::unique_ptr<World> world;
  static unsigned runs_left = 0;
  static std::string bytes;
  if (runs_left-- == 0) {
    GTEST_FLAG_SET(break_on_failure, true);  // the simulated gate speaks of defects through GoogleTest
    world.reset();
    world = std::make_unique<World>();
    runs_left = runs_per_gate;
    require_service(*world);
  }
  Choices choices(data, size);
  const unsigned form = choices.byte();
  const std::size_t piece_wanted = 1 + choices.byte();
  bytes.clear();
  append_request(bytes, static_cast<Before>(form % 4));
  if ((form & described) != 0) {
    append_described_frames(bytes, text_of(choices.rest()));
  } else {
    bytes += text_of(choices.rest());
  }
  const std::string whole = talk(*world, bytes, bytes.size(), form);
  const std::size_t piece_bytes = std::max(piece_wanted, bytes.size() / pieces_max + 1);
  require(talk(*world, bytes, piece_bytes, form) == whole, "pieces = whole");
  return 0;
}
