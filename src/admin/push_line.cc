#include "admin/push_line.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "admin/message_options.h"
#include "auth/text_coding.h"
#include "ws/utf8.h"

namespace ringgate::admin {
namespace {

using Json = nlohmann::json;

constexpr std::size_t result_id_bytes_max = 128;

/// Takes the members of one object. Every callback that returns false ends the reading, so nesting is never followed.
class LineReader final : public nlohmann::json_sax<Json> {
 public:
  std::optional<std::string> device, text, base64, type, id;
  std::array<std::optional<std::string>, line_options.size()> options;
  bool is_object = false;

  bool null() override { return false; }
  bool boolean(bool) override { return false; }
  bool number_integer(number_integer_t value) override { return take_number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return take_number(std::to_string(value)); }
  /// A whole number of seconds may be written as 60.0 or 6e1.
  bool number_float(number_float_t value, const string_t&) override {
    const bool is_whole = std::trunc(value) == value && std::abs(value) <= exact_max;
    return is_whole && target_ == &options[0] && take_number(std::to_string(static_cast<std::int64_t>(value)));
  }
  bool string(string_t& value) override {
    if (target_ == nullptr || *target_ || target_ == &options[0]) return false;
    if (target_ != &id) *target_ = std::move(value);
    else if (value.size() <= result_id_bytes_max) *target_ = Json(value).dump();
    else return false;
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return !std::exchange(is_object, true); }
  bool key(string_t& name) override {
    struct Member {
      std::string_view name;
      std::optional<std::string> LineReader::* value;
    };
    static constexpr std::array<Member, 5> members{{{"device", &LineReader::device},
                                                    {"text", &LineReader::text},
                                                    {"base64", &LineReader::base64},
                                                    {"type", &LineReader::type},
                                                    {"id", &LineReader::id}}};
    target_ = nullptr;
    for (const Member& member : members)
      if (member.name == name) target_ = &(this->*member.value);
    for (std::size_t i = 0; i < options.size(); ++i)
      if (line_options[i] == name) target_ = &options[i];
    return target_ != nullptr && !*target_;
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return false; }
  bool end_array() override { return false; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  static constexpr double exact_max = 9007199254740992.0;  // 2^53: of whole numbers that every JSON reader keeps

  bool take_number(std::string digits) {
    if (target_ == nullptr || *target_ || (target_ != &id && target_ != &options[0])) return false;
    *target_ = std::move(digits);
    return true;
  }

  std::optional<std::string>* target_ = nullptr;  // the member whose value comes next
};

std::optional<std::string> decoded(std::string_view base64) {
  std::string bytes(base64.size() / 4 * 3, '\0');
  const auto size =
      auth::decode_base64(base64, auth::Base64::standard, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  if (!size) return std::nullopt;
  bytes.resize(*size);
  return bytes;
}

}  // namespace

std::expected<PushLine, PushLineFault> read_push_line(std::string_view line, IdCharacters characters) {
  LineReader reader;
  // The library takes a NUL for the end of the text, whatever follows.
  const bool is_whole = !line.contains('\0') && Json::sax_parse(line, &reader);
  const auto fault = [&](Refusal refusal) { return std::unexpected(PushLineFault{refusal, std::move(reader.id)}); };
  if (!is_whole || !reader.is_object || !reader.device || reader.text.has_value() == reader.base64.has_value())
    return fault(Refusal::bad_line);
  if (reader.type && *reader.type != "text" && *reader.type != "binary") return fault(Refusal::bad_line);
  if (!is_valid_device_id(*reader.device, characters)) return fault(Refusal::bad_id);
  PushOptions options;
  for (std::size_t i = 0; i < reader.options.size(); ++i)
    if (reader.options[i])
      if (const auto refusal = set_line_option(options, i, *reader.options[i])) return fault(*refusal);
  PushLine push{.device_id = std::move(*reader.device), .payload = {}, .id = {}, .options = std::move(options)};
  const bool is_text = reader.type ? *reader.type == "text" : reader.text.has_value();
  push.type = is_text ? MessageType::text : MessageType::binary;
  if (reader.text) {
    push.payload = std::move(*reader.text);
  } else {
    auto bytes = decoded(*reader.base64);
    if (!bytes) return fault(Refusal::bad_base64);
    push.payload = std::move(*bytes);
    if (is_text && !ws::valid_utf8(bytes_of(push.payload))) return fault(Refusal::invalid_utf8);
  }
  push.id = std::move(reader.id);
  return push;
}

}  // namespace ringgate::admin
