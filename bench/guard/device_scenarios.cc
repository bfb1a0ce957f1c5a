// What is not an echo: connections that come and go, and pushes, from inside and through the admin port.
#include <algorithm>

#include "scenario.h"

namespace ringgate::guard {

namespace {

constexpr std::string_view push_text = R"({"command":"set","target":21.5,"unit":"C","sequence":12345})";

void require_all_received(const std::vector<ring::FakePeer*>& devices, std::string_view expected) {
  for (ring::FakePeer* const device : devices) {
    require(device->received_text() == expected, "every device gets the push");
    (void)device->take_received();
  }
}

/// Accept, opening handshake, 101, closing handshake from the device, close. The fields are those of a browser.
class Upgrade final : public Scenario {
 public:
  explicit Upgrade(std::uint64_t) : stage_({.gate = gate()}), closing_(simulated::DeviceClient::close_frame(1000)) {
    for (std::size_t i = 0; i < devices_count; ++i)
      requests_.push_back(simulated::DeviceClient::request(
          "device-" + std::to_string(i), "/ws",
          "Connection: keep-alive\r\nPragma: no-cache\r\nCache-Control: no-cache\r\nOrigin: http://gate\r\n"
          "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n"
          "Accept-Encoding: gzip, deflate\r\nAccept-Language: en-GB,en;q=0.9\r\n"
          "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"));
  }

  std::size_t units() const override { return devices_count; }
  void count() override { stage_.end_warm_up(); }
  void round() override {
    std::vector<ring::FakePeer*> devices;
    for (const std::string& request : requests_) {
      devices.push_back(&stage_.gate().connect());
      devices.back()->send(request);
    }
    stage_.turns();
    for (ring::FakePeer* const device : devices) {
      require(device->received_text().starts_with("HTTP/1.1 101 "), "every device is accepted");
      (void)device->take_received();
      device->send(closing_);
    }
    stage_.turns();
    for (ring::FakePeer* const device : devices) {
      require(device->received_text().starts_with("\x88"), "the closing handshake is answered");
      (void)device->take_received();
      device->close();
    }
    stage_.turns();
    require(stage_.gate().counters().slots_used.get() == 0, "no connection is left");
  }

 private:
  static constexpr std::size_t devices_count = 32;
  /// Counts how often each device connects, as a gate with the default settings does, but bans none of them.
  static simulated::GateOptions gate() {
    simulated::GateOptions options;
    options.settings.limits.flap_connects = 1'000'000;
    return options;
  }

  Stage stage_;
  std::vector<std::string> requests_;
  std::string closing_;
};

/// One push to each device from inside a turn of its own shard, as the admin API makes them once a request is read.
class PushLocal final : public Scenario {
 public:
  explicit PushLocal(std::uint64_t) : stage_({}), devices_(stage_.devices(devices_count, "/ws")) {
    for (std::size_t i = 0; i < devices_count; ++i) ids_.push_back("device-" + std::to_string(i));
  }

  std::size_t units() const override { return devices_count; }
  void count() override { stage_.end_warm_up(); }
  void round() override {
    std::size_t delivered = 0;
    stage_.turns([&](dispatch::PushService& pushes) {
      for (const std::string& id : ids_)
        pushes.push(id, ws::MessageRef::encode(MessageType::text, bytes_of(push_text)),
                    [&delivered](const PushResult& result) { delivered += result.outcome == PushOutcome::delivered ? 1 : 0; });
    });
    require(delivered == devices_count, "every push is delivered");
    require_all_received(devices_, expected_);
  }

 private:
  static constexpr std::size_t devices_count = 64;
  Stage stage_;
  std::vector<ring::FakePeer*> devices_;
  std::vector<std::string> ids_;
  std::string expected_ = server_frame(ws::Opcode::text, push_text);
};

class Broadcast final : public Scenario {
 public:
  explicit Broadcast(std::uint64_t) : stage_({.gate = gate_options()}), devices_(stage_.devices(devices_count, "/ws")) {}

  std::size_t units() const override { return devices_count; }
  void count() override { stage_.end_warm_up(); }
  void round() override {
    std::uint64_t delivered = 0;
    stage_.turns([&](dispatch::PushService& pushes) {
      pushes.broadcast(ws::MessageRef::encode(MessageType::text, bytes_of(push_text)),
                       [&delivered](const BroadcastResult& result) { delivered = result.delivered; });
    });
    require(delivered == devices_count, "the broadcast reaches every device");
    require_all_received(devices_, expected_);
  }

 private:
  static constexpr std::size_t devices_count = 1000;
  static simulated::GateOptions gate_options() {
    simulated::GateOptions options;
    options.slots_count = 1100;
    return options;
  }

  Stage stage_;
  std::vector<ring::FakePeer*> devices_;
  std::string expected_ = server_frame(ws::Opcode::text, push_text);
};

/// POST /v1/devices/{id}/messages: 16 clients, each asking for a device of its own, all in one turn.
class AdminPush final : public Scenario {
 public:
  explicit AdminPush(std::uint64_t) : stage_({.gate = gate_options()}), devices_(stage_.devices(clients_count, "/ws")) {
    for (std::size_t i = 0; i < clients_count; ++i) {
      clients_.push_back(&stage_.gate().connect_admin());
      requests_.push_back("POST /v1/devices/device-" + std::to_string(i) +
                          "/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: backend/1.0\r\nAccept: */*\r\n"
                          "Content-Type: text/plain\r\nContent-Length: " +
                          std::to_string(push_text.size()) + "\r\n\r\n" + std::string(push_text));
    }
  }

  std::size_t units() const override { return clients_count; }
  void count() override { stage_.end_warm_up(); }
  void round() override {
    for (std::size_t i = 0; i < clients_count; ++i) clients_[i]->send(requests_[i]);
    stage_.turns();
    for (ring::FakePeer* const client : clients_) {
      require(client->received_text().starts_with("HTTP/1.1 200 "), "every request is answered with 200");
      (void)client->take_received();
    }
    require_all_received(devices_, expected_);
  }

 private:
  static constexpr std::size_t clients_count = 16;
  static simulated::GateOptions gate_options() {
    simulated::GateOptions options;
    options.settings.admin.bind = "127.0.0.1:0";
    return options;
  }

  Stage stage_;
  std::vector<ring::FakePeer*> devices_;
  std::vector<ring::FakePeer*> clients_;
  std::vector<std::string> requests_;
  std::string expected_ = server_frame(ws::Opcode::text, push_text);
};

template <typename Kind>
std::unique_ptr<Scenario> make(std::uint64_t planted_rounds) {
  return std::make_unique<Kind>(planted_rounds);
}

constexpr ScenarioEntry entries[] = {
    {"upgrade", "handshake", 20, make<Upgrade>},
    {"push_local", "push", 40, make<PushLocal>},
    {"push_broadcast", "push", 4, make<Broadcast>},
    {"push_admin", "request", 40, make<AdminPush>},
};

}  // namespace

std::span<const ScenarioEntry> device_scenarios() { return entries; }

}  // namespace ringgate::guard
