#include "admin/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <iterator>
#include <nlohmann/json.hpp>

#include "admin/close_refusal.h"
#include "http/response.h"

namespace ringgate::admin {
namespace {

using Json = nlohmann::ordered_json;

/// Does not throw on invalid UTF-8, which is not expected here: it becomes U+FFFD.
std::string to_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string quoted(std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (!std::ranges::all_of(text, is_plain)) return to_text(Json(text));
  std::string out;
  out.reserve(text.size() + 2);
  return out.append(1, '"').append(text).append(1, '"');
}

/// RFC 3339 section 5.6, in UTC.
std::string date_time(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  if (gmtime_r(&time, &parts) == nullptr) return {};
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

Json to_json(const LinkQuality& link) {
  return {{"rtt_us", link.rtt_us},
          {"rttvar_us", link.rttvar_us},
          {"min_rtt_us", link.min_rtt_us},
          {"retransmits", link.retransmits},
          {"retransmitted_bytes", link.retransmitted_bytes},
          {"lost", link.lost},
          {"unacked", link.unacked},
          {"unsent_bytes", link.unsent_bytes},
          {"delivery_rate", link.delivery_rate},
          {"cwnd", link.cwnd},
          {"mss", link.mss}};
}

void add_link(Json& device, const LinkReading& link) {
  if (link.status == LinkStatus::not_asked) return;
  const bool is_known = link.status == LinkStatus::known;
  device["link"] = is_known ? to_json(link.quality) : Json(nullptr);
  if (!is_known) device["link_reason"] = name_of(link.status);
}

Json to_json(const dispatch::DeviceInfo& device) {
  Json json{{"device_id", device.device_id},
            {"conn", device.connection.text()},
            {"shard", device.shard},
            {"remote", device.remote},
            {"path", device.path},
            {"groups", device.groups},
            {"since", date_time(device.since_seconds)},
            {"last_seen", date_time(device.last_seen_seconds)},
            {"rtt_ms", device.rtt_ms == 0 ? Json(nullptr) : Json(device.rtt_ms)},
            {"queued_bytes", device.queued_bytes}};
  add_link(json, device.link);
  return json;
}

Json to_json(std::span<const dispatch::DeviceInfo> devices) {
  Json list = Json::array();
  for (const dispatch::DeviceInfo& device : devices) list.push_back(to_json(device));
  return list;
}

}  // namespace

std::string reload_json(const ReloadReport& report) {
  const auto list = [](const std::vector<SettingChange>& changes) {
    Json items = Json::array();
    for (const SettingChange& change : changes)
      items.push_back({{"key", change.key}, {"before", change.before}, {"after", change.after}});
    return items;
  };
  return to_text({{"status", "reloaded"}, {"changed", list(report.changed)}, {"restart_needed", list(report.restart_needed)}});
}

std::string reload_problem_json(const StartError& error, int status) {
  return to_text({{"type", "about:blank"},
                  {"title", http::status_title(static_cast<std::uint16_t>(status))},
                  {"status", status},
                  {"detail", error.cause},
                  {"reason", "reload_failed"},
                  {"remedy", error.remedy}});
}

namespace {

/// RFC 3339 section 5.6, in UTC, with milliseconds.
std::string date_time_ms(std::int64_t unix_ms) {
  std::string text = date_time(unix_ms / 1000);
  if (!text.empty()) text.back() = '.';
  return text + fmt::format("{:03}Z", unix_ms % 1000);
}

void append_receipt(std::string& out, const PushReceipt& receipt) {
  if (receipt.reached == PushLevel::none) return;
  const auto append = [&](std::string_view name, std::uint32_t after_us) {
    if (after_us == PushReceipt::not_known) return;
    fmt::format_to(std::back_inserter(out), R"(,"{}":"{}")", name, date_time_ms(receipt.queued_at_ms + after_us / 1000));
  };
  fmt::format_to(std::back_inserter(out), R"(,"reached":"{}")", name_of(receipt.reached));
  append("queued_at", 0);
  append("sent_at", receipt.sent_after_us);
  append("acked_at", receipt.acked_after_us);
  append("ponged_at", receipt.ponged_after_us);
  if (receipt.is_repeat) out += R"(,"repeated":true)";
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

}  // namespace

// Without a format, which would be a tenth of what a push costs.
void append_push_members(std::string& out, const PushResult& result) {
  out.append(R"("conn":")").append(result.connection.text()).append(R"(","queued_bytes":)");
  append_number(out, result.queued_bytes);
  append_receipt(out, result.receipt);
  for (const PushPart& part : result.parts) {
    fmt::format_to(std::back_inserter(out), R"({}{{"conn":"{}","status":"{}","queued_bytes":{})",
                   &part == &result.parts.front() ? R"(,"connections":[)" : ",", part.connection.text(), name_of(part.outcome),
                   part.queued_bytes);
    append_receipt(out, part.receipt);
    out += '}';
  }
  if (!result.parts.empty()) out += ']';
}

namespace {

/// The members that follow the status, and the end.
void append_push(std::string& out, std::string_view device_id, const PushResult& result) {
  out.append(R"("device_id":)").append(quoted(device_id)).append(",");
  append_push_members(out, result);
  out += '}';
}

}  // namespace

/// As text, without a tree of values: this answers nearly all requests.
std::string delivered_json(std::string_view device_id, const PushResult& result) {
  std::string answer;
  answer.reserve(128);
  answer += R"({"status":"delivered",)";
  append_push(answer, device_id, result);
  return answer;
}

std::string undelivered_json(const RefusalFacts& facts, std::string_view device_id, const PushResult& result) {
  std::string answer = fmt::format(R"({{"type":"about:blank","title":"{}","status":{},"detail":"{}","reason":"{}",)",
                                   http::status_title(facts.status), facts.status, facts.detail, facts.reason);
  append_push(answer, device_id, result);
  return answer;
}

std::string broadcast_json(const BroadcastResult& result) {
  return to_text({{"matched", result.matched}, {"delivered", result.delivered}, {"refused", result.refused}});
}

std::string departed_json(const dispatch::Departure& departure) {
  const RefusalFacts& facts = facts_of(Refusal::unknown_device);
  return to_text({{"type", "about:blank"},
                  {"title", http::status_title(facts.status)},
                  {"status", facts.status},
                  {"detail", facts.detail},
                  {"reason", facts.reason},
                  {"last_seen", date_time(departure.at_seconds)},
                  {"conn", departure.connection.text()},
                  {"close_code", static_cast<int>(departure.code)},
                  {"close_reason", departure.reason},
                  {"ended_by", dispatch::word_of(departure.ended_by)},
                  {"connected_seconds", departure.duration_ms / 1000},
                  {"rtt_ms", departure.rtt_ms == 0 ? Json(nullptr) : Json(departure.rtt_ms)},
                  {"queued_bytes", departure.queued_bytes},
                  {"unacked_bytes", departure.unacked_bytes ? Json(*departure.unacked_bytes) : Json(nullptr)}});
}

std::string ranking_json(std::span<const dispatch::DeviceInfo> devices) { return to_text({{"devices", to_json(devices)}}); }

std::string link_ranking_json(std::span<const dispatch::DeviceInfo> devices, const BroadcastResult& result) {
  return to_text({{"matched", result.matched}, {"read", result.delivered}, {"devices", to_json(devices)}});
}

std::string count_json(std::uint64_t count) { return to_text({{"count", count}}); }

std::string closed_json(const BroadcastResult& result) {
  return to_text({{"matched", result.matched}, {"closed", result.delivered}});
}

std::string presence_json(std::string_view device_id, std::optional<ConnectionRef> connection,
                          const std::optional<dispatch::Departure>& departure) {
  if (connection) return fmt::format(R"({{"device_id":{},"online":true,"conn":"{}"}})", quoted(device_id), connection->text());
  return fmt::format(R"({{"device_id":{},"online":false,"last_seen":{}}})", quoted(device_id),
                     departure ? "\"" + date_time(departure->at_seconds) + "\"" : "null");
}

std::string presence_not_covered_json(std::string_view device_id) {
  return fmt::format(R"({{"device_id":{},"online":null,"reason":"{}"}})", quoted(device_id),
                     facts_of(Refusal::not_covered).reason);
}

std::string group_json(std::string_view group, std::uint64_t devices_count) {
  return to_text({{"group", group}, {"devices", devices_count}});
}

std::string membership_json(std::string_view group, std::string_view device_id, bool is_sticky, bool is_online) {
  return to_text(
      {{"status", "joined"}, {"group", group}, {"device_id", device_id}, {"sticky", is_sticky}, {"online", is_online}});
}

std::string device_json(const dispatch::DeviceInfo& device) { return to_text(to_json(device)); }

std::string device_page_json(std::span<const std::unique_ptr<dispatch::DeviceInfo>> devices,
                             const std::optional<std::string>& next_cursor) {
  Json list = Json::array();
  for (const auto& device : devices)
    if (device != nullptr) list.push_back(to_json(*device));
  return to_text({{"devices", std::move(list)}, {"next_cursor", next_cursor ? Json(*next_cursor) : Json(nullptr)}});
}

std::string ban_json(std::string_view device_id, std::int64_t ends_at) {
  return to_text({{"device_id", device_id}, {"banned_until", date_time(ends_at)}});
}

std::string revocation_json(const auth::Revocation& revocation) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  return to_text({{"status", "revoked"},
                  {"device", or_null(revocation.device_id)},
                  {"token", or_null(revocation.token_id)},
                  {"issued_before", date_time(revocation.issued_before)},
                  {"until", date_time(revocation.ends_at)}});
}

namespace {

void add_connections(Json& answer, const dispatch::CloseResult& result, std::string_view done) {
  for (const dispatch::ClosePart& part : result.parts) {
    const bool is_done = part.outcome == dispatch::CloseOutcome::closed;
    answer["connections"].push_back(
        {{"conn", part.connection.text()}, {"status", is_done ? done : facts_of(refusal_of(part.outcome)).reason}});
  }
}

}  // namespace

std::string credential_json(std::string_view device_id, std::int64_t expires_at, const dispatch::CloseResult& result) {
  Json answer{{"status", "extended"}, {"device_id", device_id}, {"expires_at", date_time(expires_at)}};
  add_connections(answer, result, "extended");
  return to_text(answer);
}

std::string partly_done_json(const dispatch::CloseResult& result, std::string_view done) {
  const RefusalFacts& facts = facts_of(Refusal::partly_done);
  Json answer{{"type", "about:blank"},
              {"title", http::status_title(facts.status)},
              {"status", facts.status},
              {"detail", facts.detail},
              {"reason", facts.reason}};
  add_connections(answer, result, done);
  return to_text(answer);
}

namespace {

/// Builds nothing: takes the members of one object without nesting.
class FlatReader final : public nlohmann::json_sax<Json> {
 public:
  std::vector<FlatMember> members;

  bool null() override { return false; }
  bool boolean(bool) override { return false; }
  bool number_integer(number_integer_t value) override { return value >= -exact_max && add(std::to_string(value), true); }
  bool number_unsigned(number_unsigned_t value) override { return value <= exact_max && add(std::to_string(value), true); }
  /// A whole number may be written as 60.0 or 6e1. Not 2^53, which 9007199254740993.0 would be read as, too.
  bool number_float(number_float_t value, const string_t&) override {
    const bool is_whole = std::trunc(value) == value && std::abs(value) < exact_max;
    return is_whole && add(std::to_string(static_cast<std::int64_t>(value)), true);
  }
  bool string(string_t& value) override { return add(std::move(value), false); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return std::exchange(depth_, depth_ + 1) == 0; }
  bool key(string_t& name) override {
    name_ = name;
    return std::ranges::find(members, name, &FlatMember::name) == members.end();
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return false; }
  bool end_array() override { return false; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  static constexpr std::int64_t exact_max = std::int64_t{1} << 53;  // of whole numbers that every JSON reader keeps

  bool add(std::string value, bool is_number) {
    if (depth_ != 1) return false;  // a bare value
    members.push_back({name_, std::move(value), is_number});
    return true;
  }

  std::string name_;
  int depth_ = 0;
};

}  // namespace

namespace {

/// Takes the texts of one array without nesting.
class ListReader final : public nlohmann::json_sax<Json> {
 public:
  explicit ListReader(std::size_t most) : most_(most) {}
  std::vector<std::string> texts;

  bool null() override { return false; }
  bool boolean(bool) override { return false; }
  bool number_integer(number_integer_t) override { return false; }
  bool number_unsigned(number_unsigned_t) override { return false; }
  bool number_float(number_float_t, const string_t&) override { return false; }
  bool string(string_t& value) override {
    if (!is_open_) return false;  // a bare value
    if (texts.size() <= most_) texts.push_back(std::move(value));
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return false; }
  bool key(string_t&) override { return false; }
  bool end_object() override { return false; }
  bool start_array(std::size_t) override { return !std::exchange(is_open_, true); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  const std::size_t most_;
  bool is_open_ = false;
};

}  // namespace

std::optional<std::vector<std::string>> text_list(std::string_view text, std::size_t most) {
  ListReader reader(most);
  if (text.contains('\0') || !Json::sax_parse(text, &reader)) return std::nullopt;  // the library takes a NUL for the end
  return std::move(reader.texts);
}

std::optional<std::vector<FlatMember>> flat_members(std::string_view text) {
  FlatReader reader;
  if (text.contains('\0') || !Json::sax_parse(text, &reader)) return std::nullopt;
  return std::move(reader.members);
}

std::string json_of(const FlatMember& member) { return member.is_number ? member.value : quoted(std::string_view(member.value)); }

}  // namespace ringgate::admin
