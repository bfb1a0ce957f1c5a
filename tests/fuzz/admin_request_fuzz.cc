// The bytes of one admin connection: request after request, heads and bodies. Oracles: requests, verdict and phase do
// not depend on the cut; no body is above its limit; what a body holds has arrived.
//
// Input: byte 0 = the cut (below 0x80 a place, in 128ths of the input, else the size of equal pieces),
// then the connection's bytes.
//
// Tests: src/admin/request_reader.* src/http/request_head.* src/http/request_head_parser.* src/http/uri.* src/http/body.* src/http/chunked.* src/http/byte_class.h
#include <memory>
#include <vector>

#include "admin/request_reader.h"
#include "fuzz_case.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using namespace ringgate::admin;

constexpr std::size_t body_bytes_max = 512;

struct Outcome {
  std::vector<Request> requests;
  bool rejected = false;
  http::Rejection rejection{};
  RequestReader::Phase phase = RequestReader::Phase::idle;

  void clear() {
    requests.clear();
    rejected = false;
    rejection = {};
    phase = RequestReader::Phase::idle;
  }
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Reads one piece of the connection; false if it was refused.
bool read_piece(RequestReader& reader, ByteView piece, Outcome& outcome) {
  while (!piece.empty()) {
    const ReadProgress progress = reader.read(piece);
    require(progress.consumed_bytes <= piece.size(), "no more is consumed than was given");
    require(reader.request().body.size() <= body_bytes_max, "a body stays under its limit");
    if (progress.status == ReadStatus::rejected) {
      outcome.rejected = true;
      outcome.rejection = progress.rejection;
      return false;
    }
    if (progress.status == ReadStatus::need_more)
      require(progress.consumed_bytes == piece.size(), "what is not enough is consumed");
    if (progress.status == ReadStatus::complete) {
      outcome.requests.push_back(reader.take());
      require(reader.phase() == RequestReader::Phase::idle, "behind a request a new one begins");
    }
    piece = piece.subspan(progress.consumed_bytes);
  }
  return true;
}

/// Reads `bytes` as one connection, `first` of them and then `step` at a time.
void read(ByteView bytes, std::size_t first, std::size_t step, Outcome& outcome) {
  static PieceRoom room;
  static std::unique_ptr<RequestReader> reader;  // kept while it is between two requests
  if (reader == nullptr) reader = std::make_unique<RequestReader>(body_bytes_max);
  outcome.clear();
  bool open = true;
  std::size_t size = first;
  for (std::size_t at = 0; open && at < bytes.size(); at += size, size = step) {
    size = std::min(size, bytes.size() - at);
    open = read_piece(*reader, room.lend(bytes.subspan(at, size)), outcome);
    room.take_back();
  }
  outcome.phase = open ? reader->phase() : RequestReader::Phase::idle;
  if (!open || reader->phase() != RequestReader::Phase::idle) reader.reset();

  std::size_t body_bytes = 0;
  for (const Request& request : outcome.requests) body_bytes += request.body.size();
  require(body_bytes <= bytes.size(), "bodies hold what has arrived");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Outcome whole;
  static Outcome split;
  Choices choices(data, size);
  const std::size_t cut = choices.byte();
  const ByteView bytes = choices.rest();
  const bool in_two = cut < 0x80;
  const std::size_t piece_bytes = 1 + cut % 0x80;
  read(bytes, bytes.size(), bytes.size(), whole);
  read(bytes, in_two ? bytes.size() * cut / 0x80 : piece_bytes, in_two ? bytes.size() : piece_bytes, split);
  require(split == whole, "cut = whole");
  return 0;
}
