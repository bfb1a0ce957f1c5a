#include "ws/prepared_message.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

#include "base/assert.h"
#include "ws/frame_writer.h"

namespace ringgate::ws {

static_assert(std::is_trivially_destructible_v<std::atomic<std::uint32_t>>,
              "free() is all the destruction there is");

MessageRef MessageRef::encode(MessageType type, ByteView payload) {
  const std::size_t header = header_bytes(payload.size());
  void* const memory = std::malloc(sizeof(PreparedMessage) + header + payload.size());
  if (memory == nullptr) return {};
  auto* const message = new (memory) PreparedMessage(type, header, payload.size());
  write_header(message->octets(), type, payload.size());
  if (!payload.empty()) std::memcpy(message->octets() + header, payload.data(), payload.size());
  return attach(message);
}

void MessageRef::drop() const {
  if (message_ == nullptr) return;
  const std::uint32_t before = message_->references_.fetch_sub(1, std::memory_order_acq_rel);
  RINGGATE_ASSERT(before != 0);
  if (before != 1) return;
  std::free(const_cast<PreparedMessage*>(message_));
}

}  // namespace ringgate::ws
