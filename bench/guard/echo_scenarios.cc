// Messages that come back: runs of small ones, single ones, large ones cut by receives, text, and compressed ones.
#include <utility>

#include "scenario.h"
#include "support/raw_deflate.h"

namespace ringgate::guard {

namespace {

constexpr std::size_t kib = 1024;

/// What one device sends in a round, and what must come back.
struct Exchange {
  std::string sent;
  std::string expected;
  std::size_t messages = 1;
  std::size_t receive_bytes = SIZE_MAX;  // no receive is longer
};

Exchange single(ws::Opcode opcode, const std::string& payload, std::size_t receive_bytes = SIZE_MAX) {
  return {client_frame(opcode, payload), server_frame(opcode, payload), 1, receive_bytes};
}

/// As many whole frames as fit in `run_bytes`.
Exchange run_of(std::size_t payload_bytes, std::size_t run_bytes) {
  const Exchange one = single(ws::Opcode::binary, binary_payload(payload_bytes));
  Exchange run{.messages = run_bytes / one.sent.size()};
  for (std::size_t i = 0; i < run.messages; ++i) {
    run.sent += one.sent;
    run.expected += one.expected;
  }
  return run;
}

/// Messages are cheaper or dearer by where they lie in the gate's receive buffers. Each round begins a golden section of a buffer
/// further on than the one before, so that the rounds see all of it evenly, wherever the first one began.
class Echo final : public Scenario {
 public:
  Echo(std::uint64_t planted_rounds, std::size_t devices, Exchange exchange)
      : stage_({.gate = {}, .planted_rounds = planted_rounds}),
        devices_(stage_.devices(devices, stage_.echo_path())),
        exchange_(std::move(exchange)) {
    for (std::size_t at = exchange_.receive_bytes; at < exchange_.sent.size(); at += exchange_.receive_bytes) cuts_.push_back(at);
    const std::size_t step = buffer_bytes * 618 / 1000;
    shift_ = (step + buffer_bytes - devices * exchange_.sent.size() % buffer_bytes) % buffer_bytes;
  }

  std::size_t units() const override { return devices_.size() * exchange_.messages; }
  void count() override { stage_.end_warm_up(); }
  void round() override {
    stage_.shift_buffers(shift_);
    for (ring::FakePeer* const device : devices_) device->send_in_pieces(bytes_of(exchange_.sent), cuts_);
    stage_.turns();
    for (ring::FakePeer* const device : devices_) {
      require(device->received_text() == exchange_.expected, "every message comes back");
      (void)device->take_received();
    }
  }

 private:
  Stage stage_;
  std::vector<ring::FakePeer*> devices_;
  Exchange exchange_;
  std::vector<std::size_t> cuts_;
  std::size_t shift_;
  static constexpr std::size_t buffer_bytes = ring::RingOptions{}.incremental_buffer_bytes;
};

/// Compressed without context takeover, both ways, so that each round's bytes are the same.
class DeflateEcho final : public Scenario {
 public:
  explicit DeflateEcho(std::uint64_t) : stage_({.gate = gate_options()}) {
    std::string text;
    for (int i = 0; text.size() < kib; ++i)
      text += "{\"sensor\":\"th-" + std::to_string(i * 7919 % 97) + "\",\"value\":" + std::to_string(i * i % 1009) + "},";
    text.resize(kib);
    sent_ = simulated::DeviceClient::compressed_frame(ws::Opcode::text, test::RawDeflater().deflate(text));
    text_ = text;
    for (ring::FakePeer* const peer :
         stage_.devices(8, "/handler", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"))
      devices_.push_back(peer);
  }

  std::size_t units() const override { return devices_.size(); }
  void count() override { stage_.end_warm_up(); }
  void round() override {
    for (ring::FakePeer* const device : devices_) device->send(sent_);
    stage_.turns();
    for (ring::FakePeer* const device : devices_) {
      const std::string frame(device->received_text());
      require(frame.size() > 4 && frame[0] == '\xC1' && frame[1] == 126, "a compressed text message comes back");
      require(test::RawInflater().inflate(frame.substr(4)) == text_, "it inflates to what was sent");
      (void)device->take_received();
    }
    stage_.rest(20 * nanoseconds_per_millisecond);  // what inflating may cost is a share of the time that passes
  }

 private:
  static simulated::GateOptions gate_options() {
    simulated::GateOptions options;
    options.settings.routes.back().deflate.enabled = true;  // of "/handler", which echoes too
    return options;
  }

  Stage stage_;
  std::vector<ring::FakePeer*> devices_;
  std::string sent_;
  std::string text_;
};

template <std::size_t devices, Exchange (*exchange)()>
std::unique_ptr<Scenario> make_echo(std::uint64_t planted_rounds) {
  return std::make_unique<Echo>(planted_rounds, devices, exchange());
}

Exchange run_20() { return run_of(20, 16 * kib); }
Exchange run_125() { return run_of(125, 16 * kib); }
Exchange binary_20() { return single(ws::Opcode::binary, binary_payload(20)); }
Exchange binary_1k() { return single(ws::Opcode::binary, binary_payload(kib)); }
// A receive of 8 KiB or 16 KiB ends inside the message: it is put together before it goes back.
Exchange binary_16k() { return single(ws::Opcode::binary, binary_payload(16 * kib), 8 * kib); }
Exchange binary_64k() { return single(ws::Opcode::binary, binary_payload(64 * kib), 16 * kib); }
Exchange text_1k() { return single(ws::Opcode::text, text_payload(kib)); }
Exchange text_64k() { return single(ws::Opcode::text, text_payload(64 * kib), 16 * kib + 1); }

constexpr ScenarioEntry entries[] = {
    {"echo_run_20", "message", 40, make_echo<1, run_20>},
    {"echo_run_125", "message", 40, make_echo<1, run_125>},
    {"echo_single_20", "message", 40, make_echo<64, binary_20>},
    {"echo_1k", "message", 40, make_echo<16, binary_1k>},
    {"echo_16k", "message", 40, make_echo<2, binary_16k>},
    {"echo_64k", "message", 40, make_echo<1, binary_64k>},
    {"text_1k", "message", 40, make_echo<16, text_1k>},
    {"text_64k", "message", 40, make_echo<1, text_64k>},
    {"deflate_1k", "message", 20,
     [](std::uint64_t planted) -> std::unique_ptr<Scenario> { return std::make_unique<DeflateEcho>(planted); }},
};

}  // namespace

std::span<const ScenarioEntry> echo_scenarios() { return entries; }

}  // namespace ringgate::guard
