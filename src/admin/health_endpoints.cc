// GET /healthz, /readyz and /metrics.
#include "admin/admin_api.h"
#include "admin/metrics.h"

namespace ringgate::admin {
namespace {
constexpr std::string_view plain_text = "text/plain; charset=utf-8";
}

/// Says only that this shard's loop turns. A restart for any other reason would only cause a storm of reconnects.
void AdminApi::show_health(Call call) { call.responder.answer({.content_type = plain_text, .body = "ok\n"}); }

void AdminApi::show_readiness(Call call) {
  if (!gate_.is_ready()) return call.responder.refuse(Refusal::not_ready);
  call.responder.answer({.content_type = plain_text, .body = "ready\n"});
}

void AdminApi::show_metrics(Call call) {
  call.responder.answer({.content_type = metrics_content_type,
                         .body = metrics_text(settings_, gate_, all_counters_, push_service_.now(), services_.events)});
}

}  // namespace ringgate::admin
