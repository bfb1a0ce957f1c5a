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
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      methods[path].insert(name);
    }
  }
  return methods;
}

TEST(OpenApi, NamesThePathsAndMethodsThatAreServed) {
  AdminGate gate;
  const auto paths = documented();
  EXPECT_EQ(paths.size(), 7U);
  for (const auto& [path, methods] : paths) {
    std::string sample = path;
    if (const std::size_t id = sample.find("{id}"); id != std::string::npos) sample.replace(id, 4, "dev");
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
