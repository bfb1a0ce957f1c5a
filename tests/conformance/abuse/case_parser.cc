#include "case_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "bytes.h"
#include "deflate.h"

namespace ringgate::abuse {

namespace {

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// `payload` in `count` frames of about the same size; `first` is the byte that a single frame would begin with.
std::string fragments(std::uint8_t first, std::size_t count, std::string_view payload) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = payload.size() * i / count;
    const std::size_t end = payload.size() * (i + 1) / count;
    const int fin = i + 1 == count ? 0x80 : 0;
    const int rest = i == 0 ? first & 0x7F : 0;
    bytes += frame(static_cast<std::uint8_t>(fin | rest), payload.substr(begin, end - begin));
  }
  return bytes;
}

/// Reads one line from left to right.
class CaseParser {
 public:
  CaseParser(std::span<const Token> line, std::string each) : line_(line), each_(std::move(each)) {}

  Case parse();
  std::vector<std::string> parse_values();
  std::size_t position() const { return at_; }

 private:
  // -- Tokens.
  const Token& peek() const { return line_[at_]; }
  const Token& next() { return line_[peek().kind == Token::Kind::end ? at_ : at_++]; }
  bool accept(std::string_view sign) {
    if (!peek().is(sign)) return false;
    next();
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!peek().is_word(word)) return false;
    next();
    return true;
  }
  void expect(std::string_view sign) {
    if (!accept(sign)) throw ListFault("expected " + std::string(sign) + " before '" + peek().text + "'");
  }
  std::uint64_t number();
  DurationNs duration();

  // -- Bytes.
  bool bytes_begin() const;
  std::string bytes();
  std::string repeated();
  std::string primary();
  std::string in_brackets();
  std::string named(const std::string& name);
  std::string edited(std::string request);
  void edit(std::string& request);
  static void lengthen(std::string& request, std::uint64_t size);

  // -- Steps and verdicts.
  bool step(Case& result);
  Verdict verdict();
  bool verdict_item(Verdict& result);
  bool frame_item(Verdict& result);
  bool answer_item(Verdict& result);

  std::span<const Token> line_;
  std::string each_;
  std::size_t at_ = 0;
  bool is_push_ = false;
};

std::uint64_t CaseParser::number() {
  const std::string text = accept("$") ? each_ : next().text;
  const auto number = number_in(text);
  if (!number) throw ListFault("expected a number, not '" + text + "'");
  return *number;
}

DurationNs CaseParser::duration() {
  const std::string text = next().text;
  const auto unit_at = std::ranges::find_if(text, [](char c) { return c < '0' || c > '9'; });
  const std::string unit(unit_at, text.end());
  const auto count = number_in(std::string(text.begin(), unit_at));
  if (!count || (unit != "s" && unit != "ms")) throw ListFault("expected a duration such as 500ms, not '" + text + "'");
  return *count * (unit == "s" ? nanoseconds_per_second : nanoseconds_per_millisecond);
}

bool CaseParser::bytes_begin() const {
  const Token& token = peek();
  if (token.kind == Token::Kind::bytes || token.is("(") || token.is("$")) return true;
  if (token.kind != Token::Kind::word) return false;
  return token.text == "U" || token.text == "P" || line_[at_ + 1].is("(") || line_[at_ + 1].is("*");
}

/// One or more pieces, joined.
std::string CaseParser::bytes() {
  std::string result = repeated();
  while (bytes_begin()) result += repeated();
  return result;
}

std::string CaseParser::repeated() {
  if (!line_[at_ + (peek().kind == Token::Kind::end ? 0 : 1)].is("*")) return primary();
  const std::uint64_t count = number();
  expect("*");
  const std::string piece = primary();
  std::string result;
  result.reserve(count * piece.size());
  for (std::uint64_t i = 0; i < count; ++i) result += piece;
  return result;
}

std::string CaseParser::primary() {
  if (accept("$")) return each_;
  if (peek().is("(")) return in_brackets();
  const Token& token = next();
  if (token.kind == Token::Kind::bytes) return token.text;
  if (token.kind == Token::Kind::word) return named(token.text);
  throw ListFault("expected bytes before '" + token.text + "'");
}

std::string CaseParser::in_brackets() {
  expect("(");
  std::string result = bytes();
  expect(")");
  return result;
}

std::string CaseParser::named(const std::string& name) {
  if (name == "U") return edited(good_upgrade());
  if (name == "P") {
    is_push_ = true;
    return edited(good_push());
  }
  if (name == "m") return masked(in_brackets());
  if (name == "deflate") return deflated(in_brackets());
  if (name == "text") return frame(0x81, in_brackets());
  if (name == "binary") return frame(0x82, in_brackets());
  if (name == "begin") return frame(0x01, in_brackets());
  if (name == "continue") return frame(0x00, in_brackets());
  if (name == "last") return frame(0x80, in_brackets());
  if (name == "ping") return frame(0x89, in_brackets());
  if (name == "pong") return frame(0x8a, in_brackets());
  expect("(");
  if (name == "noise") {
    const std::uint64_t count = number();
    expect(")");
    return noise(count);
  }
  if (name == "close") {
    const auto code = static_cast<std::uint16_t>(number());
    const std::string reason = accept(",") ? bytes() : "";
    expect(")");
    return frame(0x88, close_payload(code, reason));
  }
  if (name != "frame" && name != "fragments") throw ListFault("unknown name: " + name);
  const auto first = static_cast<std::uint8_t>(primary().at(0));
  expect(",");
  const std::uint64_t count = name == "fragments" ? number() : 1;
  if (name == "fragments") expect(",");
  const std::string payload = bytes();
  expect(")");
  return count == 1 ? frame(first, payload) : fragments(first, count, payload);
}

std::string CaseParser::edited(std::string request) {
  if (!accept("{")) return request;
  do edit(request);
  while (accept(";"));
  expect("}");
  return request;
}

/// `A => B` replaces the first A, `all A => B` each; `+ A` adds a field line; `- A` takes out the line that begins so;
/// `body A` sets the body; `to N` adds field lines until the request is N bytes long.
void CaseParser::edit(std::string& request) {
  const auto place_of = [&request](const std::string& text) {
    const std::size_t at = request.find(text);
    if (at == std::string::npos) throw ListFault("nothing to edit: no '" + text + "' in the request");
    return at;
  };
  if (accept("+")) {
    request.insert(place_of("\r\n\r\n") + 2, bytes() + "\r\n");
  } else if (accept("-")) {
    const std::size_t begin = place_of("\r\n" + bytes()) + 2;
    request.erase(begin, request.find("\r\n", begin) + 2 - begin);
  } else if (accept_word("body")) {
    const std::string body = bytes();
    request.replace(place_of("\r\n\r\n") + 4, std::string::npos, body);
  } else if (accept_word("to")) {
    lengthen(request, number());
  } else {
    const bool is_for_all = accept_word("all");
    const std::string from = bytes();
    expect("=>");
    const std::string to = bytes();
    std::size_t at = place_of(from);
    do {
      request.replace(at, from.size(), to);
      at = request.find(from, at + to.size());
    } while (is_for_all && at != std::string::npos);
  }
}

void CaseParser::lengthen(std::string& request, std::uint64_t size) {
  constexpr std::string_view name = "X-Fill: ";
  constexpr std::size_t line_bytes_max = 4000;
  while (request.size() < size) {
    std::size_t missing = size - request.size();
    if (missing > line_bytes_max) missing = std::min(line_bytes_max, missing - 100);
    if (missing < name.size() + 3) throw ListFault("too little room to lengthen the request");
    request.insert(request.find("\r\n\r\n") + 2, std::string(name) + std::string(missing - name.size() - 2, 'x') + "\r\n");
  }
}

bool CaseParser::step(Case& result) {
  const auto add = [&result](Step::Kind kind, std::string bytes = "", DurationNs duration = 0) {
    result.steps.push_back({kind, std::move(bytes), duration});
    return true;
  };
  if (accept_word("W")) {
    if (!result.steps.empty() || !result.opening.empty()) throw ListFault("W comes first, and once");
    result.opening = edited(good_upgrade());
    return true;
  }
  if (accept_word("wait")) return add(Step::Kind::wait, "", duration());
  if (accept_word("fin")) return add(Step::Kind::finish);
  if (accept_word("reset")) return add(Step::Kind::reset);
  if (accept_word("stop-reading")) return add(Step::Kind::stop_reading);
  if (accept_word("resume-reading")) return add(Step::Kind::resume_reading);
  if (accept_word("drip")) {
    const DurationNs pause = duration();
    return add(Step::Kind::drip, bytes(), pause);
  }
  return bytes_begin() && add(Step::Kind::send, bytes());
}

bool CaseParser::frame_item(Verdict& result) {
  static constexpr std::array<std::pair<std::string_view, ws::Opcode>, 3> opcodes{
      {{"text", ws::Opcode::text}, {"binary", ws::Opcode::binary}, {"pong", ws::Opcode::pong}}};
  for (const auto& [word, opcode] : opcodes) {
    if (!accept_word(word)) continue;
    result.frames.push_back({opcode, bytes()});
    return true;
  }
  if (!accept_word("close")) return false;
  result.close_code = static_cast<std::uint16_t>(number());
  if (bytes_begin()) result.close_reason = bytes();
  result.afterwards = Afterwards::ended;
  return true;
}

/// `400`, `400c`, and what belongs to the answer before: `with LINE`, `without NAME`, `lacks TEXT`, `no-body`.
bool CaseParser::answer_item(Verdict& result) {
  if (peek().is_word("with") || peek().is_word("without") || peek().is_word("lacks") || peek().is_word("no-body")) {
    if (result.answers.empty()) throw ListFault("which answer is this about?");
    WantedAnswer& answer = result.answers.back();
    if (accept_word("no-body")) answer.has_no_body = true;
    else if (accept_word("with")) answer.lines.push_back(bytes());
    else if (accept_word("lacks")) answer.texts_not.push_back(bytes());
    else next(), answer.texts_not.push_back("\r\n" + bytes() + ":");
    return true;
  }
  if (peek().kind != Token::Kind::word || peek().text == "or") return false;
  std::string text = next().text;
  const bool closes = text.ends_with('c');
  if (closes) text.pop_back();
  const auto status = number_in(text);
  if (!status || *status < 100 || *status > 599) throw ListFault("no verdict: " + text);
  result.answers.push_back({.status = static_cast<int>(*status), .closes = closes, .lines = {}, .texts_not = {}});
  if (closes) result.afterwards = Afterwards::ended;
  return true;
}

bool CaseParser::verdict_item(Verdict& result) {
  static constexpr std::array<std::pair<std::string_view, Afterwards>, 3> endings{
      {{"ends", Afterwards::ended}, {"silent", Afterwards::silent}, {"unseen", Afterwards::unseen}}};
  if (peek().kind == Token::Kind::word && line_[at_ + 1].is_word("times")) {
    const std::uint64_t count = number();
    next();
    const std::size_t begin = at_;
    for (std::uint64_t i = 0; i < count; ++i) {
      at_ = begin;
      if (!verdict_item(result)) throw ListFault("times what?");
    }
    return true;
  }
  for (const auto& [word, afterwards] : endings) {
    if (!accept_word(word)) continue;
    result.afterwards = afterwards;
    return true;
  }
  if (accept_word("pushes")) {
    result.pushes.push_back(bytes());
    return true;
  }
  return frame_item(result) || answer_item(result);
}

Verdict CaseParser::verdict() {
  Verdict result;
  if (!verdict_item(result)) throw ListFault("no verdict before '" + peek().text + "'");
  while (verdict_item(result)) {
  }
  return result;
}

Case CaseParser::parse() {
  Case result;
  while (step(result)) {
  }
  expect("->");
  do result.accepted.push_back(verdict());
  while (accept_word("or"));
  if (peek().kind != Token::Kind::end) throw ListFault("left over: " + peek().text);
  if (is_push_) result.port = Port::admin;
  return result;
}

/// `A, B, <01>..<08>:`
std::vector<std::string> CaseParser::parse_values() {
  std::vector<std::string> values;
  do {
    values.push_back(peek().kind == Token::Kind::word && !bytes_begin() ? next().text : bytes());
    if (!accept("..")) continue;
    const std::string last = primary();
    if (values.back().size() != 1 || last.size() != 1) throw ListFault("a range goes from one byte to another");
    for (auto byte = static_cast<std::uint8_t>(values.back()[0]); byte != static_cast<std::uint8_t>(last[0]);)
      values.emplace_back(1, static_cast<char>(++byte));
  } while (accept(","));
  expect(":");
  return values;
}

}  // namespace

std::vector<std::string> parse_each(std::span<const Token> line, std::size_t& rest) {
  rest = 0;
  if (!line[0].is_word("each")) return {};
  CaseParser parser(line.subspan(1), "");
  auto values = parser.parse_values();
  rest = 1 + parser.position();
  return values;
}

Case parse_case(std::span<const Token> line, const std::string& each) { return CaseParser(line, each).parse(); }

}  // namespace ringgate::abuse
