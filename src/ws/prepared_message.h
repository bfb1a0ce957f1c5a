// A message encoded once and sent to any number of connections on any shard: header and payload contiguous in
// one immutable allocation that lives as long as somebody refers to it.
//
// Thread: a message is read by any thread at once; one MessageRef belongs to one thread at a time, like any
// value.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "ringgate/bytes.h"
#include "ringgate/message.h"

namespace ringgate::ws {

class PreparedMessage {
 public:
  MessageType type() const { return type_; }
  ByteView frame() const { return {octets(), header_bytes_ + payload_bytes_}; }
  ByteView payload() const { return {octets() + header_bytes_, payload_bytes_}; }

  PreparedMessage(const PreparedMessage&) = delete;
  PreparedMessage& operator=(const PreparedMessage&) = delete;

 private:
  friend class MessageRef;
  PreparedMessage(MessageType type, std::size_t header_bytes, std::size_t payload_bytes)
      : payload_bytes_(payload_bytes), type_(type), header_bytes_(static_cast<std::uint8_t>(header_bytes)) {}

  const std::uint8_t* octets() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
  std::uint8_t* octets() { return reinterpret_cast<std::uint8_t*>(this + 1); }

  std::size_t payload_bytes_;
  // Taking a reference: relaxed, since one is held already. Dropping one: acquire and release, so that
  // whoever drops the last frees only after everybody's last read. (No fence: ThreadSanitizer does not see
  // those.)
  mutable std::atomic<std::uint32_t> references_{1};
  MessageType type_;
  std::uint8_t header_bytes_;
};

/// Owns one reference to a PreparedMessage, or none. Copying adds a reference and never copies octets.
class MessageRef {
 public:
  /// Encodes `payload` as one unfragmented frame; one allocation. Nothing is judged: that a text is UTF-8 and
  /// small enough is for the caller to know. Empty only if memory is out.
  static MessageRef encode(MessageType type, ByteView payload);

  MessageRef() = default;
  MessageRef(const MessageRef& other) : message_(other.message_) { take(); }
  MessageRef(MessageRef&& other) noexcept : message_(std::exchange(other.message_, nullptr)) {}
  MessageRef& operator=(MessageRef other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  ~MessageRef() { drop(); }

  explicit operator bool() const { return message_ != nullptr; }
  const PreparedMessage& operator*() const { return *message_; }
  const PreparedMessage* operator->() const { return message_; }

  /// Gives the reference away as a bare pointer, for a lane between shards; `attach` takes it back, exactly
  /// once.
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
