#include "cluster/wire.h"

#include <gtest/gtest.h>

namespace ringgate::cluster {
namespace {

TEST(Wire, APlainPushHasNoTerms) {
  EXPECT_EQ(write(PushOptions{}, nullptr), "");
  const auto terms = read_push_terms("");
  ASSERT_TRUE(terms);
  EXPECT_TRUE(terms->options.is_plain());
  EXPECT_FALSE(terms->reach);
}

TEST(Wire, EveryOptionArrives) {
  const PushOptions options{.ttl_ns = 5'000'000'000,
                            .coalesce_key = std::string("k\"\r\n\0\x80\xff", 7),
                            .id = "order 7",
                            .only_to = {{0x0100000200000003}, {4}},
                            .wait = PushLevel::acked,
                            .timeout_ns = 7};
  dispatch::Selection reach({.prefix = "pump-", .group = "site", .route = "/ws"});
  reach.restrict_to({.prefix = {}, .group = "other", .route = {}});
  const std::string text = write(options, &reach);
  EXPECT_EQ(text.find_first_of("\r\n"), std::string::npos) << "it is a header field";
  const auto terms = read_push_terms(text);
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->options.ttl_ns, options.ttl_ns);
  EXPECT_EQ(terms->options.coalesce_key, options.coalesce_key);
  EXPECT_EQ(terms->options.id, options.id);
  EXPECT_EQ(terms->options.only_to, options.only_to);
  EXPECT_EQ(terms->options.wait, options.wait);
  EXPECT_EQ(terms->options.timeout_ns, options.timeout_ns);
  ASSERT_TRUE(terms->reach);
  EXPECT_EQ(terms->reach->prefix(), "pump-");
  EXPECT_EQ(terms->reach->route(), "/ws");
  EXPECT_EQ(terms->reach->groups(), (std::vector<std::string>{"site", "other"}));
  EXPECT_FALSE(terms->reach->is_nobody());
}

TEST(Wire, ATtlOfZeroAndWhoCanReachNobodyStaySo) {
  dispatch::Selection nobody({.prefix = "a", .group = {}, .route = {}});
  nobody.restrict_to({.prefix = "b", .group = {}, .route = {}});
  ASSERT_TRUE(nobody.is_nobody());
  const auto terms = read_push_terms(write(PushOptions{.ttl_ns = 0}, &nobody));
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->options.ttl_ns, 0U);
  ASSERT_TRUE(terms->reach);
  EXPECT_TRUE(terms->reach->is_nobody());
}

TEST(Wire, TermsThatAreNotUnderstoodAreRefusedWhole) {
  for (const char* terms : {"x", "[]", "{", "1", R"({"wait":"soon"})", R"({"ttl_ns":-1})", R"({"ttl_ns":"5"})", R"({"later":1})",
                            R"({"only_to":["7"]})", R"({"reach":{"prefix":1}})", R"({"reach":{"new":1}})"})
    EXPECT_FALSE(read_push_terms(terms)) << terms;
  for (const char* terms : {"", "{\"code\":70000}", "{\"code\":\"4000\"}", "{\"now\":true}"})
    EXPECT_FALSE(read_close_terms(terms)) << terms;
}

TEST(Wire, ResultsArriveWithTheirReceiptsAndParts) {
  PushResult result{.outcome = PushOutcome::timed_out, .connection = {7}, .queued_bytes = 12};
  result.receipt = {.reached = PushLevel::acked,
                    .is_repeat = true,
                    .queued_at_ms = 1'700'000'000'123,
                    .sent_after_us = 0,
                    .acked_after_us = 90};
  result.parts = {{PushOutcome::delivered, {8}, 3, {}}, {PushOutcome::closing, {9}, 0, {}}};
  const auto read = read_push_result(write(result));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->outcome, result.outcome);
  EXPECT_EQ(read->connection, result.connection);
  EXPECT_EQ(read->queued_bytes, 12U);
  EXPECT_EQ(read->receipt, result.receipt);
  ASSERT_EQ(read->parts.size(), 2U);
  EXPECT_EQ(read->parts[0].outcome, PushOutcome::delivered);
  EXPECT_EQ(read->parts[1].connection, ConnectionRef{9});
  EXPECT_TRUE(read_push_result(R"({"outcome":"delivered","of_a_later_version":1})")) << "an answer may say more than is known";
  for (const char* body : {"", "delivered", R"({"outcome":"fine"})", R"({"outcome":"delivered","parts":{}})"})
    EXPECT_FALSE(read_push_result(body)) << body;
}

TEST(Wire, EveryOutcomeArrives) {
  for (std::size_t i = 0; i < push_outcomes_count; ++i) {
    const auto read = read_push_result(write(PushResult{.outcome = static_cast<PushOutcome>(i)}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->outcome, static_cast<PushOutcome>(i));
  }
  for (int i = 0; i <= static_cast<int>(CloseOutcome::unknown_outcome); ++i) {
    const auto read = read_close_result(write(CloseResult(static_cast<CloseOutcome>(i))));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->outcome, static_cast<CloseOutcome>(i));
  }
}

TEST(Wire, ADeviceArrivesAsItIsDescribed) {
  DescribeResult result{DescribeOutcome::found, std::make_unique<DeviceInfo>()};
  *result.device = {.device_id = "p \xc3\xa4",
                    .connection = {5},
                    .shard = 2,
                    .remote = "192.0.2.7:1",
                    .path = "/ws",
                    .groups = {"g"},
                    .since_seconds = 11,
                    .last_seen_seconds = 12,
                    .rtt_ms = 3,
                    .queued_bytes = 4};
  const auto read = read_describe_result(write(result));
  ASSERT_TRUE(read);
  ASSERT_TRUE(read->device);
  EXPECT_EQ(read->device->device_id, "p \xc3\xa4");
  EXPECT_EQ(read->device->groups, std::vector<std::string>{"g"});
  EXPECT_EQ(read->device->last_seen_seconds, 12);
  EXPECT_EQ(read->device->queued_bytes, 4U);
  EXPECT_EQ(read_describe_result(write(DescribeResult{}))->outcome, DescribeOutcome::unknown_device);
  EXPECT_FALSE(read_describe_result(R"({"outcome":"here"})"));
}

TEST(Rank, IsByEpochThenByName) {
  EXPECT_LT((Rank{1, "b"}), (Rank{2, "a"}));
  EXPECT_LT((Rank{1, "a"}), (Rank{1, "b"}));
  const Rank rank{0x0123456789abcdef, "gate-1"};
  EXPECT_EQ(read_rank(write(rank)), rank);
  for (const char* terms : {"", "{}", R"({"epoch":"1","node":"a"})", R"({"epoch":"0123456789abcdef"})"})
    EXPECT_FALSE(read_rank(terms)) << terms;
}

TEST(Hello, Arrives) {
  const Hello hello{.node = "g", .boot = "b", .clock = 5, .started = 4, .connections = 3, .wants_answer = true};
  EXPECT_EQ(read_hello(write(hello)), hello);
  EXPECT_FALSE(read_hello(R"({"node":"g"})"));
}

TEST(Wire, WhatIsNestedDeeplyOrLongIsRefusedBeforeItIsRead) {
  for (const std::size_t depth : {6U, 100'000U}) {
    const std::string nest = std::string(depth, '[') + std::string(depth, ']');
    EXPECT_FALSE(read_push_result("{\"outcome\":\"delivered\",\"receipt\":" + nest + "}"));
    EXPECT_FALSE(read_push_result("{\"outcome\":\"delivered\",\"parts\":" + nest + "}"));
    EXPECT_FALSE(read_push_terms("{\"reach\":" + nest + "}"));
    EXPECT_FALSE(read_hello(nest));
  }
  EXPECT_FALSE(read_push_terms("{\"id\":\"" + std::string(100'000, 'A') + "\"}"));
  EXPECT_TRUE(read_close_terms(R"({"code":4000,"reason":"[[[[[[[[\"[["})")) << "brackets of a text are no nesting";
}

}  // namespace
}  // namespace ringgate::cluster
