// Who may connect: PUT /v1/devices/{id}/credential, GET, PUT and DELETE /v1/bans/{id}, PUT and DELETE /v1/revocations.
//
// Bans and revocations count from the answer on: a handshake that begins later is refused. Devices that are connected are closed within
// a few turns of their shards.
#include <array>

#include "admin/admin_api.h"
#include "admin/close_refusal.h"
#include "admin/json.h"
#include "admin/parameters.h"
#include "auth/expiry.h"

namespace ringgate::admin {
namespace {

constexpr std::int64_t day = 24 * 3600;
constexpr std::int64_t denial_seconds_max =
    30 * day;  // longer ones belong into the files of credentials, which survive a restart

constexpr std::array<std::string_view, 1> ban_parameters{"for"};
constexpr std::array<std::string_view, 4> revocation_parameters{"device", "token", "issued_before", "for"};
constexpr std::array<std::string_view, 2> credential_parameters{"expires_at", "expires_in"};

/// nullopt: the text is not valid as what it names.
std::optional<std::string> text_of(const Parameters& parameters, std::string_view name) {
  const std::string* const text = parameters.find(name);
  if (text == nullptr) return std::string{};
  return !text->contains('\0') && !text->empty() && text->size() <= 256 ? std::optional(*text) : std::nullopt;
}

}  // namespace

/// Every shard looks at its devices again.
void AdminApi::wake_shards() {
  for (const ring::Ring::Doorbell& doorbell : gate_.doorbells) ring::Ring::wake_from_any_thread(doorbell);
}

void AdminApi::ban_device(Call call) {
  const auto parameters = Parameters::read(call.request, ban_parameters);
  if (!parameters) return call.responder.refuse(parameters.error());
  const auto duration = parameters->seconds("for", denial_seconds_max, day);
  if (!duration) return call.responder.refuse(Refusal::bad_parameters);
  const std::int64_t now = push_service_.wall_clock_seconds();
  const std::int64_t ends_at = now + *duration;
  if (gate_.denied.ban(call.device_id.view(), ends_at, now) == auth::DenialOutcome::full)
    return call.responder.refuse(Refusal::deny_list_full);
  wake_shards();
  call.responder.answer(Answer::json(ban_json(call.device_id.view(), ends_at)));
}

void AdminApi::show_ban(Call call) {
  const auto ends_at = gate_.denied.banned_until(call.device_id.view(), push_service_.wall_clock_seconds());
  if (!ends_at) return call.responder.refuse(Refusal::not_banned);
  call.responder.answer(Answer::json(ban_json(call.device_id.view(), *ends_at)));
}

void AdminApi::lift_ban(Call call) {
  if (!gate_.denied.lift_ban(call.device_id.view())) return call.responder.refuse(Refusal::not_banned);
  call.responder.answer({.status = 204});
}

void AdminApi::revoke(Call call) {
  const auto parameters = Parameters::read(call.request, revocation_parameters);
  if (!parameters) return call.responder.refuse(parameters.error());
  const auto device = text_of(*parameters, "device");
  const auto token = text_of(*parameters, "token");
  const auto issued_before = parameters->moment("issued_before");
  const auto duration = parameters->seconds("for", denial_seconds_max, day);
  const bool names_something = parameters->find("device") || parameters->find("token") || parameters->find("issued_before");
  if (!device || !token || !issued_before || !duration || !names_something) return call.responder.refuse(Refusal::bad_parameters);
  if (!device->empty() && !is_valid_device_id(*device, settings_.id_characters)) return call.responder.refuse(Refusal::bad_id);
  const std::int64_t now = push_service_.wall_clock_seconds();
  // Without a moment, whatever was issued until now is revoked: this second included.
  auth::Revocation revocation{
      .device_id = *device, .token_id = *token, .issued_before = issued_before->value_or(now + 1), .ends_at = now + *duration};
  if (gate_.denied.revoke(revocation, now) == auth::DenialOutcome::full) return call.responder.refuse(Refusal::deny_list_full);
  wake_shards();
  call.responder.answer(Answer::json(revocation_json(revocation)));
}

void AdminApi::lift_revocation(Call call) {
  const auto parameters = Parameters::read(call.request, std::span(revocation_parameters).first(2));
  if (!parameters) return call.responder.refuse(parameters.error());
  const auto device = text_of(*parameters, "device");
  const auto token = text_of(*parameters, "token");
  if (!device || !token) return call.responder.refuse(Refusal::bad_parameters);
  if (!gate_.denied.lift_revocation(*device, *token)) return call.responder.refuse(Refusal::not_revoked);
  call.responder.answer({.status = 204});
}

void AdminApi::extend_credential(Call call) {
  const auto parameters = Parameters::read(call.request, credential_parameters);
  if (!parameters) return call.responder.refuse(parameters.error());
  const bool is_relative = parameters->find("expires_in") != nullptr;
  if (is_relative == (parameters->find("expires_at") != nullptr))
    return call.responder.refuse(Refusal::bad_parameters);  // one of them
  const auto moment = parameters->moment("expires_at");
  const auto duration = parameters->seconds("expires_in", 366 * day, 1);
  if (!moment || !duration) return call.responder.refuse(Refusal::bad_parameters);
  const std::int64_t expires_at = is_relative ? push_service_.wall_clock_seconds() + *duration : **moment;
  const std::string_view id = call.device_id.view();
  push_service_.extend_credential(
      id, expires_at, [responder = call.responder, id = std::string(id), expires_at](const dispatch::CloseResult& result) {
        if (result.outcome == dispatch::CloseOutcome::closed)
          return responder.answer(Answer::json(credential_json(id, expires_at, result)));
        responder.answer(failure_of(result, "extended"));
      });
}

}  // namespace ringgate::admin
