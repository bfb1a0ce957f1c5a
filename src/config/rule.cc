#include "config/rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>

#include "ringgate/config.h"

namespace ringgate::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: `print` takes the first that divides the value.
constexpr std::array<Unit, 6> size_units{
    {{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"MB", 1'000'000}, {"KiB", 1ULL << 10}, {"kB", 1'000}, {"B", 1}}};
constexpr std::array<Unit, 6> duration_units{
    {{"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};
constexpr std::uint64_t cpus_max = 1024;  // CPU_SETSIZE

/// `...` stands for what may be a credential.
std::string without_secret(const TextShape& shape, std::string_view text) {
  const std::size_t at = shape.secret_after == '\0' ? text.npos : text.find(shape.secret_after);
  return at == text.npos ? std::string(text) : std::string(text.substr(0, at + 1)) + "...";
}

std::string quoted(std::string_view text) { return '"' + printable(text) + '"'; }

Complaint complaint(std::string cause, const Rule& rule) { return {std::move(cause), "write " + describe(rule)}; }

Complaint wrong_shape(const RawValue& value, const Rule& rule) {
  switch (value.shape) {
    case RawValue::Shape::integer: return complaint(printable(value.text) + " is a bare number", rule);
    case RawValue::Shape::boolean: return complaint(value.text + " is a truth value", rule);
    case RawValue::Shape::list: return complaint("a list is not a value of this key", rule);
    case RawValue::Shape::other: return complaint(value.text + " is not a value of this key", rule);
    case RawValue::Shape::untyped:
    case RawValue::Shape::text: break;
  }
  return complaint(quoted(value.text) + " is a text", rule);
}

bool has_shape(const RawValue& value, RawValue::Shape wanted) {
  return value.shape == wanted || value.shape == RawValue::Shape::untyped;
}

/// Digits only, no sign, no space. False also when the number exceeds 64 bits.
bool read_digits(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

constexpr std::string_view off_word = "off";
constexpr std::string_view inherit_word = "inherit";

/// The value of `off` or `inherit`; nullopt if `text` is neither, or the rule does not take it.
std::optional<std::uint64_t> read_word(Off off, std::string_view text) {
  if (text == off_word && (off == Off::allowed || off == Off::or_inherit)) return 0;
  if (text == inherit_word && (off == Off::inherit || off == Off::or_inherit)) return inherited;
  return std::nullopt;
}

/// The word for `value`; empty if it is a number.
std::string_view word_of(Off off, std::uint64_t value) {
  if (value == 0 && (off == Off::allowed || off == Off::or_inherit)) return off_word;
  if (value == inherited && (off == Off::inherit || off == Off::or_inherit)) return inherit_word;
  return {};
}

/// The end of a description.
std::string_view words_of(Off off) {
  switch (off) {
    case Off::refused: break;
    case Off::allowed: return ", or \"off\"";
    case Off::inherit: return ", or \"inherit\"";
    case Off::or_inherit: return ", or \"off\" or \"inherit\"";
  }
  return {};
}

/// A number and one of `units`, e.g. "64KiB".
Read<std::uint64_t> read_quantity(std::span<const Unit> units, std::string_view text, const Rule& rule) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view unit_name = text.substr(digits);
  std::uint64_t number = 0;
  if (digits == 0) return std::unexpected(complaint(quoted(text) + " does not begin with a number", rule));
  if (unit_name.empty()) return std::unexpected(complaint(quoted(text) + " has no unit", rule));
  const auto unit = std::ranges::find(units, unit_name, &Unit::name);
  if (unit == units.end()) {
    return std::unexpected(complaint(quoted(text) + " has an unknown unit", rule));
  }
  if (!read_digits(text.substr(0, digits), number) || number > UINT64_MAX / unit->factor) {
    return std::unexpected(complaint(quoted(text) + " is out of range", rule));
  }
  return number * unit->factor;
}

std::string print_quantity(std::span<const Unit> units, std::uint64_t number) {
  if (number == 0) return fmt::format("0{}", units.back().name);
  const auto unit = std::ranges::find_if(units, [&](const Unit& u) { return number % u.factor == 0; });
  return fmt::format("{}{}", number / unit->factor, unit->name);
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::vector<std::string> split_commas(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    items.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

/// Appends "3" or "3-5" to `cpus`; false if it is neither or names a CPU again.
bool read_cpu_run(std::string_view run, std::vector<std::uint32_t>& cpus) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const std::size_t dash = std::min(run.find('-'), run.size());
  if (!read_digits(run.substr(0, dash), first)) return false;
  if (dash == run.size()) last = first;
  else if (!read_digits(run.substr(dash + 1), last)) return false;
  if (first > last || last >= cpus_max) return false;
  for (std::uint64_t cpu = first; cpu <= last; ++cpu) {
    if (std::ranges::find(cpus, cpu) != cpus.end()) return false;
    cpus.push_back(static_cast<std::uint32_t>(cpu));
  }
  return true;
}

/// Whether the number keeps the rule's bounds. The complaint shows it as `as_written`.
template <typename NumberRule>
Read<void> check_number(const NumberRule& rule, std::uint64_t number, const std::string& as_written) {
  if (number < rule.least || number > rule.most) {
    return std::unexpected(complaint(as_written + " is out of range", rule));
  }
  if constexpr (requires { rule.power_of_two; }) {
    if (rule.power_of_two && !std::has_single_bit(number)) {
      return std::unexpected(complaint(as_written + " is not a power of two", rule));
    }
  }
  return {};
}

/// The value, or the error of its check.
template <typename Value>
Read<Value> if_sound(Read<void> checked, Value value) {
  if (!checked) return std::unexpected(std::move(checked.error()));
  return value;
}

}  // namespace

Read<std::uint64_t> read(const SizeRule& rule, const RawValue& value) {
  if (!has_shape(value, RawValue::Shape::text)) return std::unexpected(wrong_shape(value, rule));
  if (const auto word = read_word(rule.off, value.text)) return *word;
  const auto bytes = read_quantity(size_units, value.text, rule);
  return bytes ? if_sound(check_number(rule, *bytes, quoted(value.text)), *bytes) : bytes;
}

Read<std::uint64_t> read(const DurationRule& rule, const RawValue& value) {
  if (!has_shape(value, RawValue::Shape::text)) return std::unexpected(wrong_shape(value, rule));
  if (const auto word = read_word(rule.off, value.text)) return *word;
  if (value.text == off_word) return std::unexpected(complaint("\"off\" is refused here", rule));
  const auto nanoseconds = read_quantity(duration_units, value.text, rule);
  return nanoseconds ? if_sound(check_number(rule, *nanoseconds, quoted(value.text)), *nanoseconds) : nanoseconds;
}

Read<std::uint64_t> read(const CountRule& rule, const RawValue& value) {
  const bool may_be_word = value.shape == RawValue::Shape::text || value.shape == RawValue::Shape::untyped;
  if (const auto word = may_be_word ? read_word(rule.off, value.text) : std::nullopt) return *word;
  if (!has_shape(value, RawValue::Shape::integer)) return std::unexpected(wrong_shape(value, rule));
  const std::string written = printable(value.text);
  const bool all_digits = value.text.find_first_not_of("0123456789") == std::string::npos;
  const bool negative = value.text.starts_with('-');
  if (value.text.empty() || (!all_digits && !negative)) {
    return std::unexpected(complaint(quoted(value.text) + " is not a number", rule));
  }
  std::uint64_t number = 0;
  if (!read_digits(value.text, number)) return std::unexpected(complaint(written + " is out of range", rule));
  return if_sound(check_number(rule, number, written), number);
}

Read<bool> read(const FlagRule& rule, const RawValue& value) {
  if (!has_shape(value, RawValue::Shape::boolean)) return std::unexpected(wrong_shape(value, rule));
  if (value.text == "true") return true;
  if (value.text == "false") return false;
  return std::unexpected(complaint(quoted(value.text) + " is neither true nor false", rule));
}

Read<std::size_t> read(const WordRule& rule, const RawValue& value) {
  if (!has_shape(value, RawValue::Shape::text)) return std::unexpected(wrong_shape(value, rule));
  const auto word = std::ranges::find(rule.words, value.text);
  if (word == rule.words.end()) return std::unexpected(complaint(quoted(value.text) + " is none of the words", rule));
  return static_cast<std::size_t>(word - rule.words.begin());
}

Read<std::string> read(const TextRule& rule, const RawValue& value) {
  if (!has_shape(value, RawValue::Shape::text)) return std::unexpected(wrong_shape(value, rule));
  return if_sound(check(rule, value.text), value.text);
}

Read<std::vector<std::string>> read(const ListRule& rule, const RawValue& value) {
  if (!has_shape(value, RawValue::Shape::list)) return std::unexpected(wrong_shape(value, rule));
  std::vector<std::string> items = value.shape == RawValue::Shape::untyped ? split_commas(value.text) : value.items;
  return if_sound(check(rule, items), items);
}

Read<std::vector<std::uint32_t>> read(const CpuListRule& rule, const RawValue& value) {
  if (!has_shape(value, RawValue::Shape::text)) return std::unexpected(wrong_shape(value, rule));
  std::vector<std::uint32_t> cpus;
  if (value.text == "all") return cpus;
  const bool cut = value.text.empty() || value.text.ends_with(',');
  for (const std::string& run : split_commas(value.text)) {
    if (cut || !read_cpu_run(run, cpus)) {
      return std::unexpected(complaint(quoted(value.text) + " does not fit", rule));
    }
  }
  if (cpus.empty()) return std::unexpected(complaint(quoted(value.text) + " does not fit", rule));
  return cpus;
}

Read<void> check(const SizeRule& rule, std::uint64_t bytes) {
  return word_of(rule.off, bytes).empty() ? check_number(rule, bytes, print(rule, bytes)) : Read<void>{};
}

Read<void> check(const DurationRule& rule, std::uint64_t nanoseconds) {
  return word_of(rule.off, nanoseconds).empty() ? check_number(rule, nanoseconds, print(rule, nanoseconds)) : Read<void>{};
}

Read<void> check(const CountRule& rule, std::uint64_t count) {
  return word_of(rule.off, count).empty() ? check_number(rule, count, print(rule, count)) : Read<void>{};
}

Read<void> check(const FlagRule&, bool) { return {}; }

Read<void> check(const WordRule& rule, std::size_t index) {
  if (index < rule.words.size()) return {};
  return std::unexpected(complaint(fmt::format("word {} is none of the words", index), rule));
}

Read<void> check(const TextRule& rule, const std::string& text) {
  if (rule.text.accepts(text)) return {};
  return std::unexpected(complaint(quoted(without_secret(rule.text, text)) + " does not fit", rule));
}

Read<void> check(const ListRule& rule, const std::vector<std::string>& items) {
  if (items.size() < rule.items_least || items.size() > rule.items_most) {
    return std::unexpected(complaint(fmt::format("{} items are out of range", items.size()), rule));
  }
  for (auto item = items.begin(); item != items.end(); ++item) {
    if (!rule.item.accepts(*item)) return std::unexpected(complaint(quoted(*item) + " does not fit", rule));
    if (std::find(items.begin(), item, *item) != item) {
      return std::unexpected(complaint(quoted(*item) + " is there twice", rule));
    }
  }
  return {};
}

Read<void> check(const CpuListRule& rule, const std::vector<std::uint32_t>& cpus) {
  for (auto cpu = cpus.begin(); cpu != cpus.end(); ++cpu) {
    if (*cpu >= cpus_max || std::find(cpus.begin(), cpu, *cpu) != cpu) {
      return std::unexpected(complaint(fmt::format("CPU {} does not fit", *cpu), rule));
    }
  }
  return {};
}

std::string print(const SizeRule& rule, std::uint64_t bytes) {
  const std::string_view word = word_of(rule.off, bytes);
  return toml_string(word.empty() ? print_quantity(size_units, bytes) : word);
}

std::string print(const DurationRule& rule, std::uint64_t nanoseconds) {
  if (const std::string_view word = word_of(rule.off, nanoseconds); !word.empty()) return toml_string(word);
  return toml_string(nanoseconds == 0 ? "0s" : print_quantity(duration_units, nanoseconds));
}

std::string print(const CountRule& rule, std::uint64_t count) {
  const std::string_view word = word_of(rule.off, count);
  return word.empty() ? std::to_string(count) : toml_string(word);
}

std::string print(const FlagRule&, bool value) { return value ? "true" : "false"; }
std::string print(const WordRule& rule, std::size_t index) { return toml_string(rule.words[index]); }
std::string print(const TextRule&, const std::string& text) { return toml_string(text); }
std::string show(const TextRule& rule, const std::string& text) { return toml_string(without_secret(rule.text, text)); }

std::string print(const ListRule&, const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) {
    if (out.size() > 1) out += ", ";
    out += toml_string(item);
  }
  return out + ']';
}

std::string print(const CpuListRule&, const std::vector<std::uint32_t>& cpus) {
  if (cpus.empty()) return "\"all\"";
  std::string out;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!out.empty()) out += ',';
    out += last == i ? fmt::format("{}", cpus[i]) : fmt::format("{}-{}", cpus[i], cpus[last]);
    i = last + 1;
  }
  return toml_string(out);
}

namespace {

std::string describe_kind(const SizeRule& rule) {
  return fmt::format("a size from {} to {}{}, with a unit{}", print_quantity(size_units, rule.least),
                     print_quantity(size_units, rule.most), rule.power_of_two ? ", a power of two" : "", words_of(rule.off));
}

std::string describe_kind(const DurationRule& rule) {
  return fmt::format("a duration from {} to {}, with a unit{}",
                     rule.least == 0 ? "0s" : print_quantity(duration_units, rule.least),
                     print_quantity(duration_units, rule.most), words_of(rule.off));
}

std::string describe_kind(const CountRule& rule) {
  return fmt::format("a number from {} to {}{}{}", rule.least, rule.most, rule.power_of_two ? ", a power of two" : "",
                     words_of(rule.off));
}

std::string describe_kind(const FlagRule&) { return "true or false"; }

std::string describe_kind(const WordRule& rule) {
  std::string out = "one of ";
  for (const std::string_view word : rule.words) {
    if (word != rule.words.front()) out += ", ";
    out += toml_string(word);
  }
  return out;
}

std::string describe_kind(const TextRule& rule) { return std::string(rule.text.shape); }

std::string describe_kind(const ListRule& rule) {
  return fmt::format("a list of {} to {} different texts, each {}", rule.items_least, rule.items_most, rule.item.shape);
}

std::string describe_kind(const CpuListRule&) { return "a CPU list such as \"0,2-3\", no CPU twice, or \"all\""; }

}  // namespace

std::string describe(const Rule& rule) {
  return std::visit([](const auto& kind) { return describe_kind(kind); }, rule);
}

std::string printable(std::string_view text, std::size_t characters_max) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= characters_max) return out + "...";
    if (c >= ' ' && c <= '~') out += c;
    else out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace ringgate::config
