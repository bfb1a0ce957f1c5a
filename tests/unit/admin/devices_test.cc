// Devices by filter, at once and from before: lists, counts, rankings, presence of many, closing many, and how those left that are away.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "admin_gate.h"
#include "base/limits.h"

namespace ringgate::admin {
namespace {

using namespace testing;
using Json = nlohmann::json;
using Ids = std::set<std::string>;

class AdminDevices : public ::testing::Test {
 protected:
  AdminDevices() {
    for (const char* id : {"a-1", "a-2", "b-1"}) peers[id] = &gate.connect_device(id, id[0] == 'a' ? 0 : 1);
  }
  Reply ask(std::string_view method, std::string_view path, std::string_view body = {},
            std::string_view type = "application/json") {
    std::string request = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n";
    if (method == "POST")
      request += "Content-Type: " + std::string(type) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return gate.ask_once(request + "\r\n" + std::string(body));
  }
  Ids listed(std::string_view query) {
    Ids ids;
    const Reply reply = ask("GET", "/v1/devices" + std::string(query));
    EXPECT_EQ(reply.status, 200) << reply.body;
    const Json page = Json::parse(reply.body);
    for (const Json& device : page["devices"]) ids.insert(device["device_id"]);
    return ids;
  }
  static std::string reason(const Reply& reply) { return Json::parse(reply.body).value("reason", ""); }

  AdminGate gate{{.shards_count = 2}};
  std::map<std::string, FakePeer*> peers;
};

TEST_F(AdminDevices, AFilterNarrowsListsAndCounts) {
  EXPECT_EQ(ask("PUT", "/v1/groups/g/devices/a-2").status, 200);
  EXPECT_EQ(listed(""), (Ids{"a-1", "a-2", "b-1"}));
  EXPECT_EQ(listed("?prefix=a-"), (Ids{"a-1", "a-2"}));
  EXPECT_EQ(listed("?group=g"), (Ids{"a-2"}));
  EXPECT_EQ(listed("?route=/ws&prefix=b"), (Ids{"b-1"}));
  EXPECT_EQ(listed("?route=/other"), Ids{});
  EXPECT_EQ(Json::parse(ask("GET", "/v1/devices?count_only=true").body), Json({{"count", 3}}));
  EXPECT_EQ(Json::parse(ask("GET", "/v1/devices?prefix=a-&count_only=true").body), Json({{"count", 2}}));
  EXPECT_EQ(reason(ask("GET", "/v1/devices?count_only=yes")), "bad_parameters");
  EXPECT_EQ(reason(ask("GET", "/v1/devices?sort=rtt&count_only=1.5")), "bad_parameters") << "also where it would change nothing";
  EXPECT_EQ(reason(ask("GET", "/v1/devices?prefix=")), "bad_filter");
  EXPECT_EQ(reason(ask("GET", "/v1/devices?sort=name")), "bad_parameters");
  EXPECT_EQ(Json::parse(ask("GET", "/v1/devices?sort=rtt").body)["devices"].size(), 0U) << "no ping was answered yet";
}

TEST_F(AdminDevices, TheLinkIsShownToWhoeverAsksForIt) {
  peers["b-1"]->set_link({.rtt_us = 1500, .retransmits = 3, .unsent_bytes = 9});
  EXPECT_FALSE(Json::parse(ask("GET", "/v1/devices/b-1").body).contains("link"));
  EXPECT_FALSE(Json::parse(ask("GET", "/v1/devices/b-1?link=false&other=1").body).contains("link"));
  for (const char* query : {"?link=yes", "?link=", "?link", "?link=true&link=true"})
    EXPECT_EQ(reason(ask("GET", "/v1/devices/b-1" + std::string(query))), "bad_parameters") << query;
  EXPECT_EQ(ask("GET", "/v1/devices/never?link=true").status, 404);
  const Json shown = Json::parse(ask("GET", "/v1/devices/b-1?link=true").body);
  EXPECT_EQ(shown["device_id"], "b-1");
  EXPECT_EQ(shown["link"], Json({{"rtt_us", 1500},
                                 {"rttvar_us", 0},
                                 {"min_rtt_us", 0},
                                 {"retransmits", 3},
                                 {"retransmitted_bytes", 0},
                                 {"lost", 0},
                                 {"unacked", 0},
                                 {"unsent_bytes", 9},
                                 {"delivery_rate", 0},
                                 {"cwnd", 0},
                                 {"mss", 0}}));
  EXPECT_FALSE(shown.contains("link_reason"));
  gate.world.options().link_error = ring::IoError::no_descriptors;
  const Json unknown = Json::parse(ask("GET", "/v1/devices/b-1?link=true").body);
  EXPECT_TRUE(unknown["link"].is_null());
  EXPECT_EQ(unknown["link_reason"], "no_descriptors");
}

TEST_F(AdminDevices, RankingByRetransmitsSaysHowManyLinksItRead) {
  peers["a-2"]->set_link({.retransmits = 3});
  peers["b-1"]->set_link({.retransmits = 30});
  peers["a-1"]->set_link({});
  const Json all = Json::parse(ask("GET", "/v1/devices?sort=retransmits").body);
  EXPECT_EQ(all["matched"], 3);
  EXPECT_EQ(all["read"], 3);
  ASSERT_EQ(all["devices"].size(), 2U) << "to a-1 nothing was sent again";
  EXPECT_EQ(all["devices"][0]["device_id"], "b-1");
  EXPECT_EQ(all["devices"][0]["link"]["retransmits"], 30);
  EXPECT_EQ(all["devices"][1]["device_id"], "a-2");
  const Json some = Json::parse(ask("GET", "/v1/devices?sort=retransmits&prefix=a-").body);
  EXPECT_EQ(some["matched"], 2);
  EXPECT_EQ(some["devices"].size(), 1U);
  gate.world.options().link_error = ring::IoError::no_descriptors;
  EXPECT_EQ(Json::parse(ask("GET", "/v1/devices?sort=retransmits").body),
            Json({{"matched", 3}, {"read", 0}, {"devices", Json::array()}}));
}

TEST_F(AdminDevices, ManyAreClosedAtOnceButNeverAll) {
  for (const char* query : {"", "?prefix=", "?code=4001", "?prefix=a-&prefix=b-", "?perfix=a-", "?prefix=a-&x=1"}) {
    const Reply refused = ask("DELETE", "/v1/devices" + std::string(query));
    EXPECT_EQ(refused.status, 400) << query;
    EXPECT_EQ(reason(refused), "bad_filter") << query;
  }
  EXPECT_EQ(reason(ask("DELETE", "/v1/devices?prefix=a-&code=1000")), "bad_code");
  EXPECT_EQ(listed("").size(), 3U);
  const Reply closed = ask("DELETE", "/v1/devices?prefix=a-&code=4007&reason=moved");
  EXPECT_EQ(closed.status, 200);
  EXPECT_EQ(Json::parse(closed.body), Json({{"matched", 2}, {"closed", 2}}));
  EXPECT_EQ(listed(""), Ids{"b-1"});
  EXPECT_TRUE(peers["a-1"]->received_text().ends_with("moved"));
  EXPECT_EQ(peers["b-1"]->received_text(), "");
  EXPECT_EQ(Json::parse(ask("DELETE", "/v1/devices?prefix=a-").body), Json({{"matched", 0}, {"closed", 0}}));
}

TEST_F(AdminDevices, SaysOfADeviceThatLeftWhenAndHow) {
  EXPECT_EQ(ask("DELETE", "/v1/devices/a-1?code=4007&reason=moved").status, 204);
  peers["a-1"]->close();
  peers["b-1"]->reset();
  gate.settle();
  gate.advance(6 * nanoseconds_per_second);
  const Reply kicked = ask("GET", "/v1/devices/a-1");
  EXPECT_EQ(kicked.status, 404);
  const Json away = Json::parse(kicked.body);
  EXPECT_EQ(away["reason"], "unknown_device");
  EXPECT_EQ(away["close_code"], 4007);
  EXPECT_EQ(away["close_reason"], "moved");
  EXPECT_EQ(away["ended_by"], "backend");
  EXPECT_TRUE(away["last_seen"].is_string());
  EXPECT_EQ(Json::parse(ask("GET", "/v1/devices/b-1").body)["ended_by"], "network");
  const Reply never = ask("GET", "/v1/devices/never");
  EXPECT_EQ(never.status, 404);
  EXPECT_FALSE(Json::parse(never.body).contains("last_seen"));
  (void)gate.connect_device("a-1", 1);
  EXPECT_EQ(ask("GET", "/v1/devices/a-1").status, 200);
}

TEST_F(AdminDevices, SaysOfADeviceThatLeftWhatItHadNotAcknowledged) {
  peers["a-1"]->stop_reading(4096);  // the kernel still takes so much
  EXPECT_EQ(ask("POST", "/v1/devices/a-1/messages", std::string(100, 'x'), "text/plain").status, 200);
  EXPECT_EQ(ask("DELETE", "/v1/devices/a-1?code=4007&reason=moved").status, 204);
  EXPECT_EQ(ask("DELETE", "/v1/devices/a-2?code=4007&reason=moved").status, 204);
  peers["b-1"]->send(std::string("\x88\x80\0\0\0\0", 6));  // an empty Close, masked
  gate.settle();
  peers["b-1"]->close();
  gate.advance(6 * nanoseconds_per_second);
  const auto away = [&](std::string_view id) { return Json::parse(ask("GET", "/v1/devices/" + std::string(id)).body); };
  EXPECT_EQ(away("a-1")["unacked_bytes"], 2 + 100 + 2 + 2 + 5) << "the message and the Close";
  EXPECT_EQ(away("a-1")["queued_bytes"], 0);
  EXPECT_EQ(away("a-2")["unacked_bytes"], 0) << "it read all, and did not answer the Close";
  EXPECT_EQ(away("b-1")["ended_by"], "device");
  EXPECT_EQ(away("b-1")["unacked_bytes"], nullptr) << "behind our FIN nobody asks";
}

TEST(AdminDevicesElsewhere, WhereTheKernelCannotTellNothingIsClaimed) {
  FakeOptions kernel;
  kernel.features.unacked_command = false;
  AdminGate older({.world = kernel});
  older.connect_device("a-1").reset();
  older.settle();
  const Json away = Json::parse(older.ask_once(get_request("/v1/devices/a-1")).body);
  EXPECT_EQ(away["ended_by"], "network");
  EXPECT_EQ(away["unacked_bytes"], nullptr);
}

TEST_F(AdminDevices, ThePresenceOfManyIsOneAnswer) {
  peers["b-1"]->reset();
  gate.settle();
  const Reply reply = ask("POST", "/v1/devices:presence", R"(["a-2","never","b-1","a-2"])");
  EXPECT_EQ(reply.status, 200);
  const Json devices = Json::parse(reply.body)["devices"];
  ASSERT_EQ(devices.size(), 4U);
  EXPECT_EQ(devices[0]["device_id"], "a-2");
  EXPECT_EQ(devices[0]["online"], true);
  EXPECT_EQ(devices[0]["conn"].get<std::string>().size(), 16U);
  EXPECT_EQ(devices[1], Json({{"device_id", "never"}, {"online", false}, {"last_seen", nullptr}}));
  EXPECT_EQ(devices[2]["online"], false);
  EXPECT_TRUE(devices[2]["last_seen"].is_string());
  EXPECT_EQ(devices[3], devices[0]);
}

TEST_F(AdminDevices, M12_M13_M16_WhatIsNoListOfIdsIsRefused) {
  const auto reason_of = [&](std::string_view body) { return reason(ask("POST", "/v1/devices:presence", body)); };
  for (const char* body : {"", "{", "[]", "null", "{\"devices\":[]}", "[1]", "[[\"a\"]]", "[\"a\"] x", "[\"a\",]", "\"a\"",
                           "[\"\\ud800\"]", "[NaN]"})
    EXPECT_EQ(reason_of(body), "bad_list") << body;
  EXPECT_EQ(reason_of(std::string(60'000, '[')), "bad_list");
  for (const char* body : {"[\"\"]", "[\"a\",\"x y\"]", "[\"\\u0000\"]"}) EXPECT_EQ(reason_of(body), "bad_id") << body;
  const auto many = [](std::size_t count) {
    std::string list = "[\"a-1\"";
    for (std::size_t i = 1; i < count; ++i) list += ",\"a-1\"";
    return list + "]";
  };
  EXPECT_EQ(ask("POST", "/v1/devices:presence", many(limits::listed_devices_max)).status, 200);
  EXPECT_EQ(reason_of(many(limits::listed_devices_max + 1)), "list_too_long");
  EXPECT_EQ(ask("POST", "/v1/devices:presence", "[\"a\"]", "text/plain").status, 415);
}

}  // namespace
}  // namespace ringgate::admin
