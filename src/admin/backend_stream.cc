#include "admin/backend_stream.h"

#include <algorithm>

#include "admin/device_selection.h"
#include "admin/json.h"
#include "admin/message_options.h"
#include "admin/push_answer.h"
#include "admin/query_number.h"
#include "events/event_json.h"
#include "events/stream_format.h"
#include "ws/frame_writer.h"
#include "ws/utf8.h"
#include "ws/violation.h"

namespace ringgate::admin {
namespace {

constexpr std::size_t line_bytes_max = 16 * 1024;
constexpr std::size_t push_id_bytes_max = 128;
constexpr std::size_t pushes_awaited_max = 1024;
constexpr std::uint64_t credits_max = std::uint64_t{1} << 50;

const FlatMember* find_member(const std::vector<FlatMember>& members, std::string_view name) {
  const auto found = std::ranges::find(members, name, &FlatMember::name);
  return found == members.end() ? nullptr : &*found;
}

const std::string* find(const std::vector<FlatMember>& members, std::string_view name) {
  const FlatMember* const member = find_member(members, name);
  return member == nullptr ? nullptr : &member->value;
}

std::string result_of(std::string_view id) { return std::string(R"({"type":"result","id":)").append(id); }

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  events::append_json_string(out, text);
}

}  // namespace

BackendStream::BackendStream(Parts parts)
    : parts_(std::move(parts)),
      reach_(reach_of(parts_.caller)),
      frames_(2 * (parts_.push_bytes_max + line_bytes_max) + 1024 * 1024),
      rules_{.message_bytes_max = parts_.push_bytes_max + line_bytes_max, .fragments_max = 1024},
      notes_({"backend stream begins", "backend stream ends"}, parts_.caller.name, parts_.remote) {}

BackendStream::~BackendStream() {
  frames_.abandon(partial_);
  answers_->port = {};
  if (reader_ == nullptr) {
    parts_.hub.release_reader();
  } else {
    reader_->close();
    parts_.hub.look_at_readers();
  }
  notes_.end("caller_gone");
}

void BackendStream::on_open(const StreamPort& port) {
  port_ = answers_->port = port;
  heard_at_ = port.now();
  judge_silence();
  notes_.begin();
}

// -- Frames

void BackendStream::on_input(ByteView bytes) {
  if (notes_.has_ended()) return;
  heard_at_ = port_.now();
  pinged_at_ = 0;
  input_.resize(bytes.size() + limits::buffer_slack_bytes);
  std::ranges::copy(bytes, input_.begin());
  MutableBytes rest(input_.data(), bytes.size());
  while (!rest.empty() && !notes_.has_ended()) {
    ws::Event event = frames_.next(rest, partial_, rules_);
    const bool goes_on = handle(event);
    frames_.recycle(event.assembled);
    if (!goes_on) return;
  }
  hold_input_if_needed();
}

/// False if nothing more may be read.
bool BackendStream::handle(ws::Event& event) {
  switch (event.kind) {
    case ws::EventKind::need_more: return false;
    case ws::EventKind::message: on_message(event.payload); return !notes_.has_ended();
    case ws::EventKind::ping: port_.write(ws::encode_pong(event.payload).view()); return true;
    case ws::EventKind::pong: return true;
    case ws::EventKind::close:
      port_.write(ws::encode_close(event.close_code, {}).view());
      notes_.end("closed_by_caller");
      port_.finish();
      return false;
    case ws::EventKind::violation: {
      const ws::ViolationFacts& facts = ws::facts_of(event.violation);
      close(facts.close_code, facts.reason);
      return false;
    }
  }
  return false;
}

/// A message is one line of JSON; what follows its LF is the payload.
void BackendStream::on_message(ByteView message) {
  const std::string_view text = text_of(message);
  const std::size_t line_bytes = std::min(text.find('\n'), text.size());
  const auto members = line_bytes <= line_bytes_max ? flat_members(text.substr(0, line_bytes)) : std::nullopt;
  const std::string* const type = members ? find(*members, "type") : nullptr;
  if (type == nullptr)
    return close(CloseCode::policy_violation,
                 "a message begins with a flat JSON object: a type, texts, and whole numbers up to 2^53");
  if (*type == "push") return on_push(*members, message.subspan(std::min(line_bytes + 1, message.size())));
  if (*type == "credit") {
    const std::string* const bytes = find(*members, "bytes");
    return on_credit(bytes == nullptr ? std::string_view{} : *bytes);
  }
  close(CloseCode::policy_violation, "the type of the message is not known");
}

void BackendStream::close(CloseCode code, std::string_view reason) {
  port_.write(ws::encode_close(code, reason).view());
  notes_.end(reason);
  port_.finish();
}

// -- Events down

void BackendStream::on_credit(std::string_view bytes_text) {
  const auto bytes = parse_number(bytes_text);
  if (!bytes || *bytes == 0 || *bytes > credits_max) return close(CloseCode::policy_violation, "a credit is a number of bytes");
  credits_ = std::min(credits_ + *bytes, credits_max);
  if (reader_ == nullptr) begin_reading();
  grant();
}

/// From now on, or behind Last-Event-ID. Its window is what `grant` gives.
void BackendStream::begin_reading() {
  parts_.reader.window_bytes = 0;
  parts_.reader.format = &events::stream_format();
  parts_.reader.heartbeat = 0;  // `judge_silence` pings
  if (!parts_.reader.start) parts_.reader.start = parts_.hub.log().at_end();
  reader_ = std::make_shared<events::EventReader>(parts_.reader);
  parts_.hub.add_reader(reader_);
}

void BackendStream::grant() {
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(credits_, room_));
  if (bytes == 0 || reader_ == nullptr) return;
  credits_ -= bytes;
  room_ -= bytes;
  if (reader_->grant(bytes)) parts_.hub.look_at_readers();
}

/// What has left the connection makes room again.
void BackendStream::settle() {
  const std::size_t room = port_.room();
  const std::size_t queued = room >= window_bytes ? 0 : window_bytes - room;
  if (outstanding_bytes_ <= queued) return;
  room_ += outstanding_bytes_ - queued;
  outstanding_bytes_ = queued;
  grant();
}

bool BackendStream::on_turn() {
  if (notes_.has_ended()) return false;
  judge_silence();
  if (notes_.has_ended()) return false;
  if (outstanding_bytes_ != 0) settle();
  if (const auto taken = reader_ == nullptr ? std::nullopt : reader_->take()) {
    port_.write(bytes_of(taken->bytes));
    outstanding_bytes_ += taken->charged_bytes;
    if (!taken->end_reason.empty()) {
      notes_.cut(taken->end_reason);
      close(CloseCode::try_again_later, taken->end_reason);
      return false;
    }
  }
  hold_input_if_needed();
  return outstanding_bytes_ > window_bytes / 2 || port_.room() == 0;
}

/// A backend whose input is held cannot be heard, and one that has output waiting could not hear the ping: limits.send_timeout judges it.
void BackendStream::judge_silence() {
  const TimeNs now = port_.now();
  if (now < silence_judged_at_) return;
  if (holds_input_ || port_.room() < window_bytes) {
    heard_at_ = now;
    pinged_at_ = 0;
  }
  if (pinged_at_ != 0 && now - pinged_at_ >= parts_.silence_max) {
    parts_.hub.reader_counters().cut_silent.fetch_add(1, std::memory_order_relaxed);
    notes_.cut("no pong");
    return close(CloseCode::no_pong, "no pong");
  }
  if (pinged_at_ == 0 && now - heard_at_ >= parts_.silence_max) {
    pinged_at_ = now;
    port_.write(ws::encode_ping({}).view());
  }
  silence_judged_at_ = (pinged_at_ != 0 ? pinged_at_ : heard_at_) + parts_.silence_max;
  port_.wake_at(silence_judged_at_);
}

// -- Pushes up

/// A backend that does not read its answers, or sends faster than devices are reached, is not read from.
void BackendStream::hold_input_if_needed() {
  const bool must_hold = answers_->awaited >= pushes_awaited_max || port_.room() == 0;
  if (must_hold == holds_input_) return;
  holds_input_ = must_hold;
  if (must_hold) port_.pause_input();
  else port_.read_on();
}

void BackendStream::on_push(const Members& members, ByteView payload) {
  const FlatMember* const given_id = find_member(members, "id");
  const std::string* const device = find(members, "device");
  const std::string* const kind = find(members, "kind");
  if (given_id == nullptr || given_id->value.empty() || given_id->value.size() > push_id_bytes_max)
    return close(CloseCode::policy_violation, "a push has an id: a text of 1 to 128 bytes, or a whole number");
  std::string id = json_of(*given_id);
  const std::string_view to = device == nullptr ? std::string_view{} : *device;
  if (!is_valid_device_id(to, parts_.id_characters)) return answers_->refuse(id, to, Refusal::bad_id);
  if (kind != nullptr && *kind != "text" && *kind != "binary") return answers_->refuse(id, to, "bad_kind");
  if (!parts_.caller.may(auth::Scope::push)) return answers_->refuse(id, to, Refusal::scope);
  if (!parts_.caller.covers_id(to)) return answers_->refuse(id, to, Refusal::not_covered);
  PushOptions options;
  for (std::size_t i = 0; i < line_options.size(); ++i)
    if (const std::string* const value = find(members, line_options[i]))
      if (const auto refusal = set_line_option(options, i, *value)) return answers_->refuse(id, to, *refusal);
  const MessageType type = kind != nullptr && *kind == "binary" ? MessageType::binary : MessageType::text;
  ++answers_->awaited;
  auto on_result = [answers = answers_, id = std::move(id), device = *device](const PushResult& result) {
    answers->finish(id, device, result);
  };
  if (type == MessageType::text && !ws::valid_utf8(payload))
    return parts_.push_service.refuse_push(PushOutcome::invalid_utf8, std::move(on_result));
  parts_.push_service.push(*device, ws::MessageRef::encode(type, payload), options, reach_, std::move(on_result));
}

void BackendStream::Answers::write(std::string_view json) const {
  std::string frame;
  (void)events::append_stream_message(frame, json);
  port.write(bytes_of(frame));
}

void BackendStream::Answers::finish(std::string_view id, std::string_view device, const PushResult& result) {
  --awaited;
  const bool is_delivered = result.outcome == PushOutcome::delivered;
  if (!is_delivered && !was_taken(result.outcome)) return refuse(id, device, refusal_of(result.outcome));
  std::string json = result_of(id);
  append_member(json, "status", is_delivered ? "delivered" : facts_of(refusal_of(result.outcome)).reason);
  append_member(json, "device", device);
  json += ',';
  append_push_members(json, result);
  json += '}';
  write(json);
}

void BackendStream::Answers::refuse(std::string_view id, std::string_view device, Refusal refusal) const {
  refuse(id, device, facts_of(refusal).reason);
}

void BackendStream::Answers::refuse(std::string_view id, std::string_view device, std::string_view reason) const {
  std::string json = result_of(id);
  append_member(json, "status", reason);
  append_member(json, "device", device);
  json += '}';
  write(json);
}

// -- The end

void BackendStream::on_stalled() {
  parts_.hub.reader_counters().cut_stalled.fetch_add(1, std::memory_order_relaxed);
  notes_.cut("stalled");
}

void BackendStream::on_drain() {
  std::string end;
  (void)events::stream_format().end(end, "stopping");
  port_.write(bytes_of(end));
  close(CloseCode::going_away, "stopping");
}

}  // namespace ringgate::admin
