// What a connection could not send yet, in order: bytes of its own in chunks, and references to prepared messages.
//
// Exists only while the peer is slower than we are. Its front belongs to the kernel while a send is in flight, so nothing is
// freed or moved there before the send has completed. Owner shard.
// Invariants: bytes() is the sum of all that waits; the ceiling on it is the caller's to check before appending. What it holds is in
// the account it joined, until `forsake`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "base/time.h"
#include "conn/waiting_output.h"
#include "ring/ring.h"
#include "ringgate/bytes.h"
#include "ws/prepared_message.h"

namespace ringgate::conn {

class Outbox {
 public:
  static constexpr std::size_t chunk_bytes_min = 4096;

  explicit Outbox(TimeNs now) : progress_at_(now) {}
  ~Outbox() { forsake(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

  /// When the peer last took a byte, or when this outbox began.
  TimeNs progress_at() const { return progress_at_; }

  /// What it holds counts in `account` from now on, as the outbox of the connection in `slot`.
  void join(WaitingOutput& account, std::uint32_t slot);
  /// Nothing of it counts any more: it is about to go.
  void forsake();
  bool is_counted() const { return account_ != nullptr; }

  /// Copies `bytes` behind all that waits.
  void append(ByteView bytes);
  /// Refers to the frame of `message` from `offset` on.
  void append(ws::MessageRef message, std::size_t offset);

  /// The next bytes to send, as up to `out.size()` pieces; returns how many. They stay where they are until `consume`.
  std::size_t front(std::span<ring::Piece> out) const;

  /// What is at the front, if it is a prepared message: the message, and how much of its frame is gone; else null.
  struct FrontMessage {
    const ws::PreparedMessage* message = nullptr;
    std::size_t offset = 0;
  };
  FrontMessage front_message() const;

  /// The peer's side took `bytes` from the front at `now`.
  void consume(std::size_t bytes, TimeNs now);

 private:
  struct Node {
    std::unique_ptr<std::uint8_t[]> chunk;  // null if `message` is set
    std::size_t capacity = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
    ws::MessageRef message;

    std::size_t memory_bytes() const { return sizeof(Node) + capacity; }
    const std::uint8_t* bytes() const { return chunk ? chunk.get() : message->frame().data(); }
  };

  void count(const Node& node);
  void uncount(const Node& node);
  void count_size() {
    if (account_ != nullptr) account_->resize(link_, bytes_);
  }

  WaitingOutput* account_ = nullptr;
  WaitingOutput::Link link_;
  std::deque<Node> nodes_;
  std::size_t bytes_ = 0;
  TimeNs progress_at_;
};

}  // namespace ringgate::conn
