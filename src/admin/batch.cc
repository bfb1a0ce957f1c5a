#include "admin/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "admin/json.h"
#include "admin/push_answer.h"
#include "base/limits.h"

namespace ringgate::admin {
namespace {

/// Results are written in pieces of at least so much, or at the end of a turn.
constexpr std::size_t piece_bytes = 16 * 1024;

void append_head(std::string& out, std::uint64_t line, const std::optional<std::string>& id) {
  fmt::format_to(std::back_inserter(out), R"({{"line":{},)", line);
  if (id) fmt::format_to(std::back_inserter(out), R"("id":{},)", *id);
}

void append_refusal(std::string& out, std::uint64_t line, const std::optional<std::string>& id, Refusal refusal) {
  const RefusalFacts& facts = facts_of(refusal);
  append_head(out, line, id);
  fmt::format_to(std::back_inserter(out), "\"status\":{},\"reason\":\"{}\"}}\n", facts.status, facts.reason);
}

void append_result(std::string& out, std::uint64_t line, const std::optional<std::string>& id, const PushResult& result) {
  const bool is_delivered = result.outcome == PushOutcome::delivered;
  const Refusal refusal = refusal_of(result.outcome);
  if (!is_delivered && !was_taken(result.outcome)) return append_refusal(out, line, id, refusal);
  append_head(out, line, id);
  if (is_delivered) out += "\"status\":200,";
  else
    fmt::format_to(std::back_inserter(out), "\"status\":{},\"reason\":\"{}\",", facts_of(refusal).status,
                   facts_of(refusal).reason);
  append_push_members(out, result);
  out += "}\n";
}

}  // namespace

Batch::Batch(dispatch::PushService& pushes, BatchRules rules) : pushes_(pushes), rules_(std::move(rules)) {}
Batch::~Batch() = default;

void Batch::on_open(const StreamPort& port) { port_ = port; }

void Batch::on_input(ByteView bytes) {
  if (is_finished_) return;
  input_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  read_lines();
}

void Batch::on_input_end() {
  input_ended_ = true;
  read_lines();
}

bool Batch::on_turn() {
  read_lines();
  return lacks_room_ && !is_finished_;
}

/// What has not begun is not served. The caller sees that by the missing summary.
void Batch::on_drain() {
  if (is_finished_) return;
  append_refusal(results_->waiting, lines_count_ + 1, {}, Refusal::stopping);
  flush();
  is_finished_ = true;
  port_.finish();
}

/// Begins as many lines as may be under way.
void Batch::read_lines() {
  if (is_finished_) return;
  const auto may_begin = [&] {
    return results_->open_count < limits::batch_lines_open_max && results_->waiting.size() < port_.room() && !is_finished_;
  };
  bool has_lines = true;
  while (has_lines && may_begin()) {
    has_lines = take_line();
    if (results_->waiting.size() >= piece_bytes) flush();
  }
  input_.erase(0, std::exchange(read_bytes_, 0));
  flush();
  lacks_room_ = has_lines && results_->open_count < limits::batch_lines_open_max;
  if (!is_finished_) {
    if (has_lines) port_.pause_input();
    else port_.read_on();
  }
  if (!has_lines) finish_if_done();
}

/// False if no whole line is there.
bool Batch::take_line() {
  const std::string_view unread = std::string_view(input_).substr(read_bytes_);
  const std::size_t end = unread.find('\n', searched_bytes_);
  const bool is_last = end == std::string_view::npos && input_ended_ && !unread.empty();
  std::string_view line = unread.substr(0, end);
  if (line.size() > rules_.line_bytes_max && !skips_line_) {
    ++lines_count_;
    refuse_line(Refusal::line_too_long);
    skips_line_ = true;
  }
  if (end == std::string_view::npos && !is_last) {
    if (skips_line_) read_bytes_ = input_.size();
    searched_bytes_ = input_.size() - read_bytes_;
    return false;
  }
  read_bytes_ += std::min(line.size() + 1, unread.size());
  searched_bytes_ = 0;
  if (!skips_line_) {
    if (++lines_count_ > limits::batch_lines_max) {
      refuse_line(Refusal::batch_too_long);
      flush();
      is_finished_ = true;
      port_.finish();
      return false;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    push(line);
  }
  skips_line_ = false;
  return true;
}

void Batch::push(std::string_view text) {
  auto line = read_push_line(text, rules_.id_characters);
  if (!line) return refuse_line(line.error().refusal, line.error().id);
  if (!line->device_id.starts_with(rules_.prefix)) return refuse_line(Refusal::not_covered, line->id);
  ++results_->open_count;
  auto on_result = [results = results_, number = lines_count_, id = std::move(line->id)](const PushResult& result) {
    --results->open_count;
    if (result.outcome == PushOutcome::delivered) ++results->delivered_count;
    append_result(results->waiting, number, id, result);
  };
  ws::MessageRef message = ws::MessageRef::encode(line->type, bytes_of(line->payload));
  pushes_.push(line->device_id, std::move(message), line->options, rules_.reach, std::move(on_result));
}

void Batch::refuse_line(Refusal refusal, const std::optional<std::string>& id) {
  append_refusal(results_->waiting, lines_count_, id, refusal);
}

void Batch::flush() {
  if (results_->waiting.empty()) return;
  port_.write(bytes_of(results_->waiting));
  results_->waiting.clear();
}

void Batch::finish_if_done() {
  if (is_finished_ || !input_ended_ || results_->open_count > 0) return;
  if (lines_count_ == 0) append_refusal(results_->waiting, 0, {}, Refusal::batch_empty);
  else
    fmt::format_to(std::back_inserter(results_->waiting), "{{\"lines\":{},\"delivered\":{}}}\n", lines_count_,
                   results_->delivered_count);
  flush();
  is_finished_ = true;
  port_.finish();
}

}  // namespace ringgate::admin
