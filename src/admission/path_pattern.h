// The path of a route: a text that a request's path must equal, or one with the segment `{id}`, which stands for the id of a device.
// Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

namespace ringgate::admission {

/// Borrows its text from the configuration. Converts from the text, so that a route reads `.path = "/ws"`.
class PathPattern {
 public:
  constexpr PathPattern() = default;
  // Implicit: the text is the pattern. `text` is valid (see is_valid_pattern).
  constexpr PathPattern(std::string_view text) : text_(text), id_begins_(text.find(placeholder)) {}
  constexpr PathPattern(const char* text) : PathPattern(std::string_view{text}) {}

  static constexpr std::string_view placeholder = "{id}";

  constexpr bool has_id() const { return id_begins_ != std::string_view::npos; }
  constexpr std::string_view text() const { return text_; }

  /// The segment in the place of `{id}`, not decoded and perhaps empty; empty for a pattern without one; nullopt if `path` does not
  /// match. Literal parts are compared byte by byte.
  constexpr std::optional<std::string_view> match(std::string_view path) const {
    if (!has_id()) return path == text_ ? std::optional<std::string_view>{std::string_view{}} : std::nullopt;
    const std::string_view before = text_.substr(0, id_begins_);
    const std::string_view after = text_.substr(id_begins_ + placeholder.size());
    if (path.size() < before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
    path.remove_prefix(before.size());
    path.remove_suffix(after.size());
    return path.contains('/') ? std::nullopt : std::optional{path};
  }

  /// True if braces occur only as one whole segment `{id}`, or not at all. What else a path may contain is not checked.
  static constexpr bool is_valid_pattern(std::string_view text) {
    const std::size_t begins = text.find(placeholder);
    const std::size_t ends = begins + placeholder.size();
    if (begins == std::string_view::npos) return text.find_first_of("{}") == std::string_view::npos;
    if (text.substr(0, begins).find_first_of("{}") != std::string_view::npos) return false;
    if (text.substr(ends).find_first_of("{}") != std::string_view::npos) return false;
    return begins > 0 && text[begins - 1] == '/' && (ends == text.size() || text[ends] == '/');
  }

 private:
  std::string_view text_;
  std::size_t id_begins_ = std::string_view::npos;
};

}  // namespace ringgate::admission
