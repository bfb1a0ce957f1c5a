#include "real_scripts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "bytes.h"
#include "exchange.h"
#include "real_world.h"

namespace ringgate::abuse {

namespace {

namespace fs = std::filesystem;

/// A file that goes with this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content = "")
      : path_(fs::temp_directory_path() / fmt::format("abuse-{}-{}", getpid(), ++count_)) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { fs::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const fs::path& path() const { return path_; }
  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  static inline int count_ = 0;
  fs::path path_;
};

bool is_answered(const WireView& view) { return !view.answers().empty() || view.has_ended(); }

/// Sends one request on a connection of its own; its status, or 0.
int status_of(RealWorld& world, Port port, const std::string& request) {
  const auto channel = world.connect(port);
  channel->send(request);
  channel->wait_until(is_answered);
  return channel->view().answers().empty() ? 0 : channel->view().answers().front().status;
}

std::size_t metrics_bytes(RealWorld& world) {
  const auto answer = world.ask("/metrics");
  return answer ? answer->body.size() : 0;
}

void expect_good_end(RealWorld& world) {
  EXPECT_EQ(world.leftovers(), "");
  EXPECT_EQ(check_fresh_connection(world), "");
}

}  // namespace

namespace {

/// A gate with `setting` takes three connections, and answers `status` to a fourth.
void one_more_than_three(const RealGate& gate, const std::string& setting, int status) {
  RealWorld world(gate);
  ASSERT_EQ(world.prepare({setting}, Port::devices), "");
  std::vector<std::unique_ptr<Channel>> held;
  for (const char* id : {"a", "b", "c"}) {
    held.push_back(world.connect(Port::devices));
    held.back()->send(good_upgrade(id));
    held.back()->wait_until(is_answered);
    ASSERT_TRUE(held.back()->view().is_upgraded());
  }
  const auto refused = world.connect(Port::devices);
  refused->send(good_upgrade("d"));
  refused->wait_until([](const WireView& view) { return view.has_ended(); });
  ASSERT_EQ(refused->view().answers().size(), 1U);
  EXPECT_EQ(refused->view().answers().front().status, status);
  EXPECT_TRUE(refused->view().answers().front().head.contains("\r\nRetry-After: "));
  held.clear();
  expect_good_end(world);
}

}  // namespace

void one_connection_too_many(const RealGate& gate) { one_more_than_three(gate, "limits.max_connections=3", 503); }

void one_too_many_from_one_address(const RealGate& gate) { one_more_than_three(gate, "limits.connections_per_prefix=3", 429); }

/// A bounded form of the row: what is left over is looked at, not the latency of others.
void connections_reset_at_once(const RealGate& gate) {
  RealWorld world(gate);
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  for (int i = 0; i < 5000; ++i) {
    const auto channel = world.connect(Port::devices);
    if (i % 2 == 0) channel->send(good_upgrade());
    channel->reset();
  }
  expect_good_end(world);
}

/// Every line of the log is one JSON object, and none says what a peer wanted it to say.
void log_keeps_its_lines(const RealGate& gate) {
  const TemporaryFile log;
  RealWorld world(gate, log.path());
  ASSERT_EQ(world.prepare({"log.level=debug"}, Port::devices), "");
  for (const char* id : {"a%0d%0aX-Inj:1", "a\nINFO fake log line", "%24%7bjndi:ldap://x%7d", "%25s%25n%25x",
                         "a%0a%7b%22msg%22:%22forged%22%7d"}) {
    EXPECT_EQ(status_of(world, Port::devices, good_upgrade(id)), 400) << id;
    EXPECT_EQ(
        status_of(world, Port::devices, "GET /" + std::string(id) + " HTTP/1.1\r\nHost: h\r\nUser-Agent: " + id + "\r\n\r\n") /
            100,
        4);
  }
  expect_good_end(world);
  ASSERT_EQ(world.gate().stop(), 0);
  std::istringstream lines(log.content());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(object.is_object()) << line;
    EXPECT_NE(object.value("msg", ""), "forged");
  }
  EXPECT_GT(count, 0);
}

/// Only the field counts, and no token is logged.
void tokens_of_backends(const RealGate& gate) {
  const TemporaryFile log;
  RealWorld world(gate, log.path());
  ASSERT_EQ(world.prepare({"admin.tokens=here:admin_tokens", "log.level=debug"}, Port::devices), "");
  const auto status = [&world](const std::string& query, const std::string& field) {
    return status_of(world, Port::admin, "GET /v1/devices" + query + " HTTP/1.1\r\nHost: h\r\n" + field + "\r\n");
  };
  EXPECT_EQ(status("", ""), 401);
  EXPECT_EQ(status("", "Authorization: Bearer token-of-reads\r\n"), 200);
  EXPECT_EQ(status("", "Authorization: Bearer token-of-pushes\r\n"), 403);
  for (const char* token : {"token-of-read", "token-of-reads0", "x", "token-of-the-past"})
    EXPECT_EQ(status("", "Authorization: Bearer " + std::string(token) + "\r\n"), 401) << token;
  for (const char* name : {"access_token", "token"})
    EXPECT_EQ(status("?" + std::string(name) + "=token-of-reads", ""), 401) << name;
  ASSERT_EQ(world.gate().stop(), 0);
  EXPECT_TRUE(log.content().contains("admin access refused"));
  EXPECT_FALSE(log.content().contains("token-of-"));
}

void metrics_keep_their_size(const RealGate& gate) {
  RealWorld world(gate);
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  const auto flood = [&world](int begin, int end) {
    for (int i = begin; i < end; ++i) {
      const std::string n = std::to_string(i);
      EXPECT_EQ(status_of(world, Port::devices, good_upgrade("id-" + n)), 101);
      EXPECT_EQ(status_of(world, Port::devices, "GET /path-" + n + " HTTP/1.1\r\nHost: h\r\nUser-Agent: agent-" + n + "\r\n\r\n"),
                404);
      EXPECT_EQ(status_of(world, Port::admin, "METHOD" + n + " /metrics HTTP/1.1\r\nHost: h\r\n\r\n"), 501);
      EXPECT_EQ(status_of(world, Port::admin, "GET /path-" + n + " HTTP/1.1\r\nHost: h\r\n\r\n"), 404);
    }
  };
  flood(0, 50);  // every series there is has a value
  const std::size_t before = metrics_bytes(world);
  flood(50, 1050);
  const std::size_t after = metrics_bytes(world);
  ASSERT_GT(before, 0U);
  EXPECT_LT(after, before + 500) << "a few more digits, no more series";
  expect_good_end(world);
}

void forwarded_address_is_ignored(const RealGate& gate) {
  RealWorld world(gate);
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  const auto channel = world.connect(Port::devices);
  std::string request = good_upgrade("forwarded");
  request.insert(request.size() - 2, "X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n");
  channel->send(request);
  channel->wait_until(is_answered);
  ASSERT_TRUE(channel->view().is_upgraded());
  const auto record = world.ask("/v1/devices/forwarded");
  ASSERT_TRUE(record && record->status == 200);
  EXPECT_TRUE(nlohmann::json::parse(record->body).value("remote", "").starts_with("127.0.0.1:")) << record->body;
}

/// A bounded form of the row: each is answered, with 200 or 503, or not let in; a device is served meanwhile.
void scrapes_at_once(const RealGate& gate) {
  constexpr int scrapes_count = 1000;
  RealWorld world(gate);
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  std::vector<std::unique_ptr<Channel>> scrapers;
  for (int i = 0; i < scrapes_count; ++i) {
    scrapers.push_back(world.connect(Port::admin));
    scrapers.back()->send("GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  }
  EXPECT_EQ(status_of(world, Port::devices, good_upgrade("served")), 101);
  int served = 0;
  for (const auto& scraper : scrapers) {
    scraper->wait_until([](const WireView& view) { return view.has_ended(); });
    if (scraper->view().answers().empty()) continue;
    const int status = scraper->view().answers().front().status;
    EXPECT_TRUE(status == 200 || status == 503) << status;
    served += status == 200 ? 1 : 0;
  }
  EXPECT_GT(served, 0);
  scrapers.clear();
  expect_good_end(world);
}

void broken_configuration(const RealGate& gate) {
  struct Broken {
    const char* name;
    std::string content;
    const char* mentions;  // the key or the line
  };
  const std::array<Broken, 6> files{{
      {"unknown key", "[limits]\nmax_mesage = \"1MiB\"\n", "max_mesage"},
      {"unknown section", "\n\n[limit]\nmax_message = \"1MiB\"\n", "limit"},
      {"a key twice", "[limits]\nmax_message = \"1MiB\"\nmax_message = \"2MiB\"\n", "max_message"},
      {"out of range", "[limits]\nmax_fragments = 0\n", "max_fragments"},
      {"NUL", std::string("[limits]\nmax_message = \"1\0MiB\"\n", 32), ":2"},
      {"100 MB", "# " + std::string(100'000'000, 'x') + "\n", ""},
  }};
  for (const Broken& file : files) {
    const TemporaryFile config(file.content);
    const std::string command =
        fmt::format("{} serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --config {} 2>&1", gate.binary, config.path().string());
    FILE* const pipe = popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string output;
    for (std::array<char, 4096> piece; std::fgets(piece.data(), piece.size(), pipe) != nullptr;) output += piece.data();
    const int status = pclose(pipe);
    EXPECT_EQ(WEXITSTATUS(status), 78) << file.name;
    EXPECT_EQ(std::ranges::count(output, '\n'), 1) << file.name << ": " << output;
    EXPECT_TRUE(output.contains(file.mentions)) << file.name << ": " << output;
    EXPECT_TRUE(output.contains(config.path().filename().string())) << file.name << ": " << output;
  }
}

std::map<std::string, Script, std::less<>> real_scripts(const RealGate& gate) {
  const std::initializer_list<std::pair<const char*, void (*)(const RealGate&)>> rows{
      {"F09", one_connection_too_many},      {"F10", one_too_many_from_one_address},
      {"F11", connections_reset_at_once},    {"M01", log_keeps_its_lines},
      {"M03", metrics_keep_their_size},      {"M10", log_keeps_its_lines},
      {"M18", tokens_of_backends},           {"M19", tokens_of_backends},
      {"M23", forwarded_address_is_ignored}, {"M26", scrapes_at_once},
      {"M28", broken_configuration},
  };
  std::map<std::string, Script, std::less<>> scripts;
  for (const auto& [id, script] : rows) scripts.emplace(id, [script, gate] { script(gate); });
  return scripts;
}

}  // namespace ringgate::abuse
