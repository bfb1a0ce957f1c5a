// POST /v1/devices/{id}/messages, POST /v1/messages:batch and POST /v1/broadcast.
#include <algorithm>
#include <array>
#include <optional>

#include "admin/admin_api.h"
#include "admin/batch.h"
#include "admin/content_type.h"
#include "admin/device_selection.h"
#include "admin/json.h"
#include "admin/message_options.h"
#include "admin/push_answer.h"
#include "admin/sweep_answer.h"
#include "http/byte_class.h"
#include "ws/prepared_message.h"
#include "ws/utf8.h"

namespace ringgate::admin {
namespace {

/// The message type of a request's body; nullopt if its Content-Type names none.
std::optional<MessageType> type_of(const Request& request) {
  return request.content_type ? message_type_of(*request.content_type) : std::nullopt;
}

/// Room for the names, ids and options of a line beside its payload, which base64 makes a third longer.
constexpr std::size_t line_overhead_bytes = 4096;

/// Any of the names that this format goes by, with parameters or without.
bool is_json_lines(const std::optional<std::string>& content_type) {
  if (!content_type) return false;
  const std::string_view type = http::trim(std::string_view(*content_type).substr(0, content_type->find(';')));
  constexpr std::array<std::string_view, 4> names{"application/x-ndjson", "application/ndjson", "application/jsonl",
                                                  "application/jsonlines"};
  return std::ranges::any_of(names, [&](std::string_view name) { return http::equals_ignoring_case(type, name); });
}

bool is_invalid(MessageType type, const Request& request) {
  return type == MessageType::text && !ws::valid_utf8(bytes_of(request.body));
}

/// Of a push that was taken and then did not come as far as somebody waited for: with all that is known.
Answer refuse_with(Refusal refusal, std::string_view device_id, const PushResult& result) {
  const RefusalFacts& facts = facts_of(refusal);
  return {.status = facts.status,
          .content_type = "application/problem+json",
          .body = undelivered_json(facts, device_id, result),
          .extra_fields = facts.extra_fields,
          .refusal = std::nullopt};
}

Answer answer_of(std::string_view device_id, const PushResult& result) {
  if (result.outcome == PushOutcome::delivered) return Answer::json(delivered_json(device_id, result));
  const Refusal refusal = refusal_of(result.outcome);
  return was_taken(result.outcome) ? refuse_with(refusal, device_id, result) : Answer::refuse(refusal);
}

Answer answer_of(const BroadcastResult& result) {
  return result.outcome == BroadcastOutcome::completed ? Answer::json(broadcast_json(result)) : refusal_of(result);
}

}  // namespace

void AdminApi::push_message(Call call) {
  const auto type = type_of(call.request);
  if (!type) return call.responder.refuse(Refusal::content_type);
  const std::string_view id = call.device_id.view();
  auto on_result = [responder = call.responder, id = std::string(id)](const PushResult& result) {
    responder.answer(answer_of(id, result));
  };
  if (is_invalid(*type, call.request)) return push_service_.refuse_push(PushOutcome::invalid_utf8, std::move(on_result));
  ws::MessageRef message = ws::MessageRef::encode(*type, bytes_of(call.request.body));
  const bool is_plain = !may_have_message_options(call.request);
  if (is_plain && !call.caller.depends_on_connection()) [[likely]]
    return push_service_.push(id, std::move(message), std::move(on_result));
  const auto options = is_plain ? PushOptions{} : read_message_options(call.request);
  if (!options) return call.responder.refuse(options.error());
  push_service_.push(id, std::move(message), *options, reach_of(call.caller), std::move(on_result));
}

void AdminApi::push_batch(Call call) {
  if (call.request.is_encoded) return call.responder.refuse(Refusal::content_encoding);
  if (!is_json_lines(call.request.content_type)) return call.responder.refuse(Refusal::content_type_lines);
  call.responder.answer(Answer::streamed(
      "application/x-ndjson",
      std::make_unique<Batch>(push_service_, BatchRules{.prefix = call.caller.prefix,
                                                        .reach = reach_of(call.caller),
                                                        .id_characters = settings_.id_characters,
                                                        .line_bytes_max = 2 * settings_.body_bytes_max + line_overhead_bytes})));
}

void AdminApi::broadcast_message(Call call) {
  const auto parameters = Parameters::read_query(call.request.query, filter_parameters);
  if (!parameters) return call.responder.refuse(Refusal::bad_filter);
  const auto filter = filter_of(*parameters);
  if (!filter) return call.responder.refuse(filter.error());
  send_to_all(call, selection_of(*filter, call.caller));
}

void AdminApi::send_to_all(Call& call, dispatch::Selection selection) {
  const auto type = type_of(call.request);
  if (!type) return call.responder.refuse(Refusal::content_type);
  auto on_result = [responder = call.responder](const BroadcastResult& result) { responder.answer(answer_of(result)); };
  if (is_invalid(*type, call.request))
    return push_service_.refuse_broadcast(BroadcastOutcome::invalid_utf8, std::move(on_result));
  push_service_.broadcast(ws::MessageRef::encode(*type, bytes_of(call.request.body)), std::move(selection), std::move(on_result));
}

}  // namespace ringgate::admin
