#include "load/admin_line.h"

#include <cstring>

namespace ringgate::load {

void AdminLine::push(std::string_view device_id, const MessageView& message, std::uint64_t ticket) {
  output().append("POST /v1/devices/").append(device_id).append("/messages");
  finish_request(message, ticket);
}

void AdminLine::broadcast(const MessageView& message, std::uint64_t ticket) {
  output().append("POST /v1/broadcast");
  finish_request(message, ticket);
}

// Appends the rest of the request behind its target.
void AdminLine::finish_request(const MessageView& message, std::uint64_t ticket) {
  const bool is_text = message.type == MessageType::text;
  output().append(" HTTP/1.1\r\nHost: ").append(admin_.text);
  output().append("\r\nContent-Type: ").append(is_text ? "text/plain" : "application/octet-stream");
  output().append("\r\nContent-Length: ").append(std::to_string(message.payload.size())).append("\r\n\r\n");
  output().append(text_of(message.payload));
  tickets_.push_back(ticket);
  output_grew();
}

void AdminLine::on_bytes(ByteView bytes) {
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  const std::size_t used = consume(held_);
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(used));
}

std::size_t AdminLine::consume(ByteView bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && is_open()) {
    const auto answer = parse_answer(bytes.subspan(used));
    if (answer && !*answer) break;
    if (!answer || tickets_.empty()) {
      fault_ = answer ? "an answer that nobody asked for" : name_of(answer.error());
      drop();
      return bytes.size();
    }
    used += (*answer)->size;
    const std::uint64_t ticket = tickets_.front();
    tickets_.pop_front();
    on_answer({ticket, (*answer)->status, (*answer)->body});
  }
  return used;
}

void AdminLine::on_ended(StreamEnd end) {
  held_.clear();
  const auto unanswered = std::move(tickets_);
  tickets_.clear();
  const std::string fault = std::move(fault_);
  fault_.clear();
  if (!fault.empty()) return on_line_ended(unanswered, fault);
  if (end.kind == StreamEnd::Kind::failed) return on_line_ended(unanswered, std::strerror(end.error));
  on_line_ended(unanswered, end.kind == StreamEnd::Kind::dropped ? "dropped" : "closed by the gate");
}

}  // namespace ringgate::load
