#include "simulated_gate/device_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "ws/frame_format.h"

namespace ringgate::simulated {

std::string DeviceClient::request(std::string_view id, std::string_view path, std::string_view fields) {
  std::string text = "GET ";
  text += path;
  if (!id.empty()) (text += "?deviceId=") += id;
  text +=
      " HTTP/1.1\r\nHost: gate\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  text += fields;
  return text + "\r\n";
}

namespace {

std::string client_frame(ws::Opcode opcode, std::string_view payload, bool fin, bool rsv1) {
  constexpr ws::MaskingKey key = 0x3D21FA37;
  std::array<std::uint8_t, limits::client_header_bytes_max> header;
  const std::size_t size = ws::encode_header(
      header.data(),
      {.payload_bytes = payload.size(), .masking_key = key, .opcode = opcode, .fin = fin, .rsv1 = rsv1, .masked = true});
  std::string bytes(reinterpret_cast<const char*>(header.data()), size);
  for (std::size_t i = 0; i < payload.size(); ++i)
    bytes += static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ static_cast<std::uint8_t>(key >> (8 * (i % 4))));
  return bytes;
}

}  // namespace

std::string DeviceClient::frame(ws::Opcode opcode, std::string_view payload, bool fin) {
  return client_frame(opcode, payload, fin, false);
}

std::string DeviceClient::compressed_frame(ws::Opcode opcode, std::string_view deflated, bool fin) {
  return client_frame(opcode, deflated, fin, true);
}

std::string DeviceClient::close_frame(std::uint16_t code, std::string_view reason) {
  const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  return frame(ws::Opcode::close, payload + std::string(reason));
}

void DeviceClient::read() {
  const auto bytes = peer_->take_received();
  input_.append(bytes.begin(), bytes.end());
  if (!status_ && !read_head()) return;
  while (status_ == 101 && read_frame()) {
  }
}

bool DeviceClient::read_head() {
  const std::size_t end = input_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  status_ = std::stoi(input_.substr(9, 3));
  const bool upgraded = status_ == 101;
  head_ = upgraded ? input_.substr(0, end + 4) : input_;
  input_.erase(0, head_.size());
  return upgraded;
}

bool DeviceClient::read_frame() {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(input_.data());
  if (input_.size() < 2 || input_.size() < ws::header_bytes_announced(bytes[1])) return false;
  const ws::FrameHeader header = ws::decode_header(bytes);
  const std::size_t header_bytes = ws::header_bytes_announced(bytes[1]);
  const bool may_be_compressed = head_.contains("permessage-deflate") && !ws::is_control(header.opcode);
  EXPECT_FALSE(header.masked || (header.rsv1 && !may_be_compressed) || !header.fin)
      << "what a server may not send, or this one does not";
  EXPECT_TRUE(ws::opcode_facts[bytes[0] & ws::opcode_bits].defined && header.opcode != ws::Opcode::continuation);
  EXPECT_FALSE(close_code_.has_value()) << "a frame after the Close frame";
  if (input_.size() - header_bytes < header.payload_bytes) return false;
  std::string payload = input_.substr(header_bytes, header.payload_bytes);
  input_.erase(0, header_bytes + header.payload_bytes);
  if (header.opcode == ws::Opcode::close) {
    const auto byte = [&payload](std::size_t i) { return static_cast<unsigned>(static_cast<std::uint8_t>(payload[i])); };
    close_code_ = payload.size() < 2 ? std::uint16_t{1005} : static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
    if (payload.size() > 2) close_reason_ = payload.substr(2);
    return true;
  }
  frames_.push_back({header.opcode, std::move(payload), header.rsv1});
  return true;
}

std::vector<std::string> DeviceClient::take_messages() {
  std::vector<std::string> messages = take(ws::Opcode::text);
  for (std::string& payload : take(ws::Opcode::binary)) messages.push_back(std::move(payload));
  return messages;
}

std::vector<std::string> DeviceClient::take(ws::Opcode opcode) {
  read();
  std::vector<std::string> payloads;
  for (const ServerFrame& frame : frames_)
    if (frame.opcode == opcode) payloads.push_back(frame.payload);
  std::erase_if(frames_, [opcode](const ServerFrame& frame) { return frame.opcode == opcode; });
  return payloads;
}

}  // namespace ringgate::simulated
