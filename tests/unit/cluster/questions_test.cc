#include "cluster/questions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ringgate::cluster {
namespace {

constexpr DurationNs ms = nanoseconds_per_millisecond;

class QuestionsTest : public testing::Test {
 protected:
  /// Asks, and notes the answer as "NAME=answer".
  void ask(const std::string& about, const std::string& name) {
    questions.ask(about, {.subject = "s." + about, .act = "t", .terms = {}, .body = name}, now, 250 * ms,
                  [this, name](const Answer& answer) {
                    constexpr const char* words[] = {"answered", "nobody", "unsent", "too_large", "overdue"};
                    answers.push_back(name + "=" + words[static_cast<int>(answer.kind)] +
                                      (answer.body.empty() ? "" : ":" + std::string(answer.body)));
                  });
  }
  void nobody(std::uint64_t number) { questions.on_answer(number, {.subject = {}, .nobody_listens = true}, now); }
  void reply(std::uint64_t number, const std::string& body) { questions.on_answer(number, {.subject = {}, .body = body}, now); }
  void wait(DurationNs time) {
    now += time;
    questions.run(now);
  }

  using Texts = std::vector<std::string>;
  bool is_up = true;
  TimeNs now = 1'000 * ms;
  Texts sent, answers;
  Questions questions{[this](const Letter& letter) {
                        if (is_up) sent.push_back(letter.body + ">" + letter.answer_to);
                        return is_up ? Sent::sent : Sent::down;
                      },
                      [](std::uint64_t number) { return std::to_string(number); }};
};

TEST_F(QuestionsTest, EachGetsItsOwnAnswer) {
  ask("a", "one");
  ask("b", "two");
  EXPECT_EQ(sent, (Texts{"one>1", "two>2"}));
  reply(2, "yes");
  reply(1, "no");
  EXPECT_EQ(answers, (Texts{"two=answered:yes", "one=answered:no"}));
  reply(1, "again");
  reply(77, "who");
  EXPECT_EQ(answers.size(), 2U);
  EXPECT_EQ(questions.late_answers(), 2U);
  EXPECT_EQ(questions.open_count(), 0U);
  EXPECT_EQ(questions.due_at(), std::nullopt);
}

TEST_F(QuestionsTest, WhereNobodyListensIsAskedOnceMore) {
  ask("a", "one");
  nobody(1);
  EXPECT_TRUE(answers.empty());
  wait(14 * ms);
  EXPECT_EQ(sent.size(), 1U);
  wait(1 * ms);
  EXPECT_EQ(sent, (Texts{"one>1", "one>1"}));
  nobody(1);
  EXPECT_EQ(answers, Texts{"one=nobody"});
  EXPECT_EQ(questions.asked_again(), 1U);
}

TEST_F(QuestionsTest, WhatComesMeanwhileWaitsBehindIt) {
  ask("a", "one");
  nobody(1);
  ask("a", "two");
  ask("b", "other");
  EXPECT_EQ(sent, (Texts{"one>1", "other>3"}));
  wait(15 * ms);
  EXPECT_EQ(sent, (Texts{"one>1", "other>3", "one>1", "two>2"}));
  reply(1, "1");
  reply(2, "2");
  EXPECT_EQ(answers, (Texts{"one=answered:1", "two=answered:2"}));
}

TEST_F(QuestionsTest, NothingIsAskedAgainThatALaterOneMayHaveOvertaken) {
  ask("a", "one");
  ask("a", "two");
  nobody(1);
  EXPECT_EQ(answers, Texts{"one=nobody"}) << "two may find the device, and one must not come behind it";
  nobody(2);
  wait(15 * ms);
  EXPECT_EQ(sent, (Texts{"one>1", "two>2", "two>2"}));
}

TEST_F(QuestionsTest, WhatIsOverdueIsNotKnown) {
  ask("a", "one");
  wait(249 * ms);
  EXPECT_TRUE(answers.empty());
  wait(1 * ms);
  EXPECT_EQ(answers, Texts{"one=overdue"});
  nobody(1);
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(QuestionsTest, WhatIsNotSentIsSaidToBeUnsent) {
  is_up = false;
  ask("a", "one");
  EXPECT_EQ(answers, Texts{"one=unsent"});
  is_up = true;
  ask("a", "two");
  nobody(2);
  is_up = false;
  ask("a", "three");
  wait(15 * ms);
  EXPECT_EQ(answers, (Texts{"one=unsent", "two=unsent", "three=unsent"}));
  EXPECT_EQ(questions.open_count(), 0U);
}

TEST_F(QuestionsTest, AllAreGivenUpAtOnceForWhatIsKnownOfThem) {
  ask("a", "asked");
  ask("b", "met nobody");
  nobody(2);
  ask("b", "behind it");
  questions.give_up_all();
  EXPECT_EQ(answers, (Texts{"asked=overdue", "met nobody=nobody", "behind it=unsent"}));
  wait(15 * ms);
  EXPECT_EQ(answers.size(), 3U);
}

TEST_F(QuestionsTest, ADeadlineComesBeforeASecondTime) {
  ask("a", "one");
  now += 240 * ms;
  nobody(1);
  EXPECT_EQ(answers, Texts{"one=nobody"});
}

TEST_F(QuestionsTest, AGateThatHasLetTheDeviceGoIsNobody) {
  questions.ask(
      "a", {.subject = "s", .body = "one"}, now, 250 * ms,
      [this](const Answer& answer) { answers.push_back("one=" + std::string(answer.body)); },
      [](std::string_view body) { return body == "not here"; });
  reply(1, "not here");
  EXPECT_TRUE(answers.empty());
  wait(15 * ms);
  EXPECT_EQ(sent.size(), 2U);
  reply(1, "done");
  EXPECT_EQ(answers, Texts{"one=done"});
}

TEST_F(QuestionsTest, AnAnswerMayAskTheNextQuestion) {
  questions.ask("a", {.subject = "s", .body = "one"}, now, 250 * ms, [this](const Answer&) { ask("a", "two"); });
  reply(1, "yes");
  EXPECT_EQ(sent, (Texts{"one>1", "two>2"}));
  EXPECT_EQ(questions.open_count(), 1U);
}

}  // namespace
}  // namespace ringgate::cluster
