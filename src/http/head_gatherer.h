// Gathers a request head that does not arrive in one piece, for both ports.
//
// Most heads arrive whole and are parsed where they lie, without a copy; one that does not is kept here, and parsing goes on where it
// stopped. Owned by a connection while its head is arriving; one that holds no bytes may serve connection after connection.
// Invariant: memory follows the bytes that have arrived, at most `HeadRules::head_bytes_max` and one receive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "http/request_head_parser.h"
#include "ringgate/bytes.h"

namespace ringgate::http {

/// What `HeadGatherer::read` found.
struct GatheredHead {
  HeadStatus status = HeadStatus::need_more;
  std::size_t consumed_bytes = 0;  // of the input; the body, the frames or the next request begin behind them
  Rejection rejection{};           // only if rejected
};

class HeadGatherer {
 public:
  explicit HeadGatherer(const HeadRules& rules) : parser_(rules) {}

  /// Goes on with `input`, which follows the input of the calls before. With need_more all of it is consumed, and kept.
  GatheredHead read(ByteView input);

  /// The head. Precondition: the last `read` said complete, and its input is still there: the view borrows it, or this object.
  RequestView view() const { return parser_.view(head_); }

  /// As much of a head as was read, if it is not complete, for whoever tells of it. Borrows like `view`; of a head that is still
  /// arriving, until the next `read`.
  RequestView view_so_far() const { return parser_.view(bytes_.empty() ? head_ : ByteView{bytes_}); }

  /// The method, as far as it is known; for the answer to a rejected head.
  Method method() const { return parser_.head().method; }

  /// True if bytes of an unfinished head are kept.
  bool holds_bytes() const { return !bytes_.empty(); }
  std::size_t held_bytes() const { return bytes_.size(); }
  /// All memory of this object: for budgets.
  std::size_t memory_bytes() const { return sizeof *this + parser_.memory_bytes() + bytes_.capacity(); }

  /// Makes ready for the next head. Keeps its memory.
  void reset();

 private:
  RequestHeadParser parser_;
  std::vector<std::uint8_t> bytes_;  // of a head that did not arrive in one piece
  ByteView head_;                    // what the last call parsed: `bytes_`, or the input
};

}  // namespace ringgate::http
