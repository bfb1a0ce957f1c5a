// The chunked transfer coding. Oracles: one content, one end and one verdict, whole and cut; no body above its limit;
// and chunks written by the input's own choice read as what was put in.
//
// Input: byte 0 = form (bits 0-1: 1 for the data of chunks to write, behind a list of their sizes; else bytes as they
// are) and limit (bits 2-7, in steps of 4 bytes), byte 1 = the cut, then the bytes.
//
// Tests: src/http/chunked.* src/http/byte_class.h
#include <charconv>

#include "body_reading.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;

void read_anything(ByteView input, std::uint8_t cut, std::size_t body_bytes_max) {
  static std::string body;
  const http::ChunkedReader fresh{body_bytes_max};
  require_cut_is_whole(fresh, input, cut, body);
  require(body.size() <= body_bytes_max, "a body stays under its limit");
}

void write_chunk(std::string& wire, std::string_view data) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, data.size(), 16).ptr;
  wire.append(digits, end).append("\r\n").append(data).append("\r\n");
}

/// Chunks of the sizes that `sizes` lists, until the data is used up.
void write_then_read(ByteView described, std::uint8_t cut, std::size_t body_bytes_max) {
  static std::string wire;
  static std::string body;
  wire.clear();
  const std::size_t sizes_count = described.size() / 8;
  const std::string_view data = text_of(described.subspan(sizes_count)).substr(0, body_bytes_max);
  std::size_t at = 0;
  for (std::size_t i = 0; i < sizes_count && at < data.size(); ++i) {
    const std::size_t size = std::min<std::size_t>(1 + described[i] % 64, data.size() - at);
    write_chunk(wire, data.substr(at, size));
    at += size;
  }
  if (at < data.size()) write_chunk(wire, data.substr(at));
  wire += "0\r\n\r\nbehind";
  const http::ChunkedReader fresh{body_bytes_max};
  const BodyOutcome outcome = require_cut_is_whole(fresh, bytes_of(wire), cut, body);
  require(outcome.complete && outcome.consumed_bytes == wire.size() - 6, "what is written ends where it ends");
  require(body == data, "read after write = written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const std::uint8_t form = choices.byte();
  const std::uint8_t cut = choices.byte();
  const std::size_t body_bytes_max = form & 0xFCU;
  form % 4 == 1 ? write_then_read(choices.rest(), cut, body_bytes_max) : read_anything(choices.rest(), cut, body_bytes_max);
  return 0;
}
