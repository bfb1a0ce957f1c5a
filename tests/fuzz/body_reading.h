// Reads a body through any reader of http/, whole or cut: for the targets chunked and admin_body.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "fuzz_case.h"
#include "http/chunked.h"

namespace ringgate::fuzz {

struct BodyOutcome {
  std::size_t consumed_bytes = 0;
  bool complete = false;
  std::optional<http::Rejection> rejection;
  bool operator==(const BodyOutcome&) const = default;
};

/// Feeds `reader` with `first` bytes, then with pieces of `step`, until the body ends or the input does.
template <typename Reader>
BodyOutcome read_body(Reader reader, ByteView input, std::size_t first, std::size_t step, std::string& body) {
  static PieceRoom room;
  BodyOutcome outcome;
  body.clear();
  for (std::size_t size = first;; size = step) {
    const ByteView rest = input.subspan(outcome.consumed_bytes);
    const ByteView piece = room.lend(rest.first(std::min(size, rest.size())));
    const auto progress = reader.read(piece, body);
    room.take_back();
    if (!progress) return {.rejection = progress.error()};
    require(progress->consumed_bytes <= piece.size(), "no more is consumed than was given");
    outcome.consumed_bytes += progress->consumed_bytes;
    outcome.complete = progress->complete;
    if (outcome.complete || outcome.consumed_bytes == input.size()) return outcome;
    require(progress->consumed_bytes == piece.size(), "an unfinished body takes all it is given");
  }
}

/// One content, one end and one verdict, whole and cut. `cut` below 0x80 is a place, above it the size of equal
/// pieces. The body of the whole reading is in `body`.
template <typename Reader>
BodyOutcome require_cut_is_whole(const Reader& fresh, ByteView input, std::uint8_t cut, std::string& body) {
  static std::string body_cut;
  const std::size_t everything = input.size() + 1;
  const std::size_t piece_bytes = 1 + cut % 16;
  const bool in_two = cut < 0x80;
  const BodyOutcome whole = read_body(fresh, input, everything, everything, body);
  const BodyOutcome split = read_body(fresh, input, in_two ? cut * std::size_t{2} % everything : piece_bytes,
                                      in_two ? everything : piece_bytes, body_cut);
  require(split == whole, "cut = whole, verdict");
  require(body_cut == body, "cut = whole, content");
  return whole;
}

}  // namespace ringgate::fuzz
