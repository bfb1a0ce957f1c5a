// Decompresses messages (RFC 7692 section 7.2.2) under a ceiling on what comes out, at once or a slice at a time.
//
// One Inflater per shard serves all its connections: between messages it holds nothing of any of them. A message that takes longer
// than its slice is an InflateJob, which has a decoder of its own. What a client that keeps its context refers back to is the
// connection's own InflateHistory. Built on zlib. Owner shard. Invariant: no byte of a message is stored beyond the ceiling that the
// caller gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

#include "ringgate/bytes.h"
#include "ws/deflate_parameters.h"
#include "ws/inflate_cost.h"
#include "ws/message_assembly.h"
#include "ws/violation.h"

namespace ringgate::ws {

/// The last bytes that a client's compressed messages inflated to: up to 2^window_bits, none before they are needed.
class InflateHistory {
 public:
  explicit InflateHistory(std::uint8_t window_bits) : bytes_max_(std::size_t{1} << window_bits) {}

  ByteView bytes() const { return bytes_; }
  /// False if memory is out, and then it is of no more use.
  bool append(ByteView inflated);

 private:
  std::size_t bytes_max_;
  std::vector<std::uint8_t> bytes_;
};

struct InflateRules {
  std::uint64_t bytes_max = 0;                 // a message that inflates to more is refused
  std::uint8_t window_bits = window_bits_max;  // a message that refers back further is refused
  std::uint64_t cost_ns_max = UINT64_MAX;      // a message that costs more, as reckoned, is refused
};

/// `payload` lies in `buffer`, with AssemblyBuffer::room_bytes before it that are the caller's, too.
struct Inflated {
  AssemblyBuffer* buffer = nullptr;
  MutableBytes payload;
};

struct InflateState;
class Inflater;

/// A message that is being inflated. Empty at first; belongs to the Inflater that began it, which outlives it.
class InflateJob {
 public:
  InflateJob();
  InflateJob(InflateJob&& other) noexcept;
  InflateJob& operator=(InflateJob other) noexcept;
  ~InflateJob();

  explicit operator bool() const { return state_ != nullptr; }
  /// What came out so far; moves when more does. Not of an empty job.
  ByteView inflated() const;

 private:
  friend class Inflater;

  Inflater* inflater_ = nullptr;
  std::unique_ptr<InflateState> state_;
};

class Inflater {
 public:
  /// Output is taken from `pool`, which outlives this.
  explicit Inflater(AssemblyPool& pool);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Inflates the payload of one whole message. `history`: the connection's, null if the client keeps no context; it is extended
  /// by the message. The caller gives the buffer back to the pool.
  ///
  /// Errors, after which the connection must be failed: message_too_big, found at the first byte over the ceiling;
  /// compressed_data_invalid, also for data that ends inside a block; inflating_too_costly, found within a piece;
  /// memory_exhausted. A block marked final does not end a message (section 7.2.3.4): what follows is inflated with the same
  /// window. That a text is UTF-8 is for the caller to see.
  std::expected<Inflated, Violation> inflate(ByteView payload, const InflateRules& rules, InflateHistory* history);

  /// The same in slices: begins with an empty `job`, and stops once about `slice_ns` are spent, as reckoned. True: finished, and
  /// `take` has the result. False: to be called again, with the same payload, rules and history. After an error the job is of no
  /// more use.
  std::expected<bool, Violation> resume(InflateJob& job, ByteView payload, const InflateRules& rules, InflateHistory* history,
                                        std::uint64_t slice_ns);

  /// The result of a finished job, which is empty then.
  Inflated take(InflateJob& job);

  /// What inflating cost, reckoned (inflate_cost.h). Of the latest message, also if it was refused; of one in slices, so far.
  std::uint64_t cost_ns() const { return cost_ns_; }

 private:
  friend class InflateJob;

  std::unique_ptr<InflateState> begin(InflateHistory* history);
  void give_back(std::unique_ptr<InflateState> state);

  AssemblyPool& pool_;
  std::unique_ptr<InflateState> spare_;  // from the first message on: the decoder of the next
  std::uint64_t cost_ns_ = 0;
};

}  // namespace ringgate::ws
