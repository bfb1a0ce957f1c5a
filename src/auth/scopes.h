// What a token of a backend may do: a set of scopes, as words and as bits. Constant; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringgate::auth {

enum class Scope : std::uint8_t { push, read, admin };

/// In the order of `Scope`.
inline constexpr std::array<std::string_view, 3> scope_words{"push", "read", "admin"};

class Scopes {
 public:
  constexpr Scopes() = default;
  constexpr bool has(Scope scope) const { return (bits_ & bit(scope)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr void add(Scope scope) { bits_ = static_cast<std::uint8_t>(bits_ | bit(scope)); }
  friend constexpr bool operator==(Scopes, Scopes) = default;

  /// Reads `push,read`: each word known and given once, at least one.
  static constexpr std::optional<Scopes> parse(std::string_view text) {
    Scopes scopes;
    for (;;) {
      const std::size_t comma = text.find(',');
      std::size_t word = 0;
      while (word < scope_words.size() && scope_words[word] != text.substr(0, comma)) ++word;
      if (word == scope_words.size() || scopes.has(static_cast<Scope>(word))) return std::nullopt;
      scopes.add(static_cast<Scope>(word));
      if (comma == std::string_view::npos) return scopes;
      text.remove_prefix(comma + 1);
    }
  }

  std::string print() const {
    std::string text;
    for (std::size_t i = 0; i < scope_words.size(); ++i) {
      if (has(static_cast<Scope>(i))) text += (text.empty() ? "" : ",") + std::string(scope_words[i]);
    }
    return text;
  }

 private:
  static constexpr unsigned bit(Scope scope) { return 1U << static_cast<unsigned>(scope); }
  std::uint8_t bits_ = 0;
};

}  // namespace ringgate::auth
