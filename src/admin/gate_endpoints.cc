// POST /v1/reload, GET /v1/stats and GET /v1/openapi.yaml.
#include "admin/admin_api.h"
#include "admin/json.h"
#include "admin/openapi.h"
#include "admin/stats.h"

namespace ringgate::admin {
namespace {

Answer answer_of(const std::expected<ReloadReport, StartError>& outcome) {
  if (outcome) return Answer::json(reload_json(*outcome));
  const bool is_bad = outcome.error().exit_code == ExitCode::bad_configuration;
  return {.status = static_cast<std::uint16_t>(is_bad ? 422 : 500),
          .content_type = "application/problem+json",
          .body = reload_problem_json(outcome.error(), is_bad ? 422 : 500)};
}

}  // namespace

/// One reload at a time: others wait for it, but not too many.
void AdminApi::reload(Call call) {
  if (services_.off_shard == nullptr || services_.reload == nullptr) return call.responder.refuse(Refusal::unavailable);
  const auto work = [reload = services_.reload] { return answer_of((*reload)()); };
  if (!services_.off_shard->post(services_.shard, call.responder, work)) call.responder.refuse(Refusal::reload_busy);
}

void AdminApi::show_stats(Call call) {
  call.responder.answer(Answer::json(stats_json(settings_, gate_, all_counters_, push_service_.now(), services_.events)));
}

void AdminApi::show_openapi(Call call) {
  call.responder.answer({.content_type = openapi_content_type, .body = std::string(openapi_text())});
}

}  // namespace ringgate::admin
