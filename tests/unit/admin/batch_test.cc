// Batches of pushes: one result for each line, whatever the line is and however the bytes are cut, in bounded memory.
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

class AdminBatch : public ::testing::Test {
 protected:
  AdminBatch() {
    for (const char* id : {"a", "b", "c"}) peers[id] = &gate.connect_device(id, id[0] == 'b' ? 1 : 0);
  }
  static std::string head(std::string_view framing) {
    return "POST /v1/messages:batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n" + std::string(framing) +
           "\r\n\r\n";
  }
  static std::string request(std::string_view body) {
    return head("Content-Length: " + std::to_string(body.size())) + std::string(body);
  }

  /// The lines of the answer so far, which must be whole chunks.
  static std::vector<Json> lines_of(std::string_view bytes) {
    EXPECT_TRUE(bytes.starts_with("HTTP/1.1 200 ")) << bytes.substr(0, 300);
    EXPECT_NE(bytes.find("Content-Type: application/x-ndjson\r\n"), std::string_view::npos);
    bytes.remove_prefix(std::min(bytes.find("\r\n\r\n") + 4, bytes.size()));
    std::string text;
    while (!bytes.empty()) {
      const std::size_t size = std::stoul(std::string(bytes.substr(0, bytes.find("\r\n"))), nullptr, 16);
      bytes.remove_prefix(bytes.find("\r\n") + 2);
      text += bytes.substr(0, size);
      bytes.remove_prefix(std::min(size + 2, bytes.size()));
    }
    std::vector<Json> lines;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
      lines.push_back(Json::parse(text.substr(at, text.find('\n', at) - at)));
    return lines;
  }
  std::vector<Json> answer_to(std::string_view body) {
    FakePeer& peer = gate.connect();
    peer.send(request(body));
    gate.settle();
    const auto bytes = peer.take_received();
    peer.close();
    gate.settle();
    return lines_of(text_of(bytes));
  }
  /// By line number; the summary is 0.
  static std::map<int, Json> by_line(const std::vector<Json>& lines) {
    std::map<int, Json> results;
    for (const Json& line : lines) {
      const int number = line.value("line", 0);
      EXPECT_TRUE(results.emplace(number, line).second) << "two results of line " << number;
    }
    return results;
  }

  AdminGate gate{{.shards_count = 2}};
  std::map<std::string, FakePeer*> peers;
};

TEST_F(AdminBatch, EachLineIsAPushWithAResult) {
  const auto results = by_line(answer_to(R"({"device":"a","text":"1","id":"x"}
{"device":"b","base64":"AP8=","id":7}
{"device":"nobody","text":"3"}
{"device":"a","text":"4"})"));
  ASSERT_EQ(results.size(), 5U);
  EXPECT_EQ(results.at(1)["status"], 200);
  EXPECT_EQ(results.at(1)["id"], "x");
  EXPECT_EQ(results.at(1)["conn"].get<std::string>().size(), 16U);
  EXPECT_EQ(results.at(2)["status"], 200);
  EXPECT_EQ(results.at(2)["id"], 7);
  EXPECT_EQ(results.at(3), Json({{"line", 3}, {"status", 404}, {"reason", "unknown_device"}}));
  EXPECT_EQ(results.at(0), Json({{"lines", 4}, {"delivered", 3}}));
  EXPECT_EQ(peers["a"]->received_text(),
            "\x81\x01"
            "1\x81\x01"
            "4");
  EXPECT_EQ(peers["b"]->received_text(), std::string("\x82\x02\0\xff", 4));
}

TEST_F(AdminBatch, M11_M14_ABadLineIsRefusedAndTheOthersAreServed) {
  const auto results = by_line(answer_to(
      "{\"device\":\"a\",\"text\":\"1\"}\n\n{\n[]\nnull\r\n{\"device\":\"a\",\"text\":\"x\"} x\n" + std::string(20'000, '[') +
      "\n{\"device\":\"a\",\"text\":\"\\ud800\"}\n{\"device\":\"a\",\"base64\":\"eA\"}\n"
      "{\"device\":\"\\u0000\",\"text\":\"x\"}\n{\"device\":\"a\",\"text\":\"2\"}\r\n"));
  ASSERT_EQ(results.size(), 12U);
  for (int line = 2; line <= 8; ++line)
    EXPECT_EQ(results.at(line), Json({{"line", line}, {"status", 400}, {"reason", "bad_line"}}));
  EXPECT_EQ(results.at(9)["reason"], "bad_base64");
  EXPECT_EQ(results.at(10)["reason"], "bad_id");
  EXPECT_EQ(results.at(11)["status"], 200);
  EXPECT_EQ(results.at(0), Json({{"lines", 11}, {"delivered", 2}}));
}

TEST_F(AdminBatch, M16_AnEmptyBatchIsRefusedAndTheSameDeviceManyTimesIsCountedEachTime) {
  EXPECT_EQ(answer_to(""), std::vector<Json>{Json({{"line", 0}, {"status", 400}, {"reason", "batch_empty"}})});
  std::string body;
  for (int i = 0; i < 1000; ++i) body += "{\"device\":\"a\",\"text\":\"x\"}\n";
  const auto results = by_line(answer_to(body));
  ASSERT_EQ(results.size(), 1001U);
  EXPECT_EQ(results.at(0), Json({{"lines", 1000}, {"delivered", 1000}}));
  EXPECT_EQ(peers["a"]->received_text().size(), 3000U);
}

TEST_F(AdminBatch, ALineThatIsTooLongIsSkipped) {
  const std::string longer = "{\"device\":\"a\",\"text\":\"" + std::string(140'000, 'x') + "\"}";  // of a gate that takes 64 KiB
  const auto results = by_line(answer_to(longer + "\n{\"device\":\"a\",\"text\":\"1\"}\n" + longer));
  ASSERT_EQ(results.size(), 4U);
  for (int line : {1, 3}) EXPECT_EQ(results.at(line), Json({{"line", line}, {"status", 413}, {"reason", "line_too_long"}}));
  EXPECT_EQ(results.at(2)["status"], 200);
}

TEST_F(AdminBatch, ResultsDoNotDependOnTheCutAndComeWhileTheBodyDoes) {
  const std::string body = "{\"device\":\"a\",\"text\":\"1\"}\n{\"device\":\"b\",\"text\":\"2\"}\n";
  FakePeer& peer = gate.connect();
  peer.send(head("Transfer-Encoding: chunked"));
  gate.settle();
  for (std::size_t i = 0; i < body.size(); ++i) {
    peer.send("1\r\n" + body.substr(i, 1) + "\r\n");
    gate.settle();
    EXPECT_EQ(peers["a"]->received_text().size(), i < body.find('\n') ? 0U : 3U);
  }
  std::string received(peer.received_text());
  EXPECT_EQ(lines_of(received).size(), 2U) << "before the body ends";
  peer.send("0\r\n\r\n");
  gate.settle();
  EXPECT_EQ(by_line(lines_of(text_of(peer.take_received()))).at(0), Json({{"lines", 2}, {"delivered", 2}}));
}

TEST_F(AdminBatch, ACallerThatGoesAwayLeavesNothingBehind) {
  gate.hold(1);
  FakePeer& peer = gate.connect();
  peer.send(request("{\"device\":\"b\",\"text\":\"1\"}\n"));
  gate.settle();
  peer.reset();
  gate.settle();
  gate.hold(std::nullopt);
  gate.settle();
  EXPECT_EQ(peers["b"]->received_text(),
            "\x81\x01"
            "1");
  EXPECT_EQ(gate.admin_connections(), 0U);
}

TEST_F(AdminBatch, NoMoreThanTheCeilingAreUnderWay) {
  gate.hold(1);
  std::string body;
  for (std::size_t i = 0; i < limits::batch_lines_open_max + 100; ++i) body += "{\"device\":\"b\",\"text\":\"x\"}\n";
  FakePeer& peer = gate.connect();
  peer.send(request(body));
  gate.settle();
  EXPECT_EQ(gate.counters[0].push_crossed.get(), limits::batch_lines_open_max);
  gate.hold(std::nullopt);
  gate.settle();
  EXPECT_EQ(gate.counters[0].push_crossed.get(), limits::batch_lines_open_max + 100);
  EXPECT_EQ(by_line(lines_of(text_of(peer.take_received()))).at(0)["delivered"], limits::batch_lines_open_max + 100);
}

TEST_F(AdminBatch, OtherTypesAreRefused) {
  const Reply reply = gate.ask_once(
      "POST /v1/messages:batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
  EXPECT_EQ(reply.status, 415);
}

}  // namespace
}  // namespace ringgate::admin
