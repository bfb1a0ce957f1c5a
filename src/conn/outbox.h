// The output of a connection that waits, in order: chunks of bytes, and references to prepared messages.
//
// With TLS it begins with records, which are sent first; the plaintext behind them is sealed piece by piece when it is about to be
// sent, so that prepared messages stay shared until then.
//
// Exists only while the peer is slower than the gate. Owned by the transport; owner shard. It knows no ceiling: callers check it
// before appending. While a send is in flight, the kernel may read the front, so nothing there is freed or moved before it
// completes.
// Invariants: bytes() is the sum of the waiting bytes; between `join` and `forsake` the memory counts in the account.
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

  /// Places in what is appended as plaintext: behind the last byte, and before the first that is neither sent nor sealed.
  std::uint64_t place_of_end() const { return place_of_end_; }
  std::uint64_t place_of_front() const { return place_of_front_; }

  /// When the peer last took a byte, or when this outbox began.
  TimeNs progress_at() const { return progress_at_; }

  /// Counts the memory in `account` from now on, as the outbox of the connection in `slot`.
  void join(WaitingOutput& account, std::uint32_t slot);
  /// Counts nothing any more: the outbox is about to be dropped.
  void forsake();
  bool is_counted() const { return account_ != nullptr; }

  /// Appends a copy of `bytes`.
  void append(ByteView bytes);
  /// Appends a reference to the frame of `message`, from `offset` on.
  void append(ws::MessageRef message, std::size_t offset);

  /// Appends a copy of TLS records: behind those that wait, before the plaintext.
  void append_sealed(ByteView records);
  /// True if the front are records. If not, a connection with TLS must seal before it sends.
  bool front_is_sealed() const { return sealed_nodes_ > 0; }
  /// Puts `records` in place of the first `bytes` bytes, from which they were made. Only if the front is not sealed.
  void seal_front(std::size_t bytes, ByteView records);

  /// The next bytes to send, as up to `out.size()` pieces; returns their number. They stay valid until `consume`.
  std::size_t front(std::span<ring::Piece> out) const;

  /// The prepared message at the front and how much of its frame was consumed; null if the front is a chunk.
  struct FrontMessage {
    const ws::PreparedMessage* message = nullptr;
    std::size_t offset = 0;
  };
  FrontMessage front_message() const;

  /// Removes `bytes` from the front, which the kernel took at `now`.
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

  /// Makes a new node a chunk with a copy of `bytes`, and counts it.
  void fill(Node& node, ByteView bytes, std::size_t capacity);
  void remove(std::size_t bytes);
  void count(const Node& node);
  void uncount(const Node& node);
  void count_size() {
    if (account_ != nullptr) account_->resize(link_, bytes_);
  }

  WaitingOutput* account_ = nullptr;
  WaitingOutput::Link link_;
  std::deque<Node> nodes_;
  std::size_t sealed_nodes_ = 0;  // so many of the first are records
  std::size_t bytes_ = 0;
  std::uint64_t place_of_end_ = 0;
  std::uint64_t place_of_front_ = 0;
  TimeNs progress_at_;
};

}  // namespace ringgate::conn
