#include "cluster/questions.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ringgate::cluster {

void Questions::ask(const std::string& about, Letter letter, TimeNs now, DurationNs patience, OnAnswer on_answer,
                    IsNobody is_nobody) {
  const std::uint64_t number = next_number_++;
  letter.answer_to = answer_subject_(number);
  Question& question = open_[number];
  question = {.about = about,
              .letter = std::move(letter),
              .on_answer = std::move(on_answer),
              .is_nobody = is_nobody,
              .deadline = now + patience};
  deadlines_.emplace(question.deadline, number);
  Line& line = lines_[about];
  ++line.open;
  if (!line.waiting.empty()) return line.waiting.push_back(number);
  send(number);
}

void Questions::send(std::uint64_t number) {
  Question& question = open_.at(number);
  lines_.at(question.about).last_sent = number;
  question.is_sent = true;
  const Sent sent = send_(question.letter);
  if (sent != Sent::sent) finish(number, {sent == Sent::too_large ? AnswerKind::too_large : AnswerKind::unsent, {}});
}

void Questions::on_answer(std::uint64_t number, const Letter& letter, TimeNs now) {
  const auto found = open_.find(number);
  if (found == open_.end() || !found->second.is_sent) {
    ++late_answers_;
    return;
  }
  Question& question = found->second;
  if (!letter.nobody_listens && (question.is_nobody == nullptr || !question.is_nobody(letter.body)))
    return finish(number, {AnswerKind::answered, letter.body});
  Line& line = lines_.at(question.about);
  const bool may_ask_again = !question.is_second && line.last_sent == number && now + retry_pause < question.deadline;
  if (!may_ask_again) return finish(number, {AnswerKind::nobody, {}});
  question.is_second = true;
  question.is_sent = false;
  line.waiting.push_front(number);
  retries_.emplace(now + retry_pause, number);
}

void Questions::run(TimeNs now) {
  while (!retries_.empty() && retries_.begin()->first <= now) {
    const std::uint64_t number = retries_.begin()->second;
    retries_.erase(retries_.begin());
    const auto found = open_.find(number);
    if (found == open_.end()) continue;
    ++asked_again_;
    const std::string about = found->second.about;
    lines_.at(about).waiting.pop_front();
    send(number);
    drain(about);
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const std::uint64_t number = deadlines_.begin()->second;
    give_up(number);
  }
}

/// Answers it by what is known of it.
void Questions::give_up(std::uint64_t number) {
  const Question& question = open_.at(number);
  // What waits to be asked a second time has met nobody the first time.
  finish(number, {question.is_sent ? AnswerKind::overdue : question.is_second ? AnswerKind::nobody : AnswerKind::unsent, {}});
}

/// Sends what waited behind a question that waits no more.
void Questions::drain(const std::string& about) {
  const auto line = lines_.find(about);
  if (line == lines_.end()) return;
  const std::deque<std::uint64_t> waiting = std::exchange(line->second.waiting, {});
  for (const std::uint64_t number : waiting)
    if (open_.contains(number)) send(number);
}

void Questions::finish(std::uint64_t number, const Answer& answer) {
  const auto found = open_.find(number);
  Question question = std::move(found->second);
  open_.erase(found);
  deadlines_.erase({question.deadline, number});
  const auto line = lines_.find(question.about);
  bool unblocks = false;
  if (const auto waits = std::ranges::find(line->second.waiting, number); waits != line->second.waiting.end()) {
    unblocks = waits == line->second.waiting.begin();
    line->second.waiting.erase(waits);
    std::erase_if(retries_, [number](const auto& retry) { return retry.second == number; });
  }
  if (--line->second.open == 0) lines_.erase(line);
  else if (unblocks) drain(question.about);
  question.on_answer(answer);
}

void Questions::give_up_all() {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(open_.size());
  for (const auto& [number, question] : open_) numbers.push_back(number);
  std::ranges::sort(numbers);
  retries_.clear();
  for (auto& [about, line] : lines_) line.waiting.clear();
  for (const std::uint64_t number : numbers) give_up(number);
}

std::optional<TimeNs> Questions::due_at() const {
  if (deadlines_.empty()) return std::nullopt;
  TimeNs due = deadlines_.begin()->first;
  if (!retries_.empty()) due = std::min(due, retries_.begin()->first);
  return due;
}

}  // namespace ringgate::cluster
