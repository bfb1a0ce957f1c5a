#include "stage.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "ws/frame_format.h"

namespace ringgate::guard {

/// Callgrind collects while this function runs (--toggle-collect in callgrind.py), so it must stay a function with this name.
[[gnu::noinline]] void counted_turns(simulated::Gate& gate, std::function<void(dispatch::PushService&)>& on_shard) {
  if (on_shard) gate.on_shard(0, std::move(on_shard));
  gate.settle();
  asm volatile("" ::: "memory");  // no tail call: the function has to be there until the end
}

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "guard: broken: %s\n", promise);
  std::exit(1);
}

void PlantedEcho::on_message(Connection& connection, MessageView) {
  for (std::uint64_t i = rounds_; i > 0; --i) asm volatile("nop");
  connection.echo();
}

namespace {

simulated::GateOptions with_handler(simulated::GateOptions options, std::optional<PlantedEcho>& planted) {
  if (planted) options.handler = &*planted;
  return options;
}

}  // namespace

Stage::Stage(const Options& options)
    : planted_(options.planted_rounds > 0 ? std::optional<PlantedEcho>(options.planted_rounds) : std::nullopt),
      gate_(world_, with_handler(options.gate, planted_)) {}

void Stage::turns(std::function<void(dispatch::PushService&)> on_shard) {
  if (!warming_up_) return counted_turns(gate_, on_shard);
  if (on_shard) gate_.on_shard(0, std::move(on_shard));
  gate_.settle();
}

void Stage::shift_buffers(std::size_t bytes) {
  if (shifter_ == nullptr) {
    shifter_ = &gate_.connect();
    shifter_->send(simulated::DeviceClient::request("shifter"));
    gate_.settle();
  }
  shifter_->send(client_frame(ws::Opcode::binary, std::string(bytes, 's')));
  gate_.settle();
  (void)shifter_->take_received();
}

std::vector<ring::FakePeer*> Stage::devices(std::size_t count, std::string_view path, std::string_view fields) {
  std::vector<ring::FakePeer*> peers;
  for (std::size_t i = 0; i < count; ++i) {
    ring::FakePeer& peer = gate_.connect();
    peer.send(simulated::DeviceClient::request("device-" + std::to_string(i), path, fields));
    peers.push_back(&peer);
  }
  gate_.settle();
  for (ring::FakePeer* const peer : peers) {
    require(peer->received_text().starts_with("HTTP/1.1 101 "), "the device is accepted");
    (void)peer->take_received();
  }
  return peers;
}

std::string client_frame(ws::Opcode opcode, std::string_view payload) { return simulated::DeviceClient::frame(opcode, payload); }

std::string server_frame(ws::Opcode opcode, std::string_view payload) {
  std::array<std::uint8_t, limits::client_header_bytes_max> header;
  const std::size_t size = ws::encode_header(header.data(), {.payload_bytes = payload.size(), .opcode = opcode, .fin = true});
  return std::string(reinterpret_cast<const char*>(header.data()), size) + std::string(payload);
}

std::string binary_payload(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
  return bytes;
}

std::string text_payload(std::size_t size) {
  constexpr std::string_view characters = "Gerät № 7 – 温度 21 °C 🌡 ";
  std::string text;
  while (text.size() + characters.size() <= size) text += characters;
  return text + std::string(size - text.size(), '.');
}

}  // namespace ringgate::guard
