// Lets in who has a cookie of a known session, as the user of that session, and gives out a new cookie for the next time.
//
//   build/release/docs/examples/cookie_check 127.0.0.1:9000     then connect to ws://127.0.0.1:9000/me with "Cookie: session=first"
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "ringgate/server.h"

namespace {

using namespace ringgate;

/// Sessions of a toy: real ones are long, random and kept elsewhere. A cookie is good for one connection.
class Sessions {
 public:
  struct Renewed {
    std::string user, cookie;
  };
  std::optional<Renewed> use(std::string_view cookie) {
    const std::lock_guard lock(mutex_);
    const auto session = users_.find(cookie);
    if (session == users_.end()) return std::nullopt;
    Renewed renewed{session->second, "next-" + std::to_string(++count_)};
    users_.erase(session);
    users_.emplace(renewed.cookie, renewed.user);
    return renewed;
  }

 private:
  std::mutex mutex_;  // all shards call the handler
  std::map<std::string, std::string, std::less<>> users_{{"first", "ann"}, {"second", "bob"}};
  int count_ = 0;
};

class CookieCheck final : public Handler {
 public:
  UpgradeVerdict on_upgrade(const UpgradeRequest& request) override {
    const auto session = sessions_.use(request.cookie("session").value_or(""));
    if (!session) return UpgradeRefusal{.status = 401, .reason = "no_session", .detail = "Log in first."};
    return UpgradeAccept{.device_id = session->user,
                         .fields = {{"Set-Cookie", "session=" + session->cookie + "; HttpOnly; SameSite=Strict"}}};
  }
  void on_open(Connection& connection) override { connection.send_text("hello " + std::string(connection.device_id())); }
  void on_message(Connection& connection, MessageView) override { connection.echo(); }

 private:
  Sessions sessions_;
};

}  // namespace

int main(int argc, char** argv) {
  Config config;
  config.listeners = {{.bind = argc > 1 ? argv[1] : "127.0.0.1:9000"}};
  config.admin.bind = "off";
  config.device.required = false;  // the session names the device, not the request

  CookieCheck handler;
  auto server = Server::create(config);
  if (!server) return std::fprintf(stderr, "%s\n", to_line(server.error()).c_str()), 1;
  (*server)->mount("/me", handler);
  if (auto started = (*server)->start(); !started) return std::fprintf(stderr, "%s\n", to_line(started.error()).c_str()), 1;
  std::printf("listening on %s; end with Ctrl-D\n", (*server)->device_addresses().front().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  (*server)->stop();
}
