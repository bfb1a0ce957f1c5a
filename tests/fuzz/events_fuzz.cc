// Requests for the event stream, and events as JSON. Oracles: a filter lets exactly those records pass that a slow reading of the query
// lets pass; an id that is read is written as it was; an event's JSON is read by another library, with the same device and payload.
//
// Input: byte 0 = what is done (bits 0-1), byte 1 = bytes of the device id; then the query, the id, or the payload.
//
// Tests: src/admin/event_query.* src/events/filter.* src/events/event_json.* src/events/record.* src/http/uri.*
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "admin/event_query.h"
#include "auth/text_coding.h"
#include "fuzz_case.h"
#include "ws/utf8.h"

namespace {

using namespace ringgate;
using namespace ringgate::events;
using namespace ringgate::fuzz;

const std::vector<std::string>& routes() {
  static const std::vector<std::string> paths{"/ws", "/other"};
  return paths;
}

std::vector<std::uint8_t> written(const RecordParts& parts) {
  std::vector<std::uint8_t> bytes(parts.size());
  write_record(parts, bytes.size(), bytes.data());
  return bytes;
}

struct Sample {
  EventType type;
  std::uint8_t route;
  std::string id;
  std::vector<std::string> groups;
};
const std::vector<Sample>& samples() {
  static const std::vector<Sample> all{{EventType::message, 0, "a-1", {}},
                                       {EventType::connected, 1, "b", {"north", "fleet"}},
                                       {EventType::message, 1, "a", {"south"}},
                                       {EventType::slow, 0, "cc", {"north"}}};
  return all;
}

/// The values of `name`, decoded; every parameter counts.
std::vector<std::string> values_of(std::string_view query, std::string_view name) {
  std::vector<std::string> values;
  std::size_t at = 0;
  while (at <= query.size()) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string_view pair = query.substr(at, end - at);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (auth::percent_decoded(pair.substr(0, equals)) == name)
      values.push_back(*auth::percent_decoded(pair.substr(std::min(equals + 1, pair.size()))));
    at = end + 1;
  }
  return values;
}

bool reference_passes(std::string_view query, const Sample& sample) {
  const auto any = [&](std::string_view name, const auto& fits) {
    const auto values = values_of(query, name);
    return values.empty() || std::ranges::any_of(values, fits);
  };
  return any("type", [&](const std::string& value) { return value == word_of(sample.type); }) &&
         any("device", [&](const std::string& value) { return value == sample.id; }) &&
         any("prefix", [&](const std::string& value) { return sample.id.substr(0, value.size()) == value; }) &&
         any("route", [&](const std::string& value) { return value == routes()[sample.route]; }) &&
         any("group", [&](const std::string& value) { return std::ranges::count(sample.groups, value) != 0; });
}

void check_query(std::string_view query) {
  const auto filter = admin::read_event_filter(query, {}, routes());
  if (!filter) return;
  for (const Sample& sample : samples()) {
    const std::vector<std::uint64_t> words(event_words_counts[static_cast<std::size_t>(sample.type)]);
    const auto record =
        written({.type = sample.type, .route = sample.route, .words = words, .device_id = sample.id, .groups = sample.groups});
    require(filter->passes(RecordView(record.data())) == reference_passes(query, sample), "the filter is what the query says");
  }
}

void check_id(std::string_view text) {
  const auto id = EventId::parse(text);
  if (!id) return;
  std::string again;
  EventEncoder(id->boot, {}).append_id(again, id->number);
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  require(again == lower, "an id that is read is written as it was");
}

void check_json(ByteView id_bytes, ByteView payload) {
  std::string id;
  for (const std::uint8_t byte : id_bytes) id += static_cast<char>(0x20 + byte % 0x5F);
  const bool is_text = ws::valid_utf8(payload);
  const std::vector<std::string> groups{id};
  const auto record = written({.type = EventType::message,
                               .detail = static_cast<std::uint8_t>(is_text ? MessageType::text : MessageType::binary),
                               .device_id = id,
                               .groups = groups,
                               .payload = payload});
  const RecordView view(record.data());
  require(view.device_id() == id && std::ranges::equal(view.payload(), payload), "a record holds what was written");
  static EventEncoder encoder(1, routes());
  std::string text;
  encoder.append_sse(text, view);
  const std::size_t data = text.find("data: ");
  require(text.ends_with("\n\n") && std::ranges::count(text, '\n') == 4, "an event of the stream has three lines");
  const auto event = nlohmann::json::parse(text.substr(data + 6));
  require(event["device"] == id && event["groups"][0] == id, "texts are the same after JSON");
  if (is_text) {
    require(event["text"] == text_of(payload), "a text is the same after JSON");
    return;
  }
  std::vector<std::uint8_t> decoded(payload.size());
  const auto size = auth::decode_base64(event["base64"].get<std::string>(), auth::Base64::standard, decoded);
  require(size == payload.size() && std::ranges::equal(decoded, payload), "a binary payload is the same after base64");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const unsigned what = choices.byte() % 3U;
  const std::size_t id_bytes = choices.byte() % 128U;
  const ByteView rest = choices.rest();
  if (what == 0) check_query(text_of(rest));
  else if (what == 1) check_id(text_of(rest));
  else check_json(rest.first(std::min(id_bytes, rest.size())), rest.subspan(std::min(id_bytes, rest.size())));
  return 0;
}
