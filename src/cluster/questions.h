// Questions to other gates: each has a number, a deadline, and gets one answer. It decides when "nobody listens" is asked once more.
//
// Interest in a subject spreads between servers in milliseconds, so a question right behind a device's arrival may meet nobody. It is
// asked a second time after `retry_pause`, but not if another question about the same device was sent after it: that one may be
// answered meanwhile, and the first would overtake backwards. What is asked while such a question waits, waits behind it.
//
// A gate that has let the device go a moment ago may be the one that hears it. It has done nothing then, and that is like nobody.
// Owner thread; single-threaded.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "cluster/engine.h"

namespace ringgate::cluster {

enum class AnswerKind : std::uint8_t {
  answered,
  nobody,     // no gate listens
  unsent,     // the engine is down: it was not asked
  too_large,  // the engine takes no letter of this size: likewise
  overdue,    // it was asked, and what became of it is not known
};

struct Answer {
  AnswerKind kind = AnswerKind::overdue;
  std::string_view body;  // of the answer; borrowed for the call
};

/// Runs exactly once.
using OnAnswer = std::move_only_function<void(const Answer&)>;

class Questions {
 public:
  static constexpr DurationNs retry_pause = 15 * nanoseconds_per_millisecond;

  using Send = std::function<Sent(const Letter&)>;                  // see Engine::send
  using AnswerSubject = std::function<std::string(std::uint64_t)>;  // of a number

  Questions(Send send, AnswerSubject answer_subject) : send_(std::move(send)), answer_subject_(std::move(answer_subject)) {}

  /// Whether the body of an answer says that its gate has no such device, and did nothing.
  using IsNobody = bool (*)(std::string_view body);

  /// `about`: the device, for the order of questions. `is_nobody` may be null: every answer is one.
  void ask(const std::string& about, Letter letter, TimeNs now, DurationNs patience, OnAnswer on_answer,
           IsNobody is_nobody = nullptr);
  void on_answer(std::uint64_t number, const Letter& letter, TimeNs now);
  /// Gives up what is overdue and asks again what is due.
  void run(TimeNs now);
  /// All that is open is answered: overdue if it was sent, else unsent.
  void give_up_all();

  std::size_t open_count() const { return open_.size(); }
  std::optional<TimeNs> due_at() const;

  std::uint64_t late_answers() const { return late_answers_; }
  std::uint64_t asked_again() const { return asked_again_; }

 private:
  struct Question {
    std::string about;
    Letter letter;
    OnAnswer on_answer;
    IsNobody is_nobody = nullptr;
    TimeNs deadline = 0;
    bool is_sent = false;  // and its answer may come
    bool is_second = false;
  };
  // Of one device, while anything is open.
  struct Line {
    std::deque<std::uint64_t> waiting;  // the first one waits to be asked again, others behind it
    std::uint64_t last_sent = 0;
    std::size_t open = 0;
  };

  void send(std::uint64_t number);
  void give_up(std::uint64_t number);
  void finish(std::uint64_t number, const Answer& answer);
  void drain(const std::string& about);

  Send send_;
  AnswerSubject answer_subject_;
  std::unordered_map<std::uint64_t, Question> open_;
  std::unordered_map<std::string, Line> lines_;
  std::set<std::pair<TimeNs, std::uint64_t>> deadlines_;
  std::set<std::pair<TimeNs, std::uint64_t>> retries_;
  std::uint64_t next_number_ = 1;
  std::uint64_t late_answers_ = 0;
  std::uint64_t asked_again_ = 0;
};

}  // namespace ringgate::cluster
