#include "cluster/wire.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "auth/text_coding.h"
#include "cluster/number_text.h"

namespace ringgate::cluster {
namespace {

using Json = nlohmann::json;

// Nothing that gates write is longer, or nested more deeply: the library recurses, and a stack ends.
constexpr std::size_t json_bytes_max = 64 * 1024;
constexpr int json_depth_max = 5;

bool is_shallow(std::string_view text) {
  if (text.size() > json_bytes_max) return false;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > json_depth_max) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

/// Reads a flat object member by member; whatever is wrong makes the whole of it wrong.
class Reader {
 public:
  explicit Reader(std::string_view text) : object_(is_shallow(text) ? Json::parse(text, nullptr, false) : Json()) {
    is_good_ = object_.is_object();
  }
  explicit Reader(Json object) : object_(std::move(object)) { is_good_ = object_.is_object(); }

  template <typename Number>
    requires std::is_integral_v<Number>
  void take(const char* name, Number& into) {
    const Json* const value = find(name);
    if (value == nullptr) return;
    if constexpr (std::is_same_v<Number, bool>) {
      if (!value->is_boolean()) return fail();
      into = value->get<bool>();
    } else {
      const bool fits = std::is_unsigned_v<Number>
                            ? value->is_number_unsigned() && value->get<std::uint64_t>() <= std::numeric_limits<Number>::max()
                            : value->is_number_integer();
      if (!fits) return fail();
      into = value->get<Number>();
    }
  }
  void take(const char* name, std::string& into) {
    const Json* const value = find(name);
    if (value == nullptr) return;
    if (!value->is_string()) return fail();
    into = value->get<std::string>();
  }
  void take(const char* name, std::vector<std::string>& into) {
    const Json* const value = find(name);
    if (value == nullptr) return;
    if (!value->is_array()) return fail();
    for (const Json& one : *value) {
      if (!one.is_string()) return fail();
      into.push_back(one.get<std::string>());
    }
  }
  void take_hex(const char* name, std::uint64_t& into) {
    std::string text;
    take(name, text);
    if (text.empty()) return;
    const auto number = number_of(text);
    if (!number) return fail();
    into = *number;
  }
  /// Bytes, as base64url.
  void take_bytes(const char* name, std::string& into) {
    std::string text;
    take(name, text);
    std::string bytes(text.size(), '\0');
    const auto size = auth::decode_base64(text, auth::Base64::url, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    if (!size) return fail();
    bytes.resize(*size);
    into = std::move(bytes);
  }
  void take(const char* name, ConnectionRef& into) { take_hex(name, into.word); }
  /// A word that `name_of` writes for one of the first `count` values.
  template <typename Word>
  void take_word(const char* name, std::size_t count, Word& into) {
    std::string text;
    take(name, text);
    if (text.empty()) return;
    for (std::size_t i = 0; i < count; ++i) {
      if (text != name_of(static_cast<Word>(i))) continue;
      into = static_cast<Word>(i);
      return;
    }
    fail();
  }
  const Json* find(const char* name) {
    if (!is_good_) return nullptr;
    const auto found = object_.find(name);
    if (found == object_.end()) return nullptr;
    ++known_;
    return &*found;
  }
  void fail() { is_good_ = false; }
  /// Whether all that was taken was good.
  bool is_good() const { return is_good_; }
  /// And nothing else was there.
  bool is_understood() const { return is_good_ && known_ == object_.size(); }

 private:
  Json object_;
  bool is_good_ = false;
  std::size_t known_ = 0;
};

/// Text from the network as it is: bytes that are no UTF-8 must not throw.
std::string dump(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

std::string base64_of(std::string_view bytes) { return auth::encode_base64(bytes_of(bytes), auth::Base64::url); }

constexpr std::size_t push_levels_count = static_cast<std::size_t>(PushLevel::ponged) + 1;

Json json_of(const PushReceipt& receipt) {
  Json json{{"reached", name_of(receipt.reached)}};
  if (receipt.is_repeat) json["repeat"] = true;
  if (receipt.queued_at_ms != 0) json["queued_at_ms"] = receipt.queued_at_ms;
  if (receipt.sent_after_us != PushReceipt::not_known) json["sent_us"] = receipt.sent_after_us;
  if (receipt.acked_after_us != PushReceipt::not_known) json["acked_us"] = receipt.acked_after_us;
  if (receipt.ponged_after_us != PushReceipt::not_known) json["ponged_us"] = receipt.ponged_after_us;
  return json;
}

void take(Reader& reader, PushReceipt& into) {
  const Json* const value = reader.find("receipt");
  if (value == nullptr) return;
  Reader receipt(*value);
  receipt.take_word("reached", push_levels_count, into.reached);
  receipt.take("repeat", into.is_repeat);
  receipt.take("queued_at_ms", into.queued_at_ms);
  receipt.take("sent_us", into.sent_after_us);
  receipt.take("acked_us", into.acked_after_us);
  receipt.take("ponged_us", into.ponged_after_us);
  if (!receipt.is_good()) reader.fail();
}

/// Of a whole result and of a part of one.
template <typename Result>
Json json_of_push(const Result& result) {
  Json json{{"outcome", name_of(result.outcome)}};
  if (result.connection != ConnectionRef{}) json["conn"] = hex_of(result.connection.word);
  if (result.queued_bytes != 0) json["queued_bytes"] = result.queued_bytes;
  if (result.receipt != PushReceipt{}) json["receipt"] = json_of(result.receipt);
  return json;
}

template <typename Result>
void take_push(Reader& reader, Result& into) {
  reader.take_word("outcome", push_outcomes_count, into.outcome);
  reader.take("conn", into.connection);
  reader.take("queued_bytes", into.queued_bytes);
  take(reader, into.receipt);
}

}  // namespace

std::string write(const PushOptions& options, const dispatch::Selection* reach) {
  if (options.is_plain() && reach == nullptr) return {};
  Json json = Json::object();
  if (options.ttl_ns != PushOptions::no_ttl) json["ttl_ns"] = options.ttl_ns;
  if (!options.coalesce_key.empty()) json["key"] = base64_of(options.coalesce_key);
  if (!options.id.empty()) json["id"] = base64_of(options.id);
  for (const ConnectionRef connection : options.only_to) json["only_to"].push_back(hex_of(connection.word));
  if (options.wait != PushLevel::none) {
    json["wait"] = name_of(options.wait);
    json["timeout_ns"] = options.timeout_ns;
  }
  if (reach != nullptr)
    json["reach"] = {
        {"prefix", reach->prefix()}, {"route", reach->route()}, {"groups", reach->groups()}, {"nobody", reach->is_nobody()}};
  return dump(json);
}

std::optional<PushTerms> read_push_terms(std::string_view text) {
  PushTerms terms;
  if (text.empty()) return terms;
  Reader reader(text);
  reader.take("ttl_ns", terms.options.ttl_ns);
  reader.take_bytes("key", terms.options.coalesce_key);
  reader.take_bytes("id", terms.options.id);
  std::vector<std::string> only_to;
  reader.take("only_to", only_to);
  for (const std::string& name : only_to) {
    const auto word = number_of(name);
    if (!word) return std::nullopt;
    terms.options.only_to.push_back({*word});
  }
  reader.take_word("wait", push_levels_count, terms.options.wait);
  reader.take("timeout_ns", terms.options.timeout_ns);
  if (const Json* const value = reader.find("reach")) {
    Reader reach(*value);
    std::string prefix, route;
    std::vector<std::string> groups;
    bool is_nobody = false;
    reach.take("prefix", prefix);
    reach.take("route", route);
    reach.take("groups", groups);
    reach.take("nobody", is_nobody);
    if (!reach.is_understood()) reader.fail();
    terms.reach.emplace(DeviceFilter{.prefix = prefix, .group = {}, .route = route});
    for (const std::string& group : groups) terms.reach->restrict_to({.prefix = {}, .group = group, .route = {}});
    // Ids with two beginnings at once, which no device has.
    if (is_nobody)
      for (const char* beginning : {"a", "b"}) terms.reach->restrict_to({.prefix = prefix + beginning, .group = {}, .route = {}});
  }
  return reader.is_understood() ? std::optional(std::move(terms)) : std::nullopt;
}

std::string write(const PushResult& result) {
  Json json = json_of_push(result);
  for (const PushPart& part : result.parts) json["parts"].push_back(json_of_push(part));
  return dump(json);
}

std::optional<PushResult> read_push_result(std::string_view body) {
  PushResult result;
  Reader reader(body);
  take_push(reader, result);
  if (const Json* const parts = reader.find("parts")) {
    if (!parts->is_array()) return std::nullopt;
    for (const Json& one : *parts) {
      Reader part(one);
      take_push(part, result.parts.emplace_back());
      if (!part.is_good()) return std::nullopt;
    }
  }
  return reader.is_good() ? std::optional(std::move(result)) : std::nullopt;
}

std::string write(const CloseTerms& terms) {
  return dump({{"code", static_cast<unsigned>(terms.code)}, {"reason", terms.reason}});
}

std::optional<CloseTerms> read_close_terms(std::string_view text) {
  CloseTerms terms;
  Reader reader(text);
  std::uint16_t code = static_cast<std::uint16_t>(terms.code);
  reader.take("code", code);
  reader.take("reason", terms.reason);
  terms.code = static_cast<CloseCode>(code);
  return reader.is_understood() ? std::optional(std::move(terms)) : std::nullopt;
}

namespace {

constexpr std::array<std::string_view, 8> close_words{"closed",       "partly",   "unknown_device", "moving",
                                                      "backpressure", "stopping", "no_room",        "unknown_outcome"};

const char* name_of(CloseOutcome outcome) { return close_words[static_cast<std::size_t>(outcome)].data(); }

void take_close(Reader& reader, CloseOutcome& outcome, ConnectionRef* connection) {
  std::string word;
  reader.take("outcome", word);
  const auto found = std::ranges::find(close_words, word);
  if (found == close_words.end()) return reader.fail();
  outcome = static_cast<CloseOutcome>(found - close_words.begin());
  if (connection != nullptr) reader.take("conn", *connection);
}

}  // namespace

std::string write(const CloseResult& result) {
  Json json{{"outcome", name_of(result.outcome)}};
  for (const ClosePart& part : result.parts)
    json["parts"].push_back({{"outcome", name_of(part.outcome)}, {"conn", hex_of(part.connection.word)}});
  return dump(json);
}

std::optional<CloseResult> read_close_result(std::string_view body) {
  CloseResult result;
  Reader reader(body);
  take_close(reader, result.outcome, nullptr);
  if (const Json* const parts = reader.find("parts")) {
    if (!parts->is_array()) return std::nullopt;
    for (const Json& one : *parts) {
      Reader part(one);
      ClosePart& into = result.parts.emplace_back();
      take_close(part, into.outcome, &into.connection);
      if (!part.is_good()) return std::nullopt;
    }
  }
  return reader.is_good() ? std::optional(std::move(result)) : std::nullopt;
}

std::string write(const DescribeResult& result) {
  if (result.outcome == DescribeOutcome::unknown_device) return dump({{"outcome", "unknown_device"}});
  if (result.outcome == DescribeOutcome::unavailable || result.device == nullptr) return dump({{"outcome", "unavailable"}});
  const DeviceInfo& device = *result.device;
  return dump({{"outcome", "found"},
               {"device", device.device_id},
               {"conn", hex_of(device.connection.word)},
               {"shard", device.shard},
               {"remote", device.remote},
               {"path", device.path},
               {"groups", device.groups},
               {"since", device.since_seconds},
               {"last_seen", device.last_seen_seconds},
               {"rtt_ms", device.rtt_ms},
               {"queued_bytes", device.queued_bytes}});
}

std::optional<DescribeResult> read_describe_result(std::string_view body) {
  DescribeResult result;
  Reader reader(body);
  std::string word;
  reader.take("outcome", word);
  if (word == "found") {
    result.outcome = DescribeOutcome::found;
    result.device = std::make_unique<DeviceInfo>();
    DeviceInfo& device = *result.device;
    reader.take("device", device.device_id);
    reader.take("conn", device.connection);
    reader.take("shard", device.shard);
    reader.take("remote", device.remote);
    reader.take("path", device.path);
    reader.take("groups", device.groups);
    reader.take("since", device.since_seconds);
    reader.take("last_seen", device.last_seen_seconds);
    reader.take("rtt_ms", device.rtt_ms);
    reader.take("queued_bytes", device.queued_bytes);
  } else if (word == "unavailable") {
    result.outcome = DescribeOutcome::unavailable;
  } else if (word != "unknown_device") {
    return std::nullopt;
  }
  return reader.is_good() ? std::optional(std::move(result)) : std::nullopt;
}

std::string write(const Rank& rank) { return dump({{"epoch", hex_of(rank.epoch)}, {"node", rank.node}}); }

std::optional<Rank> read_rank(std::string_view text) {
  Rank rank;
  Reader reader(text);
  reader.take_hex("epoch", rank.epoch);
  reader.take("node", rank.node);
  return reader.is_good() && !rank.node.empty() ? std::optional(std::move(rank)) : std::nullopt;
}

std::string write(const Hello& hello) {
  return dump({{"node", hello.node},
               {"boot", hello.boot},
               {"clock", hex_of(hello.clock)},
               {"started", hex_of(hello.started)},
               {"connections", hello.connections},
               {"wants_answer", hello.wants_answer}});
}

std::optional<Hello> read_hello(std::string_view text) {
  Hello hello;
  Reader reader(text);
  reader.take("node", hello.node);
  reader.take("boot", hello.boot);
  reader.take_hex("clock", hello.clock);
  reader.take_hex("started", hello.started);
  reader.take("connections", hello.connections);
  reader.take("wants_answer", hello.wants_answer);
  return reader.is_good() && !hello.node.empty() && !hello.boot.empty() ? std::optional(std::move(hello)) : std::nullopt;
}

}  // namespace ringgate::cluster
