#include "wire_view.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace ringgate::abuse {

namespace {

std::uint8_t byte_of(char c) { return static_cast<std::uint8_t>(c); }

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | byte_of(bytes[at + i]);
  return number;
}

std::size_t body_bytes(const SeenAnswer& answer) {
  constexpr std::string_view name = "\r\nContent-Length: ";
  const std::size_t at = answer.head.find(name);
  return at == std::string::npos ? 0 : std::strtoull(answer.head.c_str() + at + name.size(), nullptr, 10);
}

/// By the gate's answer; null if it agreed on no extension.
std::shared_ptr<Inflation> inflation_for(const std::string& head) {
  if (head.find("\r\nSec-WebSocket-Extensions: permessage-deflate") == std::string::npos) return nullptr;
  constexpr std::string_view window = "server_max_window_bits=";
  const std::size_t at = head.find(window);
  const int window_bits = at == std::string::npos ? 15 : std::atoi(head.c_str() + at + window.size());
  return std::make_shared<Inflation>(window_bits, head.find("server_no_context_takeover") == std::string::npos);
}

/// The stable part of an answer: problem documents name their reason, other bodies may hold numbers of the moment.
std::string summary(const SeenAnswer& answer) {
  constexpr std::string_view name = "\"reason\":\"";
  std::string text = fmt::format("{}{}{}", answer.status, answer.closes() ? "c" : "", answer.lacks_body ? " without body" : "");
  const std::size_t at = answer.body.find(name);
  if (at == std::string::npos) return text;
  const std::size_t begin = at + name.size();
  return text + " " + answer.body.substr(begin, answer.body.find('"', begin) - begin);
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, 60)) {
    if (c >= ' ' && c < '\x7f') text += c;
    else text += fmt::format("\\x{:02x}", byte_of(c));
  }
  return bytes.size() <= 60 ? text : fmt::format("{}... ({} bytes)", text, bytes.size());
}

void WireView::take(std::string_view bytes) {
  input_ += bytes;
  read();
}

/// An answer to HEAD announces a body that does not come, which shows at the end alone.
void WireView::take_end() {
  has_ended_ = true;
  read();
}

void WireView::read() {
  while (fault_.empty() && !input_.empty() && (speaks_frames_ ? read_frame() : read_answer())) {
  }
}

bool WireView::read_answer() {
  const std::size_t end = input_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  SeenAnswer answer{.head = input_.substr(0, end + 4), .body = "", .lacks_body = false};
  if (!answer.head.starts_with("HTTP/1.1 ")) {
    fault_ = "no HTTP answer: " + printable(input_);
    return false;
  }
  answer.status = std::atoi(answer.head.c_str() + 9);
  const std::size_t size = body_bytes(answer);
  answer.lacks_body = input_.size() - answer.head.size() < size;
  if (answer.lacks_body && !has_ended_) return false;
  answer.body = input_.substr(answer.head.size(), size);
  input_.erase(0, std::min(input_.size(), answer.head.size() + size));
  speaks_frames_ = answer.status == 101;
  if (speaks_frames_) inflation_ = inflation_for(answer.head);
  if (answer.status == 100) ++continues_count_;  // interim: whether it comes depends on when the body does
  else answers_.push_back(std::move(answer));
  return true;
}

bool WireView::read_frame() {
  if (input_.size() < 2) return false;
  const std::uint8_t first = byte_of(input_[0]);
  const std::uint8_t second = byte_of(input_[1]);
  const auto opcode = static_cast<ws::Opcode>(first & 0x0F);
  const std::size_t extended_bytes = second == 126 ? 2 : second == 127 ? 8 : 0;
  if (input_.size() < 2 + extended_bytes) return false;
  const std::uint64_t size = extended_bytes == 0 ? second : number_at(input_, 2, extended_bytes);
  const bool is_known = (first & 0x0F) == 1 || (first & 0x0F) == 2 || ((first & 0x0F) >= 8 && (first & 0x0F) <= 10);
  const bool is_compressed = (first & 0x40) != 0;
  const bool may_be_compressed = inflation_ != nullptr && (first & 0x0F) <= 2;
  if ((second & 0x80) != 0 || (first & 0xB0) != 0x80 || !is_known || close_ || (is_compressed && !may_be_compressed)) {
    fault_ = close_ ? "a frame after the Close frame" : fmt::format("no frame of a server: {:02x} {:02x}", first, second);
    return false;
  }
  const std::size_t header_bytes = 2 + extended_bytes;
  if (input_.size() - header_bytes < size) return false;
  std::string payload = input_.substr(header_bytes, size);
  input_.erase(0, header_bytes + size);
  if (is_compressed && !inflate(payload)) return false;
  if (opcode == ws::Opcode::close) read_close(payload);
  else if (opcode != ws::Opcode::ping) frames_.push_back({opcode, std::move(payload)});  // the gate may ping when it likes
  return true;
}

bool WireView::inflate(std::string& payload) {
  auto message = inflation_->inflate(std::move(payload));
  if (!message) fault_ = "a compressed message that does not decompress";
  else payload = std::move(*message);
  return message.has_value();
}

void WireView::read_close(const std::string& payload) {
  close_.emplace();
  if (payload.size() == 1) fault_ = "a Close frame with one byte";
  if (payload.size() < 2) return;
  close_->code = static_cast<std::uint16_t>(number_at(payload, 0, 2));
  close_->reason = payload.substr(2);
}

std::string WireView::text() const {
  std::string text;
  for (const SeenAnswer& answer : answers_) text += summary(answer) + " ";
  for (const WantedFrame& frame : frames_)
    text += fmt::format("{} \"{}\" ",
                        frame.opcode == ws::Opcode::text   ? "text"
                        : frame.opcode == ws::Opcode::pong ? "pong"
                                                           : "binary",
                        printable(frame.payload));
  if (close_) text += fmt::format("close {} \"{}\" ", close_->code, printable(close_->reason));
  if (!input_.empty()) text += "rest \"" + printable(input_) + "\" ";
  text += has_ended_ ? "ends" : "open";
  return fault_.empty() ? text : text + " FAULT " + fault_;
}

}  // namespace ringgate::abuse
