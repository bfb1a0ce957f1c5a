// The public PreparedMessage: a counted reference to the codec's.
#include "base/assert.h"
#include "ringgate/prepared_message.h"
#include "ws/prepared_message.h"
#include "ws/utf8.h"

namespace ringgate {

std::expected<PreparedMessage, PrepareFault> PreparedMessage::make(MessageView message) {
  if (message.type == MessageType::text && !ws::valid_utf8(message.payload)) return std::unexpected{PrepareFault::invalid_utf8};
  ws::MessageRef encoded = ws::MessageRef::encode(message.type, message.payload);
  if (!encoded) return std::unexpected{PrepareFault::no_memory};
  return PreparedMessage(encoded.detach());
}

PreparedMessage::PreparedMessage(const PreparedMessage& other)
    : message_(other.message_ == nullptr ? nullptr : ws::MessageRef::share(*other.message_).detach()) {}

PreparedMessage::~PreparedMessage() { ws::MessageRef::attach(message_); }

MessageView PreparedMessage::view() const { return {encoded().type(), encoded().payload()}; }

const ws::PreparedMessage& PreparedMessage::encoded() const {
  RINGGATE_ASSERT(message_ != nullptr);
  return *message_;
}

}  // namespace ringgate
