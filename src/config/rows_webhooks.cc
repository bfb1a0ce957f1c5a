// Rows of the table of settings: backends that are called ([[webhook]]).
#include <array>
#include <string_view>

#include "base/limits.h"
#include "config/row.h"
#include "config/rows.h"
#include "config/shape.h"

namespace ringgate::config {
namespace {

// In the order of the enumerators in ringgate/config.h.
constexpr std::array<std::string_view, 3> validation_words{"off", "warn", "required"};

using C = Config;
using W = WebhookConfig;
constexpr auto live = Reload::live;

}  // namespace

// clang-format off
std::vector<Key> rows_of_webhooks() {
  return {
    row<&C::webhooks, &W::name>("webhook.name", TextRule{webhook_name},
        "Name of the webhook in routes, logs and metrics."),
    row<&C::webhooks, &W::url>("webhook.url", TextRule{webhook_url},
        "Where events are sent, and where a connect hook asks.", live),
    row<&C::webhooks, &W::events>("webhook.events", ListRule{event_type, 0, 5},
        "Types of events that are sent. Messages are sent from routes whose `upstream` names the webhook.", live),
    row<&C::webhooks, &W::secret_files>("webhook.secret_files", ListRule{file_path, 0, 2},
        "Files with the keys that sign requests: each at least 32 bytes, written as `whsec_BASE64` or as they are. With two, each "
        "request has both signatures, so that a key can be replaced. Empty: nothing is signed.", live),
    row<&C::webhooks, &W::authority_file>("webhook.ca", TextRule{file_path_or_none},
        "PEM file with the authorities that issue the receiver's certificate. Empty: the system's.", live),
    row<&C::webhooks, &W::local_allowed>("webhook.allow_local", FlagRule{},
        "Whether the receiver may have a loopback or link-local address. If not, such addresses are refused after DNS, too.", live),
    row<&C::webhooks, &W::origin>("webhook.origin", TextRule{host_name_or_none},
        "Who sends: the value of `WebHook-Request-Origin`, and, as `//ORIGIN`, each event's `source`. Empty: this machine's name.", live),
    row<&C::webhooks, &W::validation>("webhook.validation", WordRule{validation_words},
        "Whether the receiver is asked by OPTIONS if it agrees to be sent to. `warn`: if it does not, the log says so. `required`: "
        "nothing is sent before it agrees.", live),
    row<&C::webhooks, &W::lanes_count>("webhook.lanes", CountRule{1, limits::webhook_lanes_max},
        "Requests in flight. A device's events have one lane, so they arrive in order. Also the questions of a connect hook in flight."),
    row<&C::webhooks, &W::queue_messages_max>("webhook.queue_messages", CountRule{1, 1'000'000},
        "Events that may wait. Beyond it, the oldest is dropped. Also the questions of a connect hook that may wait.", live),
    row<&C::webhooks, &W::queue_bytes_max>("webhook.queue_bytes", SizeRule{64 * KiB, 4096 * MiB},
        "Memory of events that wait. Beyond it, the oldest is dropped.", live),
    row<&C::webhooks, &W::batch_count_max>("webhook.batch", CountRule{1, 1000},
        "Events in one request. 1: in binary mode. More: in batches, whose answers hold no replies.", live),
    row<&C::webhooks, &W::timeout_ns>("webhook.timeout", DurationRule{100 * ms, minute},
        "How long a request may take, the answer included.", live),
    row<&C::webhooks, &W::retry_min_ns>("webhook.retry_min", DurationRule{10 * ms, hour},
        "Longest wait before the second attempt. It doubles with each further one; the wait is a random part of it.", live),
    row<&C::webhooks, &W::retry_max_ns>("webhook.retry_max", DurationRule{10 * ms, hour},
        "Longest wait between attempts, but for a receiver that asks for more with `Retry-After`, at most an hour.", live),
    row<&C::webhooks, &W::attempts_max>("webhook.max_attempts", CountRule{1, 1000},
        "Attempts to deliver an event; then it is dropped.", live),
    row<&C::webhooks, &W::age_max_ns>("webhook.max_age", DurationRule{s, 24 * hour},
        "How old an event may be when it is tried once more; then it is dropped.", live),
    row<&C::webhooks, &W::flush_ns>("webhook.flush", DurationRule{0, minute},
        "How long the gate's end waits for events that are queued.", live),
  };
}
// clang-format on

}  // namespace ringgate::config
