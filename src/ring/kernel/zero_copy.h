// Sends that read registered memory where it lies, until the peer has acknowledged it (io_uring_enter(2), IORING_OP_SEND_ZC).
//
// A memory is registered with its first send and stays so while any send reads from it: a message for many devices is pinned
// once. Owner: the Ring of the shard. Invariant: a keeper is dropped only when the kernel has said, for each send, that it is done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ring/keeper.h"
#include "ring/token.h"
#include "ringgate/bytes.h"

struct io_uring;

namespace ringgate::ring {

class ZeroCopy {
 public:
  ZeroCopy() = default;
  /// Abandons what the kernel may still send, over a socket that was closed before its peer had acknowledged everything: given
  /// back, the memory could hold something else by then.
  ~ZeroCopy();
  ZeroCopy(const ZeroCopy&) = delete;
  ZeroCopy& operator=(const ZeroCopy&) = delete;

  static constexpr std::uint32_t memories_max = 64;
  static constexpr std::size_t sends_max = 16'384;

  struct Send {
    Token token;               // the caller's
    std::uint32_t memory = 0;  // index in the kernel's table of buffers
  };

  /// Registers the table; false if this kernel has none.
  bool open(io_uring* ring);

  /// The number of a send that is to read from `memory`. None when too many are under way, or when the kernel refuses to
  /// register (RLIMIT_MEMLOCK, say).
  std::optional<std::uint32_t> begin(ByteView memory, Keeper keeper, Token token);
  const Send& at(std::uint32_t number) const { return sends_[number]; }
  /// The kernel reads no more for that send.
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
