// What is sent to a webhook: one event, ready to be encoded. A value that owns its texts; one owner at a time.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "ringgate/connection_ref.h"

namespace ringgate::hooks {

struct Delivery {
  std::string type{};     // "device.message"
  std::string subject{};  // the device; events of one subject keep their order. Empty: of no device
  std::string id{};       // with the source it names the event; the same at each attempt
  std::int64_t unix_ms = 0;
  std::string content_type{};  // of `body`; empty: there is no body
  std::string body{};
  std::vector<std::pair<std::string, std::string>> attributes{};  // extensions: names of [a-z0-9], values of any bytes
  ConnectionRef reply_to{};                                       // of a message; nobody: an answer with a body means nothing
  TimeNs queued_at = 0;                                           // set by the queue

  /// What it counts for in a queue.
  std::size_t memory_bytes() const {
    std::size_t bytes = sizeof *this + type.size() + subject.size() + id.size() + content_type.size() + body.size();
    for (const auto& [name, value] : attributes) bytes += sizeof attributes.front() + name.size() + value.size();
    return bytes;
  }
};

}  // namespace ringgate::hooks
