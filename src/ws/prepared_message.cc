#include "ws/prepared_message.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

#include "base/assert.h"
#include "ws/frame_writer.h"

namespace ringgate::ws {

static_assert(std::is_trivially_destructible_v<std::atomic<std::uint32_t>>, "free() is all the destruction there is");

PreparedMessage* PreparedMessage::make(MessageType type, ByteView payload, MessageFrameOptions options) {
  void* const memory = std::malloc(sizeof(PreparedMessage) + header_bytes(payload.size()) + payload.size());
  if (memory == nullptr) return nullptr;
  auto* const message = new (memory) PreparedMessage(type, header_bytes(payload.size()), payload.size());
  write_header(message->bytes(), type, payload.size(), options);
  if (!payload.empty()) std::memcpy(message->bytes() + message->header_bytes_, payload.data(), payload.size());
  return message;
}

void PreparedMessage::free(PreparedMessage* message) {
  while (PreparedMessage* const form = message->forms_.load(std::memory_order_relaxed)) {
    message->forms_.store(form->next_form_, std::memory_order_relaxed);
    MessageRef::attach(form);  // drops it
  }
  std::free(message);
}

const PreparedMessage* PreparedMessage::compressed_form(std::uint8_t window_bits) const {
  const PreparedMessage* form = forms_.load(std::memory_order_acquire);
  while (form != nullptr && form->window_bits_ != window_bits) form = form->next_form_;
  return form;
}

const PreparedMessage* PreparedMessage::keep_compressed_form(ByteView deflated, std::uint8_t window_bits) const {
  const bool pays = deflated.size() < payload_bytes_;
  PreparedMessage* const form = make(type_, pays ? deflated : ByteView{}, {.compressed = true});
  if (form == nullptr) return nullptr;
  if (!pays) form->header_bytes_ = 0;
  form->window_bits_ = window_bits;
  form->next_form_ = forms_.load(std::memory_order_acquire);
  do {
    if (const PreparedMessage* const other = compressed_form(window_bits)) {
      free(form);
      return other;
    }
  } while (!forms_.compare_exchange_weak(form->next_form_, form, std::memory_order_acq_rel, std::memory_order_acquire));
  return form;
}

MessageRef MessageRef::encode(MessageType type, ByteView payload) { return attach(PreparedMessage::make(type, payload, {})); }

void MessageRef::drop() const {
  const std::uint32_t before = message_->references_.fetch_sub(1, std::memory_order_acq_rel);
  RINGGATE_ASSERT(before != 0);
  if (before == 1) PreparedMessage::free(const_cast<PreparedMessage*>(message_));
}

}  // namespace ringgate::ws
