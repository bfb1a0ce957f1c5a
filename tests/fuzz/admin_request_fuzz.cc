// Fuzzes the reading of admin requests, heads and bodies. Oracles: requests and verdict do not depend on the
// cut; no body is above its limit; what a body holds has arrived.
//
// Input: octet 0 = size of the pieces, then the connection's octets.
//
// Tests: src/admin/request_reader.* src/http/request_head.* src/http/request_head_parser.* src/http/uri.* src/http/body.* src/http/chunked.* src/http/octet_class.h
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "admin/request_reader.h"

namespace {

using namespace ringgate;
using namespace ringgate::admin;

constexpr std::size_t body_bytes_max = 512;

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

struct Outcome {
  std::vector<Request> requests;
  bool rejected = false;
  http::Rejection rejection{};
  RequestReader::Phase phase = RequestReader::Phase::idle;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read_in_pieces(ByteView octets, std::size_t piece_bytes) {
  RequestReader reader(body_bytes_max);
  Outcome outcome;
  std::size_t body_bytes = 0;
  for (std::size_t at = 0; at < octets.size(); at += piece_bytes) {
    // A copy of its own, so that reading behind its end, or keeping a pointer into it, is found.
    const ByteView part = octets.subspan(at, std::min(piece_bytes, octets.size() - at));
    const std::vector<std::uint8_t> piece(part.begin(), part.end());
    for (ByteView rest = piece; !rest.empty();) {
      const ReadProgress progress = reader.read(rest);
      require(progress.consumed_bytes <= rest.size(), "no more is consumed than was given");
      require(reader.request().body.size() <= body_bytes_max, "a body stays under its limit");
      if (progress.status == ReadStatus::rejected) {
        outcome.rejected = true;
        outcome.rejection = progress.rejection;
        return outcome;
      }
      if (progress.status == ReadStatus::need_more)
        require(progress.consumed_bytes == rest.size(), "what is not enough is consumed");
      if (progress.status == ReadStatus::complete) {
        outcome.requests.push_back(reader.take());
        body_bytes += outcome.requests.back().body.size();
        require(body_bytes <= octets.size(), "bodies hold what has arrived");
        require(reader.phase() == RequestReader::Phase::idle, "behind a request a new one begins");
      }
      rest = rest.subspan(progress.consumed_bytes);
    }
  }
  outcome.phase = reader.phase();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece_bytes = 1 + data[0];
  const ByteView octets{data + 1, size - 1};
  const Outcome whole = read_in_pieces(octets, octets.size());
  require(read_in_pieces(octets, piece_bytes) == whole, "pieces = whole");
  require(read_in_pieces(octets, 1) == whole, "octet by octet = whole");
  return 0;
}
