// The words of a line of rows/*.rows. A fault throws ListFault, which names file and line.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ringgate::abuse {

struct ListFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Token {
  enum class Kind : std::uint8_t {
    word,   // letters, digits, and inner - and _
    bytes,  // "text with \r \n \t \0 \" \\ \x7f", or <81 05>
    sign,   // one of { } ( ) , ; * + - : $ -> => ..
    end,
  };
  Kind kind = Kind::end;
  std::string text;  // bytes: what they stand for

  bool is(std::string_view sign) const { return kind == Kind::sign && text == sign; }
  bool is_word(std::string_view word) const { return kind == Kind::word && text == word; }
};

/// The tokens of `line` up to a # outside of quotes, with one of kind `end` behind them.
std::vector<Token> split(std::string_view line);

}  // namespace ringgate::abuse
