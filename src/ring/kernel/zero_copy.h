// Sends without a copy: the kernel reads registered memory until the peer acknowledges it (io_uring_enter(2), IORING_OP_SEND_ZC).
//
// The first send registers a memory, and it stays registered while any send reads from it: a message for many devices is pinned
// once. Owner: the shard's Ring. Invariant: a keeper is dropped only after the kernel has reported the end of each of its sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "ring/keeper.h"
#include "ring/token.h"
#include "ringgate/bytes.h"

struct io_uring;

namespace ringgate::ring {

class ZeroCopy {
 public:
  ZeroCopy() = default;
  /// Leaks memory that the kernel may still read: a socket may be closed before its peer has acknowledged everything, and freed
  /// memory could hold something else by then.
  ~ZeroCopy();
  ZeroCopy(const ZeroCopy&) = delete;
  ZeroCopy& operator=(const ZeroCopy&) = delete;

  static constexpr std::uint32_t memories_max = 64;
  static constexpr std::size_t sends_max = 16'384;

  struct Send {
    Token token;               // the caller's; of kind none once it has completed, though the kernel may still read
    std::uint32_t memory = 0;  // index in the kernel's table of buffers
  };

  /// Registers the table of buffers; false if the kernel refuses.
  bool open(io_uring* ring);

  /// Returns the number for a send that will read from `memory`. None if too many are under way, or if the kernel refuses to
  /// register `memory` (for example because of RLIMIT_MEMLOCK).
  std::optional<std::uint32_t> begin(ByteView memory, Keeper keeper, Token token);
  /// The number of the send that has not completed yet. Searches all sends.
  std::optional<std::uint32_t> find(Token token) const;
  /// The send has completed: returns its token.
  Token complete(std::uint32_t number) { return std::exchange(sends_[number].token, {}); }
  std::uint32_t memory_of(std::uint32_t number) const { return sends_[number].memory; }
  /// Ends a send: the kernel no longer reads for it.
  void end(std::uint32_t number);

 private:
  struct Memory {
    ByteView bytes;
    Keeper keeper;
    std::uint32_t sends_count = 0;  // 0: the place is free
  };
  std::optional<std::uint32_t> place_of(ByteView memory, Keeper keeper);
  bool update(std::uint32_t index, ByteView bytes);

  io_uring* ring_ = nullptr;
  std::vector<Memory> memories_;
  std::vector<Send> sends_;
  std::vector<std::uint32_t> free_sends_;
};

}  // namespace ringgate::ring
