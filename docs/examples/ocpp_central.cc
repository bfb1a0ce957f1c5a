// The central system of charging stations (OCPP-J): they connect to wss://HOST/ocpp/{id} with Basic over TLS, and their boots and
// heartbeats are answered. Speaks OCPP 1.6 and 2.0.1, whose answers to these two calls have the same members.
//
//   build/release/docs/examples/ocpp_central 127.0.0.1:9443 gate.pem gate.key users
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "ringgate/server.h"

namespace {

using nlohmann::json;

std::string now() {
  const std::time_t time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&time, &parts))};
}

class CentralSystem final : public ringgate::Handler {
 public:
  // A call is [2, id, action, payload], its answer [3, id, payload] or [4, id, code, description, details].
  void on_message(ringgate::Connection& connection, ringgate::MessageView message) override {
    const json call = json::parse(ringgate::text_of(message.payload), nullptr, false);
    if (!call.is_array() || call.size() != 4 || call[0] != 2 || !call[1].is_string())
      return connection.close(ringgate::CloseCode::unsupported_data, "not a call of OCPP");
    json answer = {4, call[1], "NotImplemented", "", json::object()};
    if (call[2] == "BootNotification") answer = {3, call[1], {{"currentTime", now()}, {"interval", 300}, {"status", "Accepted"}}};
    if (call[2] == "Heartbeat") answer = {3, call[1], {{"currentTime", now()}}};
    connection.send_text(answer.dump());
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fprintf(stderr, "usage: ocpp_central ADDRESS CERTIFICATE KEY USERS\n"), 64;
  ringgate::Config config;
  config.listeners = {{.bind = argv[1], .tls = {.certificate_files = {argv[2]}, .key_files = {argv[3]}}}};
  config.listeners[0].tls.profile = ringgate::TlsProfile::ocpp;
  config.routes = {{.path = "/ocpp/{id}", .handler = "central"}};
  config.routes[0].id_characters = ringgate::IdCharacters::ocpp;
  config.routes[0].auth = {"basic"};
  config.routes[0].subprotocols = {"ocpp2.0.1", "ocpp1.6"};
  config.auth.password_file = argv[4];
  config.admin.bind = "off";

  CentralSystem central;
  auto server = ringgate::Server::create(config);
  if (!server) return std::fprintf(stderr, "%s\n", to_line(server.error()).c_str()), 1;
  (*server)->mount("/ocpp/{id}", central);
  if (auto started = (*server)->start(); !started) return std::fprintf(stderr, "%s\n", to_line(started.error()).c_str()), 1;
  std::printf("listening on %s; end with Ctrl-D\n", (*server)->device_addresses().front().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  (*server)->stop();
}
