#include "dispatch/correlation.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/limits.h"

namespace ringgate::dispatch {
namespace {

using Json = nlohmann::json;

/// "~1" is a slash, "~0" a tilde (RFC 6901 section 4); nullopt for any other tilde.
std::optional<std::string> unescaped(std::string_view token) {
  std::string name;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      name += token[i];
      continue;
    }
    if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return std::nullopt;
    name += token[i] == '0' ? '~' : '/';
  }
  return name;
}

/// Digits without a zero in front.
std::optional<std::size_t> index_of(std::string_view name) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool is_number = error == std::errc{} && end == name.data() + name.size();
  return is_number && (name.size() == 1 || name.front() != '0') ? std::optional(index) : std::nullopt;
}

}  // namespace

std::optional<CorrelationPointer> CorrelationPointer::parse(std::string_view text) {
  if (!text.starts_with('/')) return std::nullopt;
  CorrelationPointer pointer;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view token = text.substr(0, text.find('/'));
    text.remove_prefix(token.size());
    auto name = unescaped(token);
    if (!name || pointer.tokens_.size() == limits::json_depth_max) return std::nullopt;
    const auto index = index_of(*name);
    pointer.tokens_.push_back({std::move(*name), index});
  }
  return pointer;
}

/// Follows the text to the pointer's place. A callback that returns false ends the reading.
class CorrelationPointer::Reader final : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(const std::vector<Token>& tokens) : tokens_(tokens) {}
  std::optional<std::string> id;

  bool null() override { return !begin_value(); }
  bool boolean(bool) override { return !begin_value(); }
  bool number_integer(number_integer_t value) override { return take('n', std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return take('n', std::to_string(value)); }
  bool number_float(number_float_t, const string_t&) override { return !begin_value(); }
  bool string(string_t& value) override { return take('s', value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(false); }
  bool key(string_t& name) override {
    Level& level = levels_.back();
    level.is_named = level.is_on_path && levels_.size() <= tokens_.size() && tokens_[levels_.size() - 1].name == name;
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  struct Level {
    bool is_array;
    bool is_on_path;  // the pointer leads through this object or array
    bool is_named = false;
    std::size_t index = 0;
  };

  /// Whether the value that begins is on the pointer's path.
  bool is_on_path() {
    if (levels_.empty()) return true;
    Level& level = levels_.back();
    if (!level.is_array) return level.is_named;
    const bool fits = level.is_on_path && levels_.size() <= tokens_.size() && tokens_[levels_.size() - 1].index == level.index;
    ++level.index;
    return fits;
  }
  /// True if this is the place, and then nothing further is looked at.
  bool begin_value() { return is_on_path() && levels_.size() == tokens_.size(); }
  bool take(char kind, const std::string& value) {
    if (!begin_value()) return true;
    if (!value.empty() && value.size() <= limits::correlation_id_bytes_max) id = kind + value;
    return false;
  }
  bool open(bool is_array) {
    const bool on_path = is_on_path();
    if (levels_.size() == limits::json_depth_max || (on_path && levels_.size() == tokens_.size())) return false;
    levels_.push_back({.is_array = is_array, .is_on_path = on_path});
    return true;
  }
  /// The pointer leads nowhere if it led into what closes.
  bool close() {
    const bool was_on_path = levels_.back().is_on_path;
    levels_.pop_back();
    return !was_on_path;
  }

  const std::vector<Token>& tokens_;
  std::vector<Level> levels_;
};

std::optional<std::string> CorrelationPointer::find(std::string_view message) const {
  Reader reader(tokens_);
  (void)Json::sax_parse(message, &reader, nlohmann::json::input_format_t::json, false);
  return std::move(reader.id);
}

}  // namespace ringgate::dispatch
