// docs/openapi.yaml against the gate: the same paths, with the same methods.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "admin_gate.h"
#include "support/source_root.h"

namespace ringgate::admin {
namespace {

using namespace testing;

/// Methods by path, read by the indentation of the section `paths`.
std::map<std::string, std::set<std::string>> documented() {
  std::map<std::string, std::set<std::string>> methods;
  std::ifstream file(source_file("docs/openapi.yaml"));
  std::string path;
  for (std::string line; std::getline(file, line) && line != "components:";) {
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    for (const char* method : {"get", "head", "post", "put", "delete", "patch"}) {
      if (path.empty() || line != "    " + std::string(method) + ":") continue;
      std::string name(method);
      std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      methods[path].insert(name);
    }
  }
  return methods;
}

/// Puts a name in place of each of the path's parameters.
void fill_in(std::string& path) {
  for (std::size_t begin = 0; (begin = path.find('{')) != std::string::npos;)
    path.replace(begin, path.find('}') + 1 - begin, "dev");
}

/// Status codes by `METHOD path`, of the operations that list them one a line.
std::map<std::string, std::set<int>> documented_statuses() {
  std::map<std::string, std::set<int>> statuses;
  std::ifstream file(source_file("docs/openapi.yaml"));
  std::string path, method;
  for (std::string line; std::getline(file, line) && line != "components:";) {
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    for (const char* name : {"get", "head", "post", "put", "delete"})
      if (line == "    " + std::string(name) + ":") method = name;
    if (line.starts_with("        '")) statuses[method + " " + path].insert(std::stoi(line.substr(9, 3)));
  }
  return statuses;
}

// Any request may come from a page or to a strange name, so every operation tells of it.
TEST(OpenApi, SaysOfEveryOperationHowStrangersAreAnswered) {
  AdminGate gate({.admin = {.judges_host = true, .body_bytes_max = 65536}});
  std::size_t operations = 0;
  for (const auto& [operation, statuses] : documented_statuses()) {
    const std::size_t space = operation.find(' ');
    std::string method = operation.substr(0, space);
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    std::string path = operation.substr(space + 1);
    fill_in(path);
    const std::string line = method + " " + path + " HTTP/1.1\r\nHost: ";
    if (method == "HEAD") continue;  // as GET
    ++operations;
    const int strange = gate.ask_once(line + "evil.example\r\n\r\n").status;
    EXPECT_EQ(strange, 421) << operation;
    EXPECT_TRUE(statuses.contains(strange)) << operation;
    const int page = gate.ask_once(line + "localhost\r\nOrigin: http://localhost\r\n\r\n").status;
    EXPECT_EQ(page, 403) << operation;
    EXPECT_TRUE(statuses.contains(page)) << operation;
  }
  EXPECT_EQ(operations, 27U);
}

TEST(OpenApi, IsServedByteForByte) {
  AdminGate gate;
  std::ifstream file(source_file("docs/openapi.yaml"));
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  const Reply reply = gate.ask_once(get_request("/v1/openapi.yaml"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.has("Content-Type: application/yaml\r\n"));
  EXPECT_EQ(reply.body, written);
}

TEST(OpenApi, NamesThePathsAndMethodsThatAreServed) {
  AdminGate gate;
  const auto paths = documented();
  EXPECT_EQ(paths.size(), 21U);
  for (const auto& [path, methods] : paths) {
    std::string sample = path;
    fill_in(sample);
    const Reply reply = gate.ask_once(get_request(sample, "", "OPTIONS"));
    EXPECT_EQ(reply.status, 405) << path;
    constexpr std::string_view allow = "\r\nAllow: ";
    const std::size_t begin = reply.head.find(allow);
    ASSERT_NE(begin, std::string::npos) << path;
    std::string listed = reply.head.substr(begin + allow.size());
    listed = listed.substr(0, listed.find("\r\n")).append(", ");
    std::set<std::string> served;
    for (std::size_t at = 0, comma = 0; (comma = listed.find(", ", at)) != std::string::npos; at = comma + 2)
      served.insert(listed.substr(at, comma - at));
    EXPECT_EQ(served, methods) << path;
  }
}

}  // namespace
}  // namespace ringgate::admin
