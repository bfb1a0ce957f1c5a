#include "config/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "config/table.h"

// Header-only, not linked: the library's own build throws exceptions and allows 256 levels of nesting. Version 3.3.0 also
// asserts, or assumes with NDEBUG, that a key follows "[". Its code handles a missing key, so assertions are off here.
#undef NDEBUG
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ASSERT(expression) static_assert(true)
#define TOML_MAX_NESTED_VALUES 8
#include <toml++/toml.h>

namespace ringgate::config {
namespace {

static_assert(TOML_MAX_NESTED_VALUES == config_nesting_max);

using Shape = RawValue::Shape;

std::string path_component(std::string_view key) {
  const bool bare = !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? std::string(key) : '"' + printable(key) + '"';
}

RawValue list_value(const toml::array& array) {
  RawValue value{Shape::list, {}, {}};
  for (const toml::node& item : array) {
    const auto* text = item.as_string();
    if (text == nullptr) return {Shape::other, "a list of anything but texts", {}};
    value.items.push_back(text->get());
  }
  return value;
}

RawValue raw_value(const toml::node& node) {
  if (const auto* text = node.as_string()) return {Shape::text, text->get(), {}};
  if (const auto* number = node.as_integer()) return {Shape::integer, std::to_string(number->get()), {}};
  if (const auto* flag = node.as_boolean()) return {Shape::boolean, flag->get() ? "true" : "false", {}};
  if (const auto* array = node.as_array()) return list_value(*array);
  if (node.is_table()) return {Shape::other, "a section", {}};
  if (node.is_floating_point()) return {Shape::other, "a number with a fraction", {}};
  return {Shape::other, "a date or time", {}};
}

std::size_t line_of(const toml::node& node) { return node.source().begin.line; }

/// Collects the settings of a parsed file. Descends only into known sections, so deep nesting costs nothing.
class Collector {
 public:
  explicit Collector(FileContent& content) : content_(content) {}

  void collect(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const std::string name = path_component(key.str());
      const RepeatedSection* repeated = find_repeated(name);
      if (repeated != nullptr && node.is_array()) collect_entries(name, *repeated, *node.as_array());
      else if (repeated == nullptr && is_section(name) && node.is_table()) collect_section(name, name, *node.as_table());
      else add(name, raw_value(node), line_of(node));
    }
  }

 private:
  /// `name`: the section's name in the table of settings; `prefix`: the same with the entry's index.
  void collect_section(const std::string& name, const std::string& prefix, const toml::table& section) {
    for (const auto& [key, node] : section) {
      const std::string last = '.' + path_component(key.str());
      if (node.is_table() && is_section(name + last)) collect_section(name + last, prefix + last, *node.as_table());
      else add(prefix + last, raw_value(node), line_of(node));
    }
  }

  void collect_entries(const std::string& name, const RepeatedSection& section, const toml::array& entries) {
    content_.entries[name] = entries.size();
    if (entries.empty() || entries.size() > section.entries_max) {
      add(name, {Shape::list, {}, {}}, line_of(entries.empty() ? entries : *entries.get(section.entries_max)));
      return;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const toml::node& entry = *entries.get(i);
      const std::string prefix = fmt::format("{}.{}", name, i);
      if (entry.is_table()) collect_section(name, prefix, *entry.as_table());
      else add(prefix, raw_value(entry), line_of(entry));
    }
  }

  void add(std::string path, RawValue value, std::size_t line) {
    content_.settings.push_back({std::move(path), std::move(value), line});
  }

  FileContent& content_;
};

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

/// Refuses NUL bytes, overlong lines, and bytes beyond ASCII outside comments before the parser sees the text. No setting needs
/// bytes beyond ASCII, and toml++ 3.3.0 has undefined behaviour on them.
std::expected<void, FileFault> check_lines(std::string_view text) {
  std::size_t line = 1;
  if (text.starts_with("\xEF\xBB\xBF"))
    return std::unexpected(FileFault{line, {"the file begins with a byte-order mark", "save it without one"}});
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = text.substr(0, end);
    if (content.contains('\0')) return std::unexpected(FileFault{line, {"a NUL byte", "write plain text"}});
    if (!std::ranges::all_of(content.substr(0, content.find('#')), is_ascii)) {
      return std::unexpected(FileFault{line, {"a byte beyond ASCII", "use such characters only in comments"}});
    }
    if (content.size() > config_line_bytes_max) {
      return std::unexpected(FileFault{
          line,
          {fmt::format("the line is longer than {} bytes", config_line_bytes_max), "break it; a list may span several lines"}});
    }
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
  }
  return {};
}

}  // namespace

std::expected<FileContent, FileFault> parse_config_text(std::string_view text) {
  if (text.size() > config_file_bytes_max) {
    return std::unexpected(FileFault{
        0, {fmt::format("the file is larger than {} bytes", config_file_bytes_max), "name the file that holds the settings"}});
  }
  if (auto lines = check_lines(text); !lines) return std::unexpected(std::move(lines.error()));
  // A "#" may also be part of a string. Then bytes beyond ASCII after it become question marks, which no rule accepts.
  std::string ascii(text);
  std::ranges::replace_if(ascii, std::not_fn(is_ascii), '?');
  const toml::parse_result result = toml::parse(ascii);
  if (!result) {
    const toml::parse_error& error = result.error();
    return std::unexpected(
        FileFault{error.source().begin.line,
                  {printable(error.description(), 200),
                   "correct the TOML on this line; all values but numbers and true or false stand in quotes"}});
  }
  FileContent content;
  Collector(content).collect(result.table());
  std::ranges::sort(content.settings, {}, [](const FileSetting& s) { return std::pair(s.line, std::string_view(s.path)); });
  return content;
}

}  // namespace ringgate::config
