#include "admin/guard.h"

#include "admin/audit_trail.h"
#include "auth/authorization.h"
#include "base/log.h"

namespace ringgate::admin {

const AccessTable& Guard::table() {
  if (const std::uint64_t version = access_->version(); version != version_) {
    version_ = version;
    table_ = access_->table();
  }
  return *table_;
}

std::expected<CallerRef, Refusal> Guard::identify(const Request& request, const Origin& origin, const Clocks& clocks) {
  if (access_ == nullptr || !table().demands_token())
    return origin.certificate == nullptr ? by_port_ : let_in_by_port(origin.certificate->subject);
  if (request.authorizations_count > 1)
    return refuse(Refusal::authorization_repeated, "authorization_repeated", origin, clocks.now);
  if (request.authorizations_count == 0) return refuse(Refusal::token_missing, "token_missing", origin, clocks.now);
  const auto token = auth::bearer_token(request.authorization);
  if (token) return judge_token(*token, origin, clocks);
  const std::string_view cause = auth::facts_of(token.error()).reason;
  if (token.error() == auth::Fault::scheme_other) return refuse(Refusal::token_missing, cause, origin, clocks.now);
  return judge_token({}, origin, clocks);
}

/// The token is looked up even for a source that must wait, so that the time of the answer tells nothing.
std::expected<CallerRef, Refusal> Guard::judge_token(std::string_view token, const Origin& origin, const Clocks& clocks) {
  auto caller = table().find(token, clocks.unix_seconds);
  const std::uint64_t source = attempts_.source_of(origin.remote.peer);
  const std::uint64_t name = attempts_.name_of(caller ? caller->name : "");
  const bool is_judged = caller ? attempts_.may_enter(source, name, clocks.now) : attempts_.fail(source, clocks.now);
  if (!is_judged) return refuse(Refusal::attempts_limit, "attempts_limit", origin, clocks.now);
  if (!caller) return refuse(Refusal::token_invalid, auth::facts_of(caller.error()).reason, origin, clocks.now);
  remember(source, name, clocks.now);
  return std::make_shared<const Caller>(std::move(*caller));
}

/// Again after a while, because the table may have forgotten.
void Guard::remember(std::uint64_t source, std::uint64_t name, TimeNs now) {
  constexpr DurationNs while_ = 10 * nanoseconds_per_second;
  Remembered& last = remembered_[(source ^ name) % remembered_.size()];
  if (last.source == source && last.name == name && now < last.until) return;
  last = {source, name, now + while_};
  attempts_.remember(source, name, now);
}

CallerRef Guard::let_in_by_port(std::string name) {
  Caller caller;
  caller.name = std::move(name);
  caller.scopes.add(auth::Scope::admin);
  return std::make_shared<const Caller>(std::move(caller));
}

std::unexpected<Refusal> Guard::refuse(Refusal refusal, std::string_view cause, const Origin& origin, TimeNs now) {
  (refusal == Refusal::attempts_limit ? counters_.admin_attempts_limited : counters_.admin_unauthorized).add(1);
  const auto suppressed = log::enabled(log::Level::info) ? logs_.admit(now) : std::nullopt;
  if (suppressed) {
    const std::string remote = origin.remote.peer.text();
    std::vector<log::Field> fields{{"status", facts_of(refusal).status}, {"reason", cause}, {"remote", remote}};
    add_process(fields, origin.remote.process);
    fields.emplace_back("suppressed", *suppressed);
    log::write(log::Level::info, "admin access refused", fields);
  }
  return std::unexpected(refusal);
}

}  // namespace ringgate::admin
