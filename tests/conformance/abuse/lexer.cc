#include "lexer.h"

#include <array>
#include <cctype>

namespace ringgate::abuse {

namespace {

constexpr std::array<std::string_view, 14> signs{"->", "=>", "..", "{", "}", "(", ")", ",", ";", "*", "+", "-", ":", "$"};

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  throw ListFault(std::string("no hexadecimal digit (0-9a-f): ") + c);
}

char hex_pair(std::string_view& rest) {
  if (rest.size() < 2) throw ListFault("half a byte");
  const char byte = static_cast<char>(digit_of(rest[0]) << 4 | digit_of(rest[1]));
  rest.remove_prefix(2);
  return byte;
}

char take(std::string_view& rest) {
  if (rest.empty()) throw ListFault("quotes are not closed");
  const char c = rest.front();
  rest.remove_prefix(1);
  return c;
}

char escaped(std::string_view& rest) {
  switch (const char c = take(rest)) {
    case 'r': return '\r';
    case 'n': return '\n';
    case 't': return '\t';
    case '0': return '\0';
    case 'x': return hex_pair(rest);
    case '"':
    case '\\': return c;
    default: throw ListFault(std::string("unknown escape: \\") + c);
  }
}

Token quoted(std::string_view& rest) {
  Token token{Token::Kind::bytes, ""};
  rest.remove_prefix(1);
  for (char c = take(rest); c != '"'; c = take(rest)) token.text += c == '\\' ? escaped(rest) : c;
  return token;
}

Token hexadecimal(std::string_view& rest) {
  Token token{Token::Kind::bytes, ""};
  rest.remove_prefix(1);
  while (!rest.starts_with('>')) {
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    else token.text += hex_pair(rest);
  }
  rest.remove_prefix(1);
  return token;
}

bool is_word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

Token word(std::string_view& rest) {
  std::size_t size = 0;
  while (size < rest.size() &&
         (is_word_character(rest[size]) || (rest[size] == '-' && size + 1 < rest.size() && is_word_character(rest[size + 1]))))
    ++size;
  const Token token{Token::Kind::word, std::string(rest.substr(0, size))};
  rest.remove_prefix(size);
  return token;
}

Token sign(std::string_view& rest) {
  for (const std::string_view candidate : signs) {
    if (!rest.starts_with(candidate)) continue;
    rest.remove_prefix(candidate.size());
    return {Token::Kind::sign, std::string(candidate)};
  }
  throw ListFault("cannot read: " + std::string(rest));
}

}  // namespace

std::vector<Token> split(std::string_view line) {
  std::vector<Token> tokens;
  while (!line.empty() && line.front() != '#') {
    const char c = line.front();
    if (c == ' ') line.remove_prefix(1);
    else if (c == '"') tokens.push_back(quoted(line));
    else if (c == '<') tokens.push_back(hexadecimal(line));
    else if (is_word_character(c)) tokens.push_back(word(line));
    else tokens.push_back(sign(line));
  }
  tokens.push_back({});
  return tokens;
}

}  // namespace ringgate::abuse
