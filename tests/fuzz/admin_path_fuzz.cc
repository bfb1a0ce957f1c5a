// From the target of an admin request to its endpoint. Oracles: the endpoint called, the device id it gets, or the
// refusal, = a slow reference that splits the path and decodes; an id written with every byte escaped is the same id;
// query parameters and the numbers in them = a slow reference.
//
// Input: byte 0 = method (bits 0-2) and fields (bit 4 Content-Encoding, bit 5 no Content-Type, bit 6 Origin, bit 7 Upgrade), then the
// request's target.
//
// Tests: src/admin/routes.cc src/admin/device_id_segment.h src/admin/group_segment.h src/admin/query_number.h src/admin/request_reader.* src/admin/content_type.* src/http/uri.* include/ringgate/device_id.h
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "admin/admin_api.h"
#include "admin/query_number.h"
#include "fuzz_case.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using namespace ringgate::admin;

enum class Endpoint {
  none,
  push,
  broadcast,
  message_group,
  show_group,
  join_group,
  leave_group,
  show,
  close,
  list,
  close_all,
  presence,
  batch,
  request,
  extend,
  ban,
  show_ban,
  lift_ban,
  revoke,
  lift_revocation,
  health,
  readiness,
  metrics,
  reload,
  stats,
  events,
  stream,
  openapi
};

/// What became of the request.
struct Outcome {
  Endpoint endpoint = Endpoint::none;
  std::string_view id;
  std::string_view group;
  std::optional<Refusal> refusal;  // if no endpoint was called
  bool operator==(const Outcome&) const = default;
};

Outcome outcome;
DeviceIdSegment id_called_with;
GroupSegment group_called_with;

void note(Endpoint endpoint, const Call& call) {
  id_called_with = call.device_id;
  group_called_with = call.group;
  require(outcome == Outcome{}, "a request is answered once");
  outcome = {.endpoint = endpoint, .id = id_called_with.view(), .group = group_called_with.view(), .refusal = {}};
}

class RefusalSink final : public AnswerSink {
 public:
  void answer(const AnswerTicket&, Answer answer) override {
    require(outcome == Outcome{} && answer.refusal, "a request without endpoint is refused once");
    outcome.refusal = answer.refusal;
  }
};

using Text = std::optional<std::string_view>;

int digit_of(char c) {
  constexpr std::string_view digits = "0123456789abcdefABCDEF";
  const std::size_t at = digits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at < 16 ? at : at - 6);
}

/// Percent-decodes into `room`.
Text reference_decode(std::string_view text, std::string& room) {
  room.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      room += text[i];
      continue;
    }
    if (i + 2 >= text.size() || digit_of(text[i + 1]) < 0 || digit_of(text[i + 2]) < 0) return std::nullopt;
    room += static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
    i += 2;
  }
  return room;
}

struct Segments {
  std::array<std::string_view, 6> parts;
  std::size_t count = 0;  // 6: as many or more
};

Segments split(std::string_view path) {
  Segments segments;
  while (path.starts_with('/') && segments.count < segments.parts.size()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    segments.parts[segments.count++] = part;
    path.remove_prefix(part.size());
  }
  return segments;
}

struct Served {
  Endpoint get = Endpoint::none;
  Endpoint post = Endpoint::none;
  Endpoint put = Endpoint::none;
  Endpoint delete_ = Endpoint::none;
  Text id_segment;
  Text group_segment = {};
};

std::optional<Served> reference_services(std::string_view path) {
  const Segments at = split(path);
  const auto is = [&](std::size_t index, std::string_view text) { return at.parts[index] == text; };
  if (at.count == 1 && is(0, "healthz")) return Served{.get = Endpoint::health, .id_segment = {}};
  if (at.count == 1 && is(0, "readyz")) return Served{.get = Endpoint::readiness, .id_segment = {}};
  if (at.count == 1 && is(0, "metrics")) return Served{.get = Endpoint::metrics, .id_segment = {}};
  if (at.count < 2 || !is(0, "v1")) return std::nullopt;
  if (at.count == 2 && is(1, "broadcast")) return Served{.post = Endpoint::broadcast, .id_segment = {}};
  if (at.count == 2 && is(1, "reload")) return Served{.post = Endpoint::reload, .id_segment = {}};
  if (at.count == 2 && is(1, "events")) return Served{.get = Endpoint::events, .id_segment = {}};
  if (at.count == 2 && is(1, "stream")) return Served{.get = Endpoint::stream, .id_segment = {}};
  if (at.count == 2 && is(1, "openapi.yaml")) return Served{.get = Endpoint::openapi, .id_segment = {}};
  if (at.count == 2 && is(1, "stats")) return Served{.get = Endpoint::stats, .id_segment = {}};
  if (at.count == 2 && is(1, "revocations"))
    return Served{.put = Endpoint::revoke, .delete_ = Endpoint::lift_revocation, .id_segment = {}};
  if (at.count == 3 && is(1, "bans"))
    return Served{.get = Endpoint::show_ban, .put = Endpoint::ban, .delete_ = Endpoint::lift_ban, .id_segment = at.parts[2]};
  if (is(1, "groups") && at.count == 3)
    return Served{.get = Endpoint::show_group, .id_segment = {}, .group_segment = at.parts[2]};
  if (is(1, "groups") && at.count == 4 && is(3, "messages"))
    return Served{.post = Endpoint::message_group, .id_segment = {}, .group_segment = at.parts[2]};
  if (is(1, "groups") && at.count == 5 && is(3, "devices"))
    return Served{
        .put = Endpoint::join_group, .delete_ = Endpoint::leave_group, .id_segment = at.parts[4], .group_segment = at.parts[2]};
  if (at.count == 2 && is(1, "devices:presence")) return Served{.post = Endpoint::presence, .id_segment = {}};
  if (at.count == 2 && is(1, "messages:batch")) return Served{.post = Endpoint::batch, .id_segment = {}};
  if (!is(1, "devices")) return std::nullopt;
  if (at.count == 2) return Served{.get = Endpoint::list, .delete_ = Endpoint::close_all, .id_segment = {}};
  if (at.count == 3) return Served{.get = Endpoint::show, .delete_ = Endpoint::close, .id_segment = at.parts[2]};
  if (at.count == 4 && is(3, "credential")) return Served{.put = Endpoint::extend, .id_segment = at.parts[2]};
  if (at.count == 4 && is(3, "requests")) return Served{.post = Endpoint::request, .id_segment = at.parts[2]};
  if (at.count == 4 && is(3, "messages")) return Served{.post = Endpoint::push, .id_segment = at.parts[2]};
  return std::nullopt;
}

Endpoint endpoint_of(const Served& services, http::Method method) {
  switch (method) {
    case http::Method::get:
    case http::Method::head: return services.get;
    case http::Method::post: return services.post;
    case http::Method::put: return services.put;
    case http::Method::delete_: return services.delete_;
    default: return Endpoint::none;
  }
}

Outcome reference_outcome(const Request& request) {
  static std::string id;
  static std::string group;
  const auto refused = [](Refusal refusal) { return Outcome{.id = {}, .group = {}, .refusal = refusal}; };
  if (request.is_from_web_page) return refused(Refusal::origin_forbidden);
  if (request.method == http::Method::unknown) return refused(Refusal::method_unknown);
  const bool is_stream = request.path == "/v1/stream" && request.method == http::Method::get;
  if (request.asks_for_websocket && !is_stream) return refused(Refusal::upgrade_unserved);
  if (request.path[0] != '/')
    return refused(Refusal::method_not_allowed);  // an OPTIONS or the like of something else than a path
  const auto services = reference_services(request.path);
  if (!services) return refused(Refusal::path_unknown);
  const Endpoint endpoint = endpoint_of(*services, request.method);
  if (endpoint == Endpoint::none) return refused(Refusal::method_not_allowed);
  const Text decoded = services->id_segment ? reference_decode(*services->id_segment, id) : Text{""};
  if (services->id_segment && (!decoded || !is_valid_device_id(*decoded))) return refused(Refusal::bad_id);
  const Text named = services->group_segment ? reference_decode(*services->group_segment, group) : Text{""};
  if (services->group_segment && (!named || !is_valid_device_id(*named))) return refused(Refusal::bad_group);
  constexpr std::array message_fields{"If-Match", "Idempotency-Key", "Ringgate-Ttl", "Ringgate-Coalesce-Key"};
  const bool is_safe = request.method == http::Method::get || request.method == http::Method::head;
  if (endpoint != Endpoint::push && !is_safe &&
      std::ranges::any_of(message_fields, [&](const char* name) { return request.count_fields(name) != 0; }))
    return refused(Refusal::option_unserved);
  if (endpoint == Endpoint::push || endpoint == Endpoint::broadcast || endpoint == Endpoint::message_group ||
      endpoint == Endpoint::request) {
    if (request.is_encoded) return refused(Refusal::content_encoding);
    if (!request.content_type) return refused(Refusal::content_type);
  }
  return {.endpoint = endpoint, .id = *decoded, .group = *named, .refusal = {}};
}

void check_escaped(std::string_view id) {
  static std::string escaped;
  escaped.clear();
  for (const char c : id) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto byte = static_cast<std::uint8_t>(c);
    escaped += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  const auto decoded = DeviceIdSegment::decode(escaped);
  require(decoded && decoded->view() == id, "an id with every byte escaped is the same id");
}

/// What all parameters of that name say: nothing, one value, or several.
http::QueryParameter reference_parameter(std::string_view query, std::string_view name) {
  static std::string name_room;
  static std::string value_room;
  static std::string first_room;
  http::QueryParameter found;
  bool first_is_good = false;
  for (std::size_t begin = 0; begin < query.size();) {
    const std::size_t end = std::min(query.find('&', begin), query.size());
    const std::string_view pair = query.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (reference_decode(pair.substr(0, equals), name_room) != Text{name}) continue;
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    if (found.presence == http::QueryParameter::Presence::absent) {
      found = {http::QueryParameter::Presence::present, value};
      first_is_good = reference_decode(value, first_room).has_value();
    } else if (!first_is_good || reference_decode(value, value_room) != Text{first_room}) {
      found.presence = http::QueryParameter::Presence::conflicting;
    }
  }
  return found;
}

/// From 1 to 1000 without a sign or a zero in front; 100 if absent.
std::optional<std::uint64_t> reference_limit(const http::QueryParameter& parameter) {
  using Presence = http::QueryParameter::Presence;
  if (parameter.presence == Presence::absent) return 100;
  if (parameter.presence == Presence::conflicting || parameter.value.empty() || parameter.value[0] == '0') return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : parameter.value) {
    if (c < '0' || c > '9') return std::nullopt;
    number = std::min<std::uint64_t>(number * 10 + static_cast<unsigned>(c - '0'), 1001);
  }
  return number >= 1 && number <= 1000 ? std::optional{number} : std::nullopt;
}

void check_query(std::string_view query) {
  for (const std::string_view name : {"limit", "code"}) {
    const http::QueryParameter found = http::query_parameter(query, name);
    const http::QueryParameter expected = reference_parameter(query, name);
    require(found.presence == expected.presence && found.value == expected.value, "query parameter = reference");
    require(query_number(query, name, {.lowest = 1, .highest = 1000, .otherwise = 100}) == reference_limit(expected),
            "query number = reference");
  }
}

/// Storage for what an AdminApi is made of and its routing never touches.
template <typename Part>
Part& untouched() {
  alignas(Part) static std::byte storage[sizeof(Part)];
  return *reinterpret_cast<Part*>(storage);
}

std::optional<Request> read_request(std::uint8_t form, std::string_view target) {
  static constexpr std::array<std::string_view, 8> methods{"GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS", "TRACE", "get"};
  static std::string text;
  static RequestReader reader(0);
  text.assign(methods[form % methods.size()]).append(" ").append(target).append(" HTTP/1.1\r\nHost: a\r\n");
  if ((form & 64) != 0) text += "Origin: http://a\r\n";
  if ((form & 16) != 0) text += "Content-Encoding: gzip\r\n";
  if ((form & 32) == 0) text += "Content-Type: text/plain\r\n";
  if ((form & 128) != 0) text += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  text += "\r\n";
  const ReadProgress progress = reader.read(bytes_of(text));
  if (progress.status == ReadStatus::complete) return reader.take();
  std::destroy_at(&reader);
  std::construct_at(&reader, std::size_t{0});  // spent
  return std::nullopt;
}

}  // namespace

// The endpoints that the routes name: here they only note that they were called.
namespace ringgate::admin {
void AdminApi::push_message(Call call) { note(Endpoint::push, call); }
void AdminApi::broadcast_message(Call call) { note(Endpoint::broadcast, call); }
void AdminApi::message_group(Call call) { note(Endpoint::message_group, call); }
void AdminApi::show_group(Call call) { note(Endpoint::show_group, call); }
void AdminApi::join_group(Call call) { note(Endpoint::join_group, call); }
void AdminApi::leave_group(Call call) { note(Endpoint::leave_group, call); }
void AdminApi::show_device(Call call) { note(Endpoint::show, call); }
void AdminApi::close_device(Call call) { note(Endpoint::close, call); }
void AdminApi::list_devices(Call call) { note(Endpoint::list, call); }
void AdminApi::close_devices(Call call) { note(Endpoint::close_all, call); }
void AdminApi::show_presence(Call call) { note(Endpoint::presence, call); }
void AdminApi::request_of_device(Call call) { note(Endpoint::request, call); }
void AdminApi::push_batch(Call call) { note(Endpoint::batch, call); }
void AdminApi::extend_credential(Call call) { note(Endpoint::extend, call); }
void AdminApi::ban_device(Call call) { note(Endpoint::ban, call); }
void AdminApi::show_ban(Call call) { note(Endpoint::show_ban, call); }
void AdminApi::lift_ban(Call call) { note(Endpoint::lift_ban, call); }
void AdminApi::revoke(Call call) { note(Endpoint::revoke, call); }
void AdminApi::lift_revocation(Call call) { note(Endpoint::lift_revocation, call); }
void AdminApi::show_health(Call call) { note(Endpoint::health, call); }
void AdminApi::show_readiness(Call call) { note(Endpoint::readiness, call); }
void AdminApi::show_metrics(Call call) { note(Endpoint::metrics, call); }
void AdminApi::reload(Call call) { note(Endpoint::reload, call); }
void AdminApi::show_stats(Call call) { note(Endpoint::stats, call); }
void AdminApi::stream_events(Call call) { note(Endpoint::events, call); }
void AdminApi::open_stream(Call call) { note(Endpoint::stream, call); }
void AdminApi::show_openapi(Call call) { note(Endpoint::openapi, call); }
}  // namespace ringgate::admin

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const AdminSettings settings;
  static AdminApi api(settings, untouched<dispatch::GateState>(), untouched<dispatch::PushService>(), {});
  static RefusalSink sink;
  Choices choices(data, size);
  const std::uint8_t form = choices.byte();
  const auto request = read_request(form, text_of(choices.rest()));
  if (!request) return 0;
  check_query(request->query);
  outcome = {};
  const Outcome expected = reference_outcome(*request);
  static const auto caller = std::make_shared<const Caller>(
      Caller{.name = {}, .scopes = *auth::Scopes::parse("admin"), .prefix = {}, .group = {}, .route = {}});
  const Responder responder(sink, {});
  if (auto refusal = api.judge_caller(*request)) responder.answer(std::move(*refusal));
  else api.serve(*request, caller, {}, responder);
  require(outcome == expected, "routing = reference");
  if (!outcome.id.empty()) check_escaped(outcome.id);
  return 0;
}
