// A message that is encoded once and sent to many devices: also its compressed forms are made once.
#pragma once

#include <cstdint>
#include <expected>
#include <utility>

#include "ringgate/message.h"

namespace ringgate {

namespace ws {
class PreparedMessage;
}

enum class PrepareFault : std::uint8_t {
  invalid_utf8,  // a text must be UTF-8
  no_memory,
};

/// A reference to bytes that do not change; a copy shares them and costs no memory. The bytes live as long as their last
/// reference, also after the server. Any number of threads may send it at the same time. Each reference belongs to one thread at
/// a time, like any value; one that was moved from may only be assigned or destroyed (asserted).
class PreparedMessage {
 public:
  /// Copies the payload into one allocation. Any thread.
  static std::expected<PreparedMessage, PrepareFault> make(MessageView message);

  PreparedMessage(const PreparedMessage& other);
  PreparedMessage(PreparedMessage&& other) noexcept : message_(std::exchange(other.message_, nullptr)) {}
  PreparedMessage& operator=(PreparedMessage other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  ~PreparedMessage();

  /// Type and payload; the view is valid as long as this reference.
  MessageView view() const;

  /// For the gate.
  const ws::PreparedMessage& encoded() const;

 private:
  explicit PreparedMessage(const ws::PreparedMessage* message) : message_(message) {}

  const ws::PreparedMessage* message_;
};

}  // namespace ringgate
