// Fuzzes the frame reader. Oracles: the events do not depend on the cut; memory follows the octets received;
// and what was read, written again as frames, reads the same.
//
// Input: octet 0 = rules and form, octet 1 = size of the pieces, then the connection's octets: as they are,
// or (form bit) as descriptions {first octet, payload size, payload...} of well-formed masked frames, which
// gets deeper faster.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "../unit/ws/client_side.h"

namespace {

using namespace ringgate;
using namespace ringgate::ws;
using namespace ringgate::ws::testing;

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

std::string frames_described_by(std::string_view descriptions) {
  std::string octets;
  while (descriptions.size() >= 2) {
    const char first = descriptions[0];
    const std::size_t size =
        std::min<std::size_t>(static_cast<unsigned char>(descriptions[1]), descriptions.size() - 2);
    std::string frame =
        client_frame({.key = 0x80FF0102U * static_cast<unsigned>(size)}, descriptions.substr(2, size));
    frame[0] = first;
    octets += frame;
    descriptions.remove_prefix(2 + size);
  }
  return octets;
}

/// The client frames that would bring about exactly these events.
std::string written_again(const std::vector<Seen>& events) {
  std::string octets;
  for (const Seen& event : events) {
    switch (event.kind) {
      case EventKind::message:
        octets += client_frame({.opcode = static_cast<Opcode>(event.type), .rsv1 = event.compressed},
                               event.payload);
        break;
      case EventKind::ping:
        octets += client_frame({.opcode = Opcode::ping}, event.payload);
        break;
      case EventKind::pong:
        octets += client_frame({.opcode = Opcode::pong}, event.payload);
        break;
      case EventKind::close: {
        const bool empty = event.close_code == CloseCode::no_status;
        octets +=
            client_frame({.opcode = Opcode::close},
                         empty ? "" : close_payload(static_cast<unsigned>(event.close_code), event.payload));
        break;
      }
      case EventKind::violation:
      case EventKind::need_more:
        break;
    }
  }
  return octets;
}

/// Octet by octet, looking at the memory after each.
std::vector<Seen> read_by_octet(std::string_view octets, const ReaderRules& rules) {
  Session session(rules);
  for (std::size_t received = 1; received <= octets.size(); ++received) {
    session.feed(octets.substr(received - 1, 1));
    require(session.reader().memory_bytes() <= 2 * (received + received / 10) + 512,
            "memory follows the octets received");
  }
  return session.seen();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned form = data[0];
  const std::size_t piece_bytes = 1 + data[1] % 64;
  const std::string_view rest = text_of({data + 2, size - 2});
  const std::string octets = (form & 1) != 0 ? frames_described_by(rest) : std::string(rest);
  const ReaderRules rules{.message_bytes_max = (form & 2) != 0 ? 1U << 20 : 60U,
                          .fragments_max = (form & 4) != 0 ? 1024U : 3U,
                          .compression = (form & 8) != 0,
                          .compressed_bytes_max = 70000};

  const std::vector<Seen> whole = read_whole(octets, rules);
  require(read_in_pieces(octets, piece_bytes, rules) == whole, "pieces = whole");
  require(read_by_octet(octets, rules) == whole, "octet by octet = whole");
  require(read_cut(octets, std::min(piece_bytes, octets.size()), rules) == whole, "cut in two = whole");

  std::vector<Seen> good = whole;
  std::erase_if(good, [](const Seen& event) { return event.kind == EventKind::violation; });
  require(read_whole(written_again(good), rules) == good, "read after write = written");
  return 0;
}
