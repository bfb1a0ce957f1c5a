// An embedder's own handler: numbers every message of a device, answers with the number, and says goodbye after "bye".
//
//   build/release/docs/examples/counting_handler 127.0.0.1:9000      then connect to ws://127.0.0.1:9000/count?deviceId=abc
#include <cstdio>
#include <memory>
#include <string>

#include "ringgate/server.h"

namespace {

/// One object serves every connection of every shard, so what belongs to a connection lives in its user data.
class CountingHandler final : public ringgate::Handler {
 public:
  void on_open(ringgate::Connection& connection) override {
    connection.user_data() = new unsigned(0);
    connection.send_text("hello " + std::string(connection.device_id()));
  }

  void on_message(ringgate::Connection& connection, ringgate::MessageView message) override {
    unsigned& count = *static_cast<unsigned*>(connection.user_data());
    if (ringgate::text_of(message.payload) == "bye") return connection.close(ringgate::CloseCode::normal, "goodbye");
    connection.send_text("message " + std::to_string(++count));
  }

  void on_close(ringgate::Connection& connection, ringgate::CloseCode, std::string_view) override {
    delete static_cast<unsigned*>(connection.user_data());
  }
};

}  // namespace

int main(int argc, char** argv) {
  ringgate::Config config;
  config.listeners = {{.bind = argc > 1 ? argv[1] : "127.0.0.1:9000"}};
  config.admin.bind = "off";

  CountingHandler handler;
  auto server = ringgate::Server::create(config);
  if (!server) return std::fprintf(stderr, "%s\n", to_line(server.error()).c_str()), 1;
  (*server)->mount("/count", handler);
  if (auto started = (*server)->start(); !started) return std::fprintf(stderr, "%s\n", to_line(started.error()).c_str()), 1;

  std::printf("listening on %s; press Enter to push to the device 'abc', end with Ctrl-D\n",
              (*server)->device_addresses().front().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
    const auto result = (*server)->push_and_wait("abc", {ringgate::MessageType::text, ringgate::bytes_of("a push")});
    std::printf("%s\n", name_of(result.outcome));
    std::fflush(stdout);
  }
  (*server)->stop();
}
