// Chat rooms: what a device says goes to all devices of its room. Each message is encoded and compressed once, however many hear it.
//
//   build/release/docs/examples/chat_room 127.0.0.1:9000     then connect to ws://127.0.0.1:9000/chat?deviceId=ann&room=garden
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "ringgate/server.h"

namespace {

using namespace ringgate;

class ChatRooms final : public Handler {
 public:
  Server* server = nullptr;

  UpgradeVerdict on_upgrade(const UpgradeRequest& request) override {
    const auto room = request.query_parameter("room");
    if (!room || room->empty()) return UpgradeRefusal{.status = 400, .reason = "no_room", .detail = "Add &room=NAME."};
    return UpgradeAccept{.user_data = user_data_of(std::make_unique<std::string>(*room))};
  }

  void on_open(Connection& connection) override {
    const std::lock_guard lock(mutex_);
    rooms_[room_of(connection)].insert(connection.ref().word);
  }

  void on_message(Connection& connection, MessageView message) override {
    const std::string text = std::string(connection.device_id()) + ": " + std::string(text_of(message.payload));
    const auto prepared = PreparedMessage::make({MessageType::text, bytes_of(text)});
    if (!prepared) return connection.close(CloseCode::invalid_payload, "only text, please");
    const std::lock_guard lock(mutex_);
    for (const std::uint64_t word : rooms_[room_of(connection)])  // on any shard; who has left is skipped
      server->with_connection({word}, [line = *prepared](Connection& member) { member.send(line); });
  }

  void on_close(Connection& connection, CloseCode, std::string_view) override {
    const std::unique_ptr<std::string> room(&room_of(connection));
    const std::lock_guard lock(mutex_);
    auto& members = rooms_[*room];
    members.erase(connection.ref().word);
    if (members.empty()) rooms_.erase(*room);
  }

 private:
  static std::string& room_of(Connection& connection) { return *static_cast<std::string*>(connection.user_data()); }

  std::mutex mutex_;  // all shards call this one handler
  std::map<std::string, std::set<std::uint64_t>> rooms_;
};

}  // namespace

int main(int argc, char** argv) {
  Config config;
  config.listeners = {{.bind = argc > 1 ? argv[1] : "127.0.0.1:9000"}};
  config.admin.bind = "off";

  ChatRooms rooms;
  auto server = Server::create(config);
  if (!server) return std::fprintf(stderr, "%s\n", to_line(server.error()).c_str()), 1;
  rooms.server = server->get();
  RouteConfig route{.path = "/chat", .deflate = {.enabled = true}};
  route.limits.message_bytes_max = 16 * 1024;
  (*server)->mount(route, rooms);
  if (auto started = (*server)->start(); !started) return std::fprintf(stderr, "%s\n", to_line(started.error()).c_str()), 1;
  std::printf("listening on %s; end with Ctrl-D\n", (*server)->device_addresses().front().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  (*server)->stop();
}
