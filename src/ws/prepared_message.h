// A message that is encoded once and sent to any number of connections on any shard. Header and payload are contiguous in one
// immutable allocation, which lives as long as its references. The message keeps its compressed forms; each is made once, when
// first needed.
//
// Any number of threads may read a message at the same time. A MessageRef belongs to one thread at a time, like any value.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "ringgate/bytes.h"
#include "ringgate/message.h"
#include "ws/frame_writer.h"

namespace ringgate::ws {

class PreparedMessage {
 public:
  MessageType type() const { return type_; }
  ByteView frame() const { return {bytes(), header_bytes_ + payload_bytes_}; }
  ByteView payload() const { return {bytes() + header_bytes_, payload_bytes_}; }

  /// The compressed form for a window of 2^window_bits bytes: null if nobody has made it; its frame is empty if compression does
  /// not make the message smaller. Lives as long as this message. Any thread.
  const PreparedMessage* compressed_form(std::uint8_t window_bits) const;

  /// Keeps `deflated` as the compressed form, unless another thread was faster; returns the kept one. Null if memory is out. Any
  /// thread; allocates.
  const PreparedMessage* keep_compressed_form(ByteView deflated, std::uint8_t window_bits) const;

  PreparedMessage(const PreparedMessage&) = delete;
  PreparedMessage& operator=(const PreparedMessage&) = delete;

 private:
  friend class MessageRef;
  /// One unfragmented frame with one reference; null if memory is out.
  static PreparedMessage* make(MessageType type, ByteView payload, MessageFrameOptions options);
  static void free(PreparedMessage* message);
  PreparedMessage(MessageType type, std::size_t header_bytes, std::size_t payload_bytes)
      : payload_bytes_(payload_bytes), type_(type), header_bytes_(static_cast<std::uint8_t>(header_bytes)) {}

  const std::uint8_t* bytes() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
  std::uint8_t* bytes() { return reinterpret_cast<std::uint8_t*>(this + 1); }

  std::size_t payload_bytes_;
  // Taking a reference is relaxed, since the taker holds one already. Dropping one is acq_rel, so that the thread that drops the
  // last frees only after every other thread's last read. (Not a fence, which ThreadSanitizer does not see.)
  mutable std::atomic<std::uint32_t> references_{1};
  // Compressed forms, each pushed once (release; readers acquire) and owned by this message.
  mutable std::atomic<PreparedMessage*> forms_{nullptr};
  PreparedMessage* next_form_ = nullptr;
  MessageType type_;
  std::uint8_t header_bytes_;
  std::uint8_t window_bits_ = 0;  // of a compressed form
};

/// Owns one reference to a PreparedMessage, or none. Copying adds a reference and never copies bytes.
class MessageRef {
 public:
  /// Encodes `payload` as one unfragmented frame, in one allocation. The caller checks UTF-8 and size. Empty only if memory is
  /// out.
  static MessageRef encode(MessageType type, ByteView payload);

  /// Adds a reference.
  static MessageRef share(const PreparedMessage& message) {
    MessageRef ref = attach(&message);
    ref.take();
    return ref;
  }

  MessageRef() = default;
  MessageRef(const MessageRef& other) : message_(other.message_) { take(); }
  MessageRef(MessageRef&& other) noexcept : message_(std::exchange(other.message_, nullptr)) {}
  MessageRef& operator=(MessageRef other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  ~MessageRef() {
    if (message_ != nullptr) drop();
  }

  explicit operator bool() const { return message_ != nullptr; }
  const PreparedMessage& operator*() const { return *message_; }
  const PreparedMessage* operator->() const { return message_; }

  /// Gives the reference away as a bare pointer, for a lane between shards. `attach` must take it back exactly once.
  const PreparedMessage* detach() { return std::exchange(message_, nullptr); }
  static MessageRef attach(const PreparedMessage* message) {
    MessageRef ref;
    ref.message_ = message;
    return ref;
  }

 private:
  void take() const {
    if (message_ != nullptr) message_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  void drop() const;

  const PreparedMessage* message_ = nullptr;
};

}  // namespace ringgate::ws
