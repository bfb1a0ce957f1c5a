// GET and DELETE /v1/devices/{id}, DELETE /v1/devices, POST /v1/devices:presence.
#include <array>

#include "admin/admin_api.h"
#include "admin/close_refusal.h"
#include "admin/device_selection.h"
#include "admin/json.h"
#include "admin/query_number.h"
#include "admin/sweep_answer.h"
#include "base/limits.h"
#include "http/uri.h"
#include "ws/utf8.h"

namespace ringgate::admin {
namespace {

using Presence = http::QueryParameter::Presence;

// Close codes that a backend may use: the part of the private range (RFC 6455 section 7.4.2) without the gate's own codes.
constexpr NumberRange close_codes{.lowest = 4000, .highest = 4099, .otherwise = 4000};

/// The close reason in a query; nullopt if a Close frame cannot hold it.
std::optional<std::string> close_reason_of(std::string_view query) {
  const http::QueryParameter parameter = http::query_parameter(query, "reason");
  if (parameter.presence == Presence::conflicting) return std::nullopt;
  std::string reason(parameter.value.size(), '\0');
  const auto size = http::percent_decode(parameter.value, reason);
  if (!size || *size > limits::close_reason_bytes_max) return std::nullopt;
  reason.resize(*size);
  return ws::valid_utf8(bytes_of(reason)) ? std::optional(std::move(reason)) : std::nullopt;
}

}  // namespace

void AdminApi::show_device(Call call) {
  constexpr std::array<std::string_view, 1> known{"link"};
  const auto parameters = Parameters::read_query(call.request.query, known, Parameters::Others::ignored);
  const auto with_link = parameters ? parameters->flag("link") : std::nullopt;
  if (!with_link) return call.responder.refuse(Refusal::bad_parameters);
  const auto detail = *with_link ? dispatch::Detail::link : dispatch::Detail::record;
  const device::IdKey key = gate_.hash(call.device_id.view());
  push_service_.describe(call.device_id.view(), detail, [this, key, responder = call.responder](dispatch::DescribeResult result) {
    switch (result.outcome) {
      case dispatch::DescribeOutcome::found: return responder.answer(Answer::json(device_json(*result.device)));
      case dispatch::DescribeOutcome::unknown_device: return answer_absent(key, responder);
      case dispatch::DescribeOutcome::unavailable: return responder.refuse(Refusal::unavailable);
    }
  });
}

/// 404, with how it left if that is known.
void AdminApi::answer_absent(device::IdKey key, const Responder& responder) {
  const auto departure = gate_.departed.find(key);
  if (!departure) return responder.refuse(Refusal::unknown_device);
  responder.answer({.status = facts_of(Refusal::unknown_device).status,
                    .content_type = "application/problem+json",
                    .body = departed_json(*departure)});
}

/// Of those that the caller covers. Without a filter nobody is closed.
void AdminApi::close_devices(Call call) {
  constexpr std::array<std::string_view, 5> known{"prefix", "group", "route", "code", "reason"};
  const auto parameters = Parameters::read_query(call.request.query, known);
  if (!parameters) return call.responder.refuse(Refusal::bad_filter);
  const auto filter = filter_of(*parameters);
  if (!filter) return call.responder.refuse(filter.error());
  if (filter->empty()) return call.responder.refuse(Refusal::bad_filter);
  const auto code = query_number(call.request.query, "code", close_codes);
  if (!code) return call.responder.refuse(Refusal::bad_code);
  auto reason = close_reason_of(call.request.query);
  if (!reason) return call.responder.refuse(Refusal::bad_reason);
  push_service_.sweep({.act = dispatch::Sweep::Act::close,
                       .selection = selection_of(*filter, call.caller),
                       .message = {},
                       .code = static_cast<CloseCode>(*code),
                       .reason = std::move(*reason)},
                      [responder = call.responder](const BroadcastResult& result) {
                        if (result.outcome != BroadcastOutcome::completed) return responder.answer(refusal_of(result));
                        responder.answer(Answer::json(closed_json(result)));
                      });
}

/// The map alone is asked: no shard is, unless the caller's reach depends on connections.
void AdminApi::show_presence(Call call) {
  if (call.request.is_encoded) return call.responder.refuse(Refusal::content_encoding);
  if (!is_json(call.request.content_type)) return call.responder.refuse(Refusal::content_type_json);
  auto ids = text_list(call.request.body, limits::listed_devices_max);
  if (!ids || ids->empty()) return call.responder.refuse(Refusal::bad_list);
  if (ids->size() > limits::listed_devices_max) return call.responder.refuse(Refusal::list_too_long);
  for (const std::string& id : *ids) {
    if (!is_valid_device_id(id, settings_.id_characters)) return call.responder.refuse(Refusal::bad_id);
    if (!call.caller.covers_id(id)) return call.responder.refuse(Refusal::not_covered);
  }
  if (call.caller.depends_on_connection()) return show_presence_of_covered(call, std::move(*ids));
  std::string body = R"({"devices":[)";
  for (const std::string& id : *ids) {
    const device::IdKey key = gate_.hash(id);
    const auto owner = push_service_.map().find(key);
    if (body.back() != '[') body += ',';
    body += presence_json(id, owner ? std::optional(dispatch::to_public(*owner)) : std::nullopt,
                          owner ? std::nullopt : gate_.departed.find(key));
  }
  call.responder.answer(Answer::json(body += "]}"));
}

void AdminApi::close_device(Call call) {
  const auto code = query_number(call.request.query, "code", close_codes);
  if (!code) return call.responder.refuse(Refusal::bad_code);
  auto reason = close_reason_of(call.request.query);
  if (!reason) return call.responder.refuse(Refusal::bad_reason);
  push_service_.close_device(call.device_id.view(), static_cast<CloseCode>(*code), std::move(*reason),
                             [responder = call.responder](const dispatch::CloseResult& result) {
                               if (result.outcome == dispatch::CloseOutcome::closed) return responder.answer({.status = 204});
                               responder.answer(failure_of(result, "closed"));
                             });
}

}  // namespace ringgate::admin
