// The output of one connection in the current turn: a few pieces that become one send. Output that waits longer is in the Outbox.
//
// Owned by the transport; owner shard. Pieces point into receive buffers (replies written in place), into the turn's arena, or
// into prepared messages. Invariant: this memory stays until the kernel is known to have taken the turn's sends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ring/ring.h"
#include "ringgate/bytes.h"
#include "ws/prepared_message.h"

namespace ringgate::conn {

struct OutputPiece {
  std::uint8_t* data = nullptr;  // null if `message` is set
  std::size_t size = 0;
  ws::MessageRef message;

  const std::uint8_t* bytes() const { return message ? message->frame().data() : data; }
};

struct TurnOutput {
  static constexpr std::uint32_t no_slot = UINT32_MAX;

  std::uint32_t slot = no_slot;  // no_slot: withdrawn
  std::uint32_t generation = 0;
  std::size_t pieces_count = 0;
  std::size_t bytes = 0;
  bool submitted = false;
  bool sealed = false;  // the pieces are TLS records
  std::array<OutputPiece, ring::Ring::pieces_max> pieces;
  std::uint8_t* room_end = nullptr;  // end of the room after joined pieces, where later pieces are copied while they fit

  bool full() const { return pieces_count == pieces.size(); }
  OutputPiece* last() { return pieces_count == 0 ? nullptr : &pieces[pieces_count - 1]; }
  void add(OutputPiece piece) {
    bytes += piece.size;
    pieces[pieces_count++] = std::move(piece);
  }
  /// The same for bytes that are not part of a prepared message.
  void add_bytes(std::uint8_t* data, std::size_t size) {
    bytes += size;
    pieces[pieces_count].data = data;
    pieces[pieces_count].size = size;
    ++pieces_count;
  }
  /// Extends the last piece by the `size` bytes that follow it in memory. Gives up the room after joined pieces.
  void extend_last(std::size_t size) {
    pieces[pieces_count - 1].size += size;
    bytes += size;
    room_end = nullptr;
  }
  /// Takes room for `size` bytes right after the joined pieces and counts it as part of them; null if there is none.
  std::uint8_t* take_room(std::size_t size) {
    if (room_end == nullptr || pieces_count != 1) return nullptr;
    std::uint8_t* const end = pieces[0].data + pieces[0].size;
    if (size > static_cast<std::size_t>(room_end - end)) return nullptr;
    pieces[0].size += size;
    bytes += size;
    return end;
  }
  void clear() {
    for (std::size_t i = 0; i < pieces_count; ++i)
      if (pieces[i].message) pieces[i] = {};
    slot = no_slot;
    pieces_count = 0;
    bytes = 0;
    submitted = false;
    sealed = false;
    room_end = nullptr;
  }
};

/// Memory for one turn, in blocks. Keeps up to kept_blocks_max blocks for later turns.
class TurnArena {
 public:
  static constexpr std::size_t block_bytes = 64 * 1024;

  /// `size` writable bytes until `reset`.
  std::uint8_t* allocate(std::size_t size) {
    std::uint8_t* const bytes = room(size);
    next_ = bytes + size;
    return bytes;
  }
  /// Where the next allocation of up to `size` bytes will be. The caller may write there before it allocates.
  std::uint8_t* room(std::size_t size) { return fits(size) ? next_ : in_next_block(size); }
  void reset();

 private:
  struct Block {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t size = 0;
  };
  static constexpr std::size_t kept_blocks_max = 16;

  bool fits(std::size_t size) const { return next_ != nullptr && size <= static_cast<std::size_t>(end_ - next_); }
  std::uint8_t* in_next_block(std::size_t size);

  std::vector<Block> blocks_;
  std::size_t entered_ = 0;       // blocks in use; the last of them is free from `next_` on
  std::uint8_t* next_ = nullptr;  // null: no block is in use
  std::uint8_t* end_ = nullptr;
};

}  // namespace ringgate::conn
