// Marks behind what was written to a connection: they tell when the kernel has all of it, and where on the wire that is. And what was not
// acknowledged when a connection ended.
//
// The transport keeps those of a connection while there are any (marks.cc); owner shard. A place is known only afterwards, and by
// excess: behind all output of the turn, or behind the records that the bytes were sealed into. Invariant: numbers rise.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace ringgate::conn {

struct Mark {
  std::uint64_t number = 0;
  std::uint64_t place = 0;  // in what the outbox was given
  bool is_fresh = false;    // behind the output of this turn, of which nobody knows yet whether the kernel takes it
};

struct ConnectionMarks {
  std::uint32_t generation = 0;
  std::deque<Mark> waiting;
  std::uint64_t asked_at = 0;                   // bytes_out when the kernel was asked what is not acknowledged
  bool is_asked = false;                        // its answer is awaited
  std::optional<std::uint64_t> unacked_at_end;  // what was not acknowledged when the connection ended
};

}  // namespace ringgate::conn
