// The resources of groups, and whom restricted tokens reach by them.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "admin_gate.h"
#include "auth/sha256.h"
#include "auth/text_coding.h"

namespace ringgate::admin {
namespace {

using namespace testing;
using Json = nlohmann::json;

std::string line_of(std::string_view token, std::string_view fields) {
  return "sha256:" + auth::encode_hex(auth::sha256(bytes_of(token))) + " " + std::string(fields) + "\n";
}

class AdminGroups : public ::testing::Test {
 protected:
  AdminGroups() {
    const std::string lines = line_of("boss", "name=boss scopes=admin") +
                              line_of("plant-a", "name=plant-a scopes=admin prefix=a-") +
                              line_of("crew", "name=crew scopes=admin group=g") + line_of("reader", "name=reader scopes=read");
    access.renew(std::make_shared<const AccessTable>(
        std::vector<std::shared_ptr<const auth::AdminTokens>>{auth::AdminTokens::parse(lines, "tokens").value()}));
    for (const char* id : {"a-1", "a-2", "b-1"}) peers[id] = &gate.connect_device(id, id[0] == 'a' ? 0 : 1);
  }

  Reply ask(std::string_view method, std::string_view path, std::string_view token = "boss", std::string_view body = {}) {
    std::string request = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                          std::string(token) + "\r\n";
    if (method == "POST") request += "Content-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return gate.ask_once(request + "\r\n" + std::string(body));
  }
  int status(std::string_view method, std::string_view path, std::string_view token = "boss", std::string_view body = {}) {
    return ask(method, path, token, body).status;
  }
  std::string reason(const Reply& reply) { return Json::parse(reply.body).value("reason", ""); }
  /// The devices that received a frame since this was asked last.
  std::set<std::string> reached() {
    std::set<std::string> ids;
    for (const auto& [id, peer] : peers)
      if (!peer->take_received().empty()) ids.insert(id);
    return ids;
  }
  using Ids = std::set<std::string>;

  Access access;
  AdminGate gate{{.shards_count = 2, .services = {.access = &access}}};
  std::map<std::string, FakePeer*> peers;
};

TEST_F(AdminGroups, ADeviceJoinsIsReachedAndLeaves) {
  const Reply joined = ask("PUT", "/v1/groups/site-7/devices/a-1");
  EXPECT_EQ(joined.status, 200);
  EXPECT_EQ(Json::parse(joined.body),
            Json({{"status", "joined"}, {"group", "site-7"}, {"device_id", "a-1"}, {"sticky", false}, {"online", true}}));
  EXPECT_EQ(status("PUT", "/v1/groups/site-7/devices/b-1"), 200);
  const Reply sent = ask("POST", "/v1/groups/site-7/messages", "boss", "hello");
  EXPECT_EQ(sent.status, 200);
  EXPECT_EQ(Json::parse(sent.body), Json({{"matched", 2}, {"delivered", 2}, {"refused", 0}}));
  EXPECT_EQ(reached(), (Ids{"a-1", "b-1"}));
  EXPECT_EQ(Json::parse(ask("GET", "/v1/groups/site-7").body), Json({{"group", "site-7"}, {"devices", 2}}));
  EXPECT_EQ(Json::parse(ask("GET", "/v1/devices/a-1").body)["groups"], Json({"site-7"}));
  EXPECT_EQ(status("DELETE", "/v1/groups/site-7/devices/a-1"), 204);
  EXPECT_EQ(Json::parse(ask("GET", "/v1/groups/site-7").body)["devices"], 1);
  EXPECT_EQ(Json::parse(ask("GET", "/v1/groups/nobody").body)["devices"], 0);
  EXPECT_EQ(status("PUT", "/v1/groups/site-7/devices/offline"), 404);
  EXPECT_EQ(status("DELETE", "/v1/groups/site-7/devices/offline"), 404);
}

TEST_F(AdminGroups, ALastingMembershipNeedsNoConnection) {
  const Reply noted = ask("PUT", "/v1/groups/fleet/devices/c-1?sticky=true");
  EXPECT_EQ(noted.status, 200);
  EXPECT_EQ(Json::parse(noted.body)["online"], false);
  (void)gate.connect_device("c-1", 1);
  EXPECT_EQ(Json::parse(ask("GET", "/v1/groups/fleet").body)["devices"], 1);
  EXPECT_EQ(status("PUT", "/v1/groups/fleet/devices/c-1?sticky=true"), 200);
  EXPECT_EQ(status("DELETE", "/v1/groups/fleet/devices/c-1"), 204);
  EXPECT_EQ(gate.state.sticky_groups.count(), 0U);
  EXPECT_EQ(Json::parse(ask("GET", "/v1/groups/fleet").body)["devices"], 0);
}

TEST_F(AdminGroups, ABroadcastReachesWhatItsFilterNames) {
  EXPECT_EQ(status("PUT", "/v1/groups/g/devices/a-2"), 200);
  const auto send = [&](std::string_view query, std::string_view token = "boss") {
    EXPECT_EQ(status("POST", "/v1/broadcast" + std::string(query), token, "x"), 200) << query;
    return reached();
  };
  EXPECT_EQ(send(""), (Ids{"a-1", "a-2", "b-1"}));
  EXPECT_EQ(send("?prefix=a-"), (Ids{"a-1", "a-2"}));
  EXPECT_EQ(send("?group=g"), (Ids{"a-2"}));
  EXPECT_EQ(send("?route=/ws"), (Ids{"a-1", "a-2", "b-1"}));
  EXPECT_EQ(send("?route=%2Fws&prefix=b"), (Ids{"b-1"}));
  EXPECT_EQ(send("?route=/other"), Ids{});
}

TEST_F(AdminGroups, ATokenReachesNoMoreThanItCovers) {
  EXPECT_EQ(status("PUT", "/v1/groups/g/devices/a-2"), 200);
  EXPECT_EQ(status("PUT", "/v1/groups/g/devices/b-1"), 200);
  EXPECT_EQ(status("POST", "/v1/broadcast", "plant-a", "x"), 200);
  EXPECT_EQ(reached(), (Ids{"a-1", "a-2"}));
  EXPECT_EQ(status("POST", "/v1/broadcast?prefix=b-", "plant-a", "x"), 200);
  EXPECT_EQ(reached(), Ids{});
  EXPECT_EQ(status("POST", "/v1/groups/g/messages", "plant-a", "x"), 200);
  EXPECT_EQ(reached(), (Ids{"a-2"}));
  EXPECT_EQ(Json::parse(ask("GET", "/v1/groups/g", "plant-a").body)["devices"], 1);
  EXPECT_EQ(status("POST", "/v1/broadcast", "crew", "x"), 200);
  EXPECT_EQ(reached(), (Ids{"a-2", "b-1"}));
  EXPECT_EQ(status("POST", "/v1/groups/other/messages", "crew", "x"), 200);
  EXPECT_EQ(reached(), Ids{});
  EXPECT_EQ(status("PUT", "/v1/groups/g/devices/b-1", "plant-a"), 403) << "another's device";
  EXPECT_EQ(status("PUT", "/v1/groups/g/devices/a-1", "crew"), 403) << "no token brings devices into its own group";
  EXPECT_EQ(status("PUT", "/v1/groups/g/devices/c-1?sticky=true", "crew"), 404);
  EXPECT_EQ(status("PUT", "/v1/groups/other/devices/b-1", "crew"), 200);
  EXPECT_EQ(status("PUT", "/v1/groups/g/devices/a-1", "reader"), 403);
  EXPECT_EQ(status("POST", "/v1/groups/g/messages", "reader", "x"), 403);
}

TEST_F(AdminGroups, WhatIsMalformedIsRefusedAndReachesNobody) {
  struct Row {
    const char* method;
    std::string path;
    int status;
    const char* reason;
  };
  const std::string slash = "%2F";
  const std::vector<Row> rows{
      {"GET", "/v1/groups/", 400, "bad_group"},
      {"GET", "/v1/groups/a%20b", 400, "bad_group"},
      {"GET", "/v1/groups/a" + slash + "b", 400, "bad_group"},
      {"GET", "/v1/groups/..", 400, "bad_group"},
      {"GET", "/v1/groups/" + std::string(129, 'x'), 400, "bad_group"},
      {"GET", "/v1/groups/a/b", 404, "path_unknown"},
      {"PUT", "/v1/groups/a/devices/", 400, "bad_id"},
      {"PUT", "/v1/groups/a/devices/x%20y", 400, "bad_id"},
      {"PUT", "/v1/groups/a%20b/devices/a-1", 400, "bad_group"},
      {"PUT", "/v1/groups/a/devices/a-1?sticky=1", 400, "bad_parameters"},
      {"PUT", "/v1/groups/a/devices/a-1?sticky=true&sticky=false", 400, "bad_parameters"},
      {"PUT", "/v1/groups/a/devices/a-1?stiky=true", 400, "bad_parameters"},
      {"POST", "/v1/broadcast?group=", 400, "bad_filter"},
      {"POST", "/v1/broadcast?prefix=", 400, "bad_filter"},
      {"POST", "/v1/broadcast?group=a&group=b", 400, "bad_filter"},
      {"POST", "/v1/broadcast?gruop=a", 400, "bad_filter"},
      {"POST", "/v1/broadcast?group=a%20b", 400, "bad_group"},
      {"POST", "/v1/groups/a%20b/messages", 400, "bad_group"},
      {"DELETE", "/v1/groups/a", 405, "method_not_allowed"},
  };
  for (const Row& row : rows) {
    const Reply reply = ask(row.method, row.path, "boss", "x");
    EXPECT_EQ(reply.status, row.status) << row.method << ' ' << row.path << reply.body;
    EXPECT_EQ(reason(reply), row.reason) << row.method << ' ' << row.path;
  }
  EXPECT_EQ(reached(), Ids{});
  EXPECT_EQ(gate.state.sticky_groups.count(), 0U);
}

}  // namespace
}  // namespace ringgate::admin
