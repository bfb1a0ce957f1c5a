// Gathers a request head that does not arrive in one piece, for both ports.
//
// Most heads arrive whole and are parsed in place, without a copy. Any other head is kept here, and parsing goes on where it
// stopped. A connection owns the gatherer while its head arrives; a gatherer that holds no bytes may serve the next connection.
// Invariant: memory follows the bytes that have arrived: at most `HeadRules::head_bytes_max` and one receive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "http/request_head_parser.h"
#include "ringgate/bytes.h"

namespace ringgate::http {

/// The result of `HeadGatherer::read`.
struct GatheredHead {
  HeadStatus status = HeadStatus::need_more;
  std::size_t consumed_bytes = 0;  // of the input; the body, frames or the next request follow
  Rejection rejection{};           // only if rejected
};

class HeadGatherer {
 public:
  explicit HeadGatherer(const HeadRules& rules) : parser_(rules) {}

  /// Goes on with `input`, which follows the input of earlier calls. On need_more it has consumed and kept all of `input`.
  GatheredHead read(ByteView input);

  /// The head, after `read` returned complete. Borrows the input of that call, or this object.
  RequestView view() const { return parser_.view(head_); }

  /// The part of an incomplete head that was read, for the log. Borrows as `view`, and only until the next `read`.
  RequestView view_so_far() const { return parser_.view(bytes_.empty() ? head_ : ByteView{bytes_}); }

  /// Copies a complete head into this object, so that `view` no longer borrows the input. What follows the head is dropped.
  void keep();

  /// The method, or Method::unknown; for the response to a rejected head.
  Method method() const { return parser_.head().method; }

  /// True if it keeps bytes of an unfinished head.
  bool holds_bytes() const { return !bytes_.empty(); }
  std::size_t held_bytes() const { return bytes_.size(); }
  /// All memory of this object, for budgets.
  std::size_t memory_bytes() const { return sizeof *this + parser_.memory_bytes() + bytes_.capacity(); }

  /// Prepares for the next head. Keeps its memory.
  void reset();

 private:
  RequestHeadParser parser_;
  std::vector<std::uint8_t> bytes_;  // of a head that did not arrive in one piece
  ByteView head_;                    // the bytes that the last call parsed: `bytes_`, or the input
};

}  // namespace ringgate::http
