#include "hooks/connect_hook.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "base/log.h"
#include "hooks/connect_exchange.h"
#include "http/byte_class.h"
#include "http/trace_parent.h"

namespace ringgate::hooks {

namespace {

/// Two such fields count as none (W3C Trace Context, section 3.2), and so does a malformed one.
std::string_view trace_parent_of(const UpgradeRequest& request) {
  std::string_view found;
  for (std::size_t i = 0; i < request.fields_count(); ++i) {
    const auto [name, value] = request.field(i);
    if (!http::equals_ignoring_case(name, "traceparent")) continue;
    if (!found.empty()) return {};
    found = value;
  }
  const auto parsed = http::parse_trace_parent(found);
  return parsed ? parsed->known : std::string_view{};
}

}  // namespace

ConnectHook::ConnectHook(const RouteConfig& route, std::size_t webhook, DurationNs deadline, HookThread& thread,
                         WebhookCounters& counters)
    : field_names_(route.connect_hook_fields),
      failure_(route.connect_hook_failure),
      webhook_(webhook),
      deadline_(deadline),
      thread_(thread),
      counters_(counters) {}

UpgradeVerdict ConnectHook::judge(const UpgradeRequest& request) {
  const TimeNs now = monotonic_now();
  const ConnectionRef connection = request.ref();
  Question question{.id = fmt::format("{}-{}", connection.text(), unix_ms_now()),
                    .subject = std::string(request.device_id()),
                    .body = question_of(request, field_names_),
                    .trace_parent = std::string(trace_parent_of(request)),
                    .asked_at = now,
                    .deadline = now + deadline_,
                    .on_answer = [this, connection, id = std::string(request.device_id())](const Answer& answer) {
                      take_answer(connection, id, answer);
                    }};
  if (thread_.ask(webhook_, std::move(question))) return UpgradeLater{};
  UpgradeDecision decision = without_verdict(request.device_id(), 0, "too many questions wait");
  if (auto* const refusal = std::get_if<UpgradeRefusal>(&decision)) return std::move(*refusal);
  return std::get<UpgradeAccept>(std::move(decision));
}

/// Without memory to read the verdict the device is refused, whatever `connect_hook_failure` says: what the backend demands of it is lost.
void ConnectHook::take_answer(ConnectionRef connection, std::string_view device_id, const Answer& answer) {
  try {
    thread_.bring(connection, verdict_of(device_id, answer));
  } catch (const std::bad_alloc&) {
    counters_.questions_failed.add(1);
    UpgradeRefusal refusal{.status = 503, .reason = "no_memory"};  // so short that it needs none
    thread_.bring(connection, std::move(refusal));
  }
}

/// Counts it last: what throws has counted nothing.
UpgradeDecision ConnectHook::verdict_of(std::string_view device_id, const Answer& answer) {
  const bool says_nothing = answer.status == 0 || (answer.status == 200 && answer.body_too_long);
  auto decision = says_nothing ? std::unexpected(HookFault{answer.fault}) : decision_of(answer.status, answer.body);
  if (!decision) {
    const auto [cause, is_of_a_member] = decision.error();
    UpgradeDecision instead =
        is_of_a_member ? UpgradeDecision(refuse_unusable(device_id, cause)) : without_verdict(device_id, answer.status, cause);
    counters_.questions_failed.add(1);
    return instead;
  }
  (std::holds_alternative<UpgradeAccept>(*decision) ? counters_.questions_accepted : counters_.questions_refused_by_hook).add(1);
  return std::move(*decision);
}

UpgradeDecision ConnectHook::without_verdict(std::string_view device_id, int status, std::string_view cause) {
  if (log_limiter_.admit(monotonic_now()))
    log::warning("a connect hook gave no verdict",
                 {{"webhook", counters_.name},
                  {"device_id", device_id},
                  {"status", status},
                  {"cause", cause},
                  {"handshake", failure_ == ConnectHookFailure::allow ? "allowed" : "refused"}});
  if (failure_ == ConnectHookFailure::allow) return UpgradeAccept{};
  return UpgradeRefusal{.status = 503,
                        .reason = "connect_hook_failed",
                        .detail = "The backend that decides who may connect gave no verdict.",
                        .fields = {{"Retry-After", "5"}}};
}

/// Whatever `connect_hook_failure` says: the backend has answered, and what it demands of the connection is lost.
UpgradeRefusal ConnectHook::refuse_unusable(std::string_view device_id, std::string_view cause) {
  if (log_limiter_.admit(monotonic_now()))
    log::error("the verdict of a connect hook cannot be used",
               {{"webhook", counters_.name}, {"device_id", device_id}, {"because", cause}});
  return {.status = 500, .reason = "handler_failed", .detail = "The server could not decide about this device."};
}

}  // namespace ringgate::hooks
