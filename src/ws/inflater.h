// Inflates messages (RFC 7692 section 7.2.2) up to a ceiling, at once or a slice at a time.
//
// One Inflater serves all connections of a shard; between messages it holds nothing of a connection. A message that takes longer
// than its slice is an InflateJob with its own decoder. A connection whose client keeps its context has an InflateHistory. Built
// on zlib. Owner shard. Invariant: it stores no byte of a message beyond the caller's ceiling.
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

/// The last inflated bytes of a client's messages, up to 2^window_bits. Memory grows with the bytes.
class InflateHistory {
 public:
  explicit InflateHistory(std::uint8_t window_bits) : bytes_max_(std::size_t{1} << window_bits) {}

  ByteView bytes() const { return bytes_; }
  /// False if memory is out; then this history must not be used again.
  bool append(ByteView inflated);

 private:
  std::size_t bytes_max_;
  std::vector<std::uint8_t> bytes_;
};

struct InflateRules {
  std::uint64_t bytes_max = 0;                 // a message that inflates to more is refused
  std::uint8_t window_bits = window_bits_max;  // a message that refers back further is refused
  std::uint64_t cost_ns_max = UINT64_MAX;      // a message that costs more (inflate_cost.h) is refused
};

/// `payload` lies in `buffer`. The caller may also write to the AssemblyBuffer::room_bytes before it.
struct Inflated {
  AssemblyBuffer* buffer = nullptr;
  MutableBytes payload;
};

struct InflateState;
class Inflater;

/// A message that is being inflated. Empty at first; then it belongs to the Inflater that began it, which must outlive it.
class InflateJob {
 public:
  InflateJob();
  InflateJob(InflateJob&& other) noexcept;
  InflateJob& operator=(InflateJob other) noexcept;
  ~InflateJob();

  explicit operator bool() const { return state_ != nullptr; }
  /// The bytes inflated so far, valid until the next `resume`. The job must not be empty.
  ByteView inflated() const;

 private:
  friend class Inflater;

  Inflater* inflater_ = nullptr;
  std::unique_ptr<InflateState> state_;
};

class Inflater {
 public:
  /// Output buffers come from `pool`, which must outlive the Inflater.
  explicit Inflater(AssemblyPool& pool);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Inflates the payload of one whole message and appends it to `history`: the connection's, null if the client keeps no
  /// context. The caller gives the buffer back to the pool, and checks whether a text is UTF-8.
  ///
  /// Errors, after which the connection must be failed: message_too_big, at the first byte over the ceiling;
  /// compressed_data_invalid, also for data that ends inside a block; inflating_too_costly; memory_exhausted. A block marked
  /// final does not end a message (section 7.2.3.4): the next block is inflated with the same window.
  std::expected<Inflated, Violation> inflate(ByteView payload, const InflateRules& rules, InflateHistory* history);

  /// As `inflate`, in slices. Begins with an empty `job` and stops after a cost of about `slice_ns`. True: finished, `take`
  /// returns the result. False: call it again with the same payload, rules and history. After an error, drop the job.
  std::expected<bool, Violation> resume(InflateJob& job, ByteView payload, const InflateRules& rules, InflateHistory* history,
                                        std::uint64_t slice_ns);

  /// Returns the result of a finished job and empties the job.
  Inflated take(InflateJob& job);

  /// The cost of the latest message (inflate_cost.h), also if it was refused; for a message in slices, the cost so far.
  std::uint64_t cost_ns() const { return cost_ns_; }

 private:
  friend class InflateJob;

  std::unique_ptr<InflateState> begin(InflateHistory* history);
  void give_back(std::unique_ptr<InflateState> state);

  AssemblyPool& pool_;
  std::unique_ptr<InflateState> spare_;  // the decoder for the next message, kept since the first
  std::uint64_t cost_ns_ = 0;
};

}  // namespace ringgate::ws
