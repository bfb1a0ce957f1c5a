#include "http/request_head_parser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "http/byte_class.h"
#include "http/byte_run.h"
#include "http/uri.h"

namespace ringgate::http {
namespace {

constexpr std::array<std::pair<std::string_view, Method>, 10> methods{{
    {"GET", Method::get},
    {"HEAD", Method::head},
    {"POST", Method::post},
    {"PUT", Method::put},
    {"DELETE", Method::delete_},
    {"CONNECT", Method::connect},
    {"OPTIONS", Method::options},
    {"TRACE", Method::trace},
    {"PATCH", Method::patch},
    {"QUERY", Method::query},
}};

Method method_of(std::string_view text) {
  for (const auto& [name, method] : methods) {
    if (name == text) return method;
  }
  return Method::unknown;
}

constexpr std::string_view version_pattern = "HTTP/d.d\r";  // d: one digit

}  // namespace

HeadVerdict RequestHeadParser::resume(ByteView bytes) {
  const std::size_t end = std::min<std::size_t>(bytes.size(), rules_.head_bytes_max);
  while (cursor_ < end && state_ < State::complete) {
    if (const Fault fault = step(bytes, end)) {
      rejection_ = *fault;
      state_ = State::rejected;
    }
  }
  if (state_ < State::complete && cursor_ == rules_.head_bytes_max) {
    rejection_ = Rejection::head_too_large;
    state_ = State::rejected;
  }
  return verdict();
}

HeadVerdict RequestHeadParser::verdict() const {
  switch (state_) {
    case State::complete: return {.status = HeadStatus::complete, .head_bytes = cursor_};
    case State::rejected: return {.status = HeadStatus::rejected, .rejection = rejection_};
    default: return {};
  }
}

void RequestHeadParser::reset() {
  std::vector<FieldLine> fields = std::move(head_.fields);
  fields.clear();
  *this = RequestHeadParser{rules_};
  head_.fields = std::move(fields);
}

// Passes bytes of `classes` in `[cursor_, end)`.
void RequestHeadParser::pass_run(ByteView bytes, std::size_t end, std::uint8_t classes) {
  if (cursor_ >= end) return;
  const std::size_t begin = cursor_;
  cursor_ = static_cast<std::uint16_t>(end_of_run(bytes, begin, end, classes));
  bytes_examined_ += cursor_ - begin;
}

// Reads the current part as far as its bytes are there, a field line over all its parts; `cursor_ < end`. Leaves the cursor behind the
// accepted bytes.
RequestHeadParser::Fault RequestHeadParser::step(ByteView bytes, std::size_t end) {
  switch (state_) {
    case State::field_start:
    case State::field_name:
    case State::field_ows:
    case State::field_value:
    case State::field_line_lf: return read_field_line(bytes, end);
    case State::method: return read_method(bytes, end);
    case State::target: return read_target(bytes, end);
    case State::version: return read_version(bytes, end);
    default: break;
  }
  const std::uint8_t byte = bytes[cursor_];
  ++bytes_examined_;
  Fault fault;
  switch (state_) {
    case State::start:
    case State::start_lf:
    case State::start_method:
    case State::second_lf:
    case State::second_empty: fault = read_start(byte); break;
    case State::request_line_lf:
      fault = byte == '\n' ? finish_request_line(bytes) : Rejection::line_ending_malformed;
      state_ = State::field_start;
      break;
    case State::head_lf:
      fault = byte == '\n' ? finish_head(bytes) : Rejection::line_ending_malformed;
      state_ = State::complete;
      break;
    default: std::unreachable();  // the others returned above, and a verdict ends the loop
  }
  ++cursor_;
  return fault;
}

RequestHeadParser::Fault RequestHeadParser::read_start(std::uint8_t byte) {
  if (state_ == State::second_lf && byte == '\n') {
    state_ = State::second_empty;
    return {};
  }
  if (state_ == State::second_lf || state_ == State::second_empty) return Rejection::empty_line_repeated;
  if (state_ == State::start_lf) {
    state_ = State::start_method;
    return byte == '\n' ? Fault{} : Rejection::line_ending_malformed;
  }
  if (byte == '\r') {
    state_ = state_ == State::start_method ? State::second_lf : State::start_lf;
    return {};
  }
  if (byte == '\n') return Rejection::line_ending_malformed;
  if (!is_in(byte, byte_token)) return Rejection::method_malformed;
  mark_ = cursor_;
  state_ = State::method;
  return {};
}

RequestHeadParser::Fault RequestHeadParser::read_method(ByteView bytes, std::size_t end) {
  for (; cursor_ < end; ++cursor_) {
    const std::uint8_t byte = bytes[cursor_];
    ++bytes_examined_;
    if (byte == ' ') {
      head_.method_text = span_to_cursor();
      head_.method = method_of(text_of(bytes.subspan(mark_, head_.method_text.length)));
      mark_ = ++cursor_;
      state_ = State::target;
      return {};
    }
    if (!is_in(byte, byte_token)) return Rejection::method_malformed;
    if (span_to_cursor().length >= limits::method_bytes_max) return Rejection::method_too_long;
  }
  return {};
}

RequestHeadParser::Fault RequestHeadParser::read_target(ByteView bytes, std::size_t end) {
  for (; cursor_ < end; ++cursor_) {
    if (escape_digits_ == 0) {
      const std::size_t begin = cursor_;
      // Stops at the byte that makes the target too long.
      pass_run(bytes, std::min<std::size_t>(end, mark_ + limits::target_bytes_max), byte_target);
      const ByteView run = bytes.subspan(begin, cursor_ - begin);
      if (!run.empty() && !in_query_) in_query_ = std::memchr(run.data(), '?', run.size()) != nullptr;
      if (cursor_ == end) break;
    }
    const std::uint8_t byte = bytes[cursor_];
    ++bytes_examined_;
    if (byte == ' ') {
      if (escape_digits_ > 0) return Rejection::target_escape_malformed;
      if (cursor_ == mark_) return Rejection::target_malformed;
      head_.target = span_to_cursor();
      cut_target(bytes);
      mark_ = ++cursor_;
      state_ = State::version;
      return {};
    }
    if (const Fault fault = read_target_byte(byte)) return fault;
    if (cursor_ - mark_ >= static_cast<int>(limits::target_bytes_max)) return Rejection::target_too_long;
  }
  return {};
}

// Brackets may occur in the authority of an absolute-form and in a query as browsers send it; `judge_target` refuses them
// elsewhere.
RequestHeadParser::Fault RequestHeadParser::read_target_byte(std::uint8_t byte) {
  if (escape_digits_ > 0) {
    const std::uint8_t digit = hex_value(byte);
    if (digit > 15) return Rejection::target_escape_malformed;
    escape_value_ = static_cast<std::uint8_t>(escape_value_ << 4U | digit);
    const bool is_control = escape_value_ < 0x20 || escape_value_ == 0x7f;
    return --escape_digits_ == 0 && is_control && !in_query_ ? Rejection::target_malformed : Fault{};
  }
  if (in_query_ && rules_.query == QueryRule::as_browsers_send) {
    return is_in(byte, byte_target | byte_raw_query) ? Fault{} : Rejection::target_malformed;
  }
  if (byte == '%') {
    escape_digits_ = 2;
    escape_value_ = 0;
    return {};
  }
  if (byte == '?') in_query_ = true;
  if (byte == '|' && rules_.query == QueryRule::as_browsers_send) return {};
  return is_in(byte, byte_target) || byte == '[' || byte == ']' ? Fault{} : Rejection::target_malformed;
}

RequestHeadParser::Fault RequestHeadParser::read_version(ByteView bytes, std::size_t end) {
  while (cursor_ < end && state_ == State::version) {
    const std::size_t index = span_to_cursor().length;
    const char expected = version_pattern[index];
    const std::uint8_t byte = bytes[cursor_++];
    ++bytes_examined_;
    if (expected == 'd' ? !is_digit(byte) : byte != static_cast<std::uint8_t>(expected)) return Rejection::version_malformed;
    if (index + 1 == version_pattern.size()) state_ = State::request_line_lf;
  }
  return {};
}

// Judges the version before the target, so that `PRI * HTTP/2.0` is refused for its version.
RequestHeadParser::Fault RequestHeadParser::finish_request_line(ByteView bytes) {
  const std::uint8_t major = bytes[mark_ + version_pattern.find('d')];
  const std::uint8_t minor = bytes[mark_ + version_pattern.rfind('d')];
  if (major != '1') return Rejection::version_unsupported;
  head_.minor_version = minor == '0' ? 0 : 1;
  return judge_target(bytes);
}

// Cuts the target as soon as it is read, so that the log can name it even if the rest of the line is refused.
void RequestHeadParser::cut_target(ByteView bytes) {
  const std::string_view target = text_of(bytes.subspan(head_.target.offset, head_.target.length));
  std::size_t path_begin = 0;
  if (target.front() != '/') {
    if (default_port(scheme_of(target)).empty()) {  // neither a path nor a URI of http or ws
      head_.path = head_.target;
      return;
    }
    const std::size_t authority_begin = target.find("://") + 3;
    path_begin = std::min(target.find_first_of("/?", authority_begin), target.size());
    head_.authority = {static_cast<std::uint16_t>(head_.target.offset + authority_begin),
                       static_cast<std::uint16_t>(path_begin - authority_begin)};
  }
  const std::size_t path_end = std::min(target.find('?', path_begin), target.size());
  const std::size_t query_begin = std::min(path_end + 1, target.size());
  head_.path = {static_cast<std::uint16_t>(head_.target.offset + path_begin), static_cast<std::uint16_t>(path_end - path_begin)};
  head_.query = {static_cast<std::uint16_t>(head_.target.offset + query_begin),
                 static_cast<std::uint16_t>(target.size() - query_begin)};
}

RequestHeadParser::Fault RequestHeadParser::judge_target(ByteView bytes) const {
  const RequestView request{head_, bytes};
  if (request.target().front() != '/') {
    if (head_.path.length == head_.target.length) {
      const bool is_served = (rules_.methods & methods_mask({head_.method})) != 0;
      return is_served ? Rejection::target_form_unsupported : Fault{};
    }
    if (!is_valid_authority(request.authority())) return Rejection::target_malformed;
  }
  const bool brackets = request.path().find_first_of("[]") != std::string_view::npos ||
                        (rules_.query == QueryRule::strict && request.query().find_first_of("[]") != std::string_view::npos);
  return brackets ? Rejection::target_malformed : Fault{};
}

// A field line: name, colon, white space, value, CR LF. Each part leaves its state only when it is whole.
RequestHeadParser::Fault RequestHeadParser::read_field_line(ByteView bytes, std::size_t end) {
  if (state_ == State::field_start) {
    if (const Fault fault = read_field_start(bytes[cursor_])) return fault;
  }
  if (state_ == State::field_name) {
    if (const Fault fault = read_field_name(bytes, end)) return fault;
  }
  if (state_ == State::field_ows) pass_blanks(bytes, end);
  if (state_ == State::field_value) {
    if (const Fault fault = read_field_value(bytes, end)) return fault;
  }
  if (state_ == State::field_line_lf && cursor_ < end) {
    ++bytes_examined_;
    if (bytes[cursor_++] != '\n') return Rejection::line_ending_malformed;
    state_ = State::field_start;
  }
  return {};
}

RequestHeadParser::Fault RequestHeadParser::read_field_start(std::uint8_t byte) {
  ++bytes_examined_;
  mark_ = cursor_++;
  if (byte == '\r') {
    state_ = State::head_lf;
    return {};
  }
  if (byte == '\n') return Rejection::line_ending_malformed;
  if (is_blank(byte)) return Rejection::field_folded;
  if (!is_in(byte, byte_token)) return Rejection::field_name_malformed;
  if (head_.fields.size() == rules_.fields_max) return Rejection::fields_too_many;
  state_ = State::field_name;
  return {};
}

RequestHeadParser::Fault RequestHeadParser::read_field_name(ByteView bytes, std::size_t end) {
  pass_run(bytes, end, byte_token);
  if (cursor_ == end) return {};
  ++bytes_examined_;
  if (bytes[cursor_] != ':') return Rejection::field_name_malformed;
  const HeadSpan name = span_to_cursor();
  head_.fields.push_back({name, {}});
  head_.names |= name_bit(text_of(bytes.subspan(name.offset, name.length)));
  ++cursor_;
  state_ = State::field_ows;
  return {};
}

void RequestHeadParser::pass_blanks(ByteView bytes, std::size_t end) {
  for (; cursor_ < end; ++cursor_) {
    ++bytes_examined_;
    if (is_blank(bytes[cursor_])) continue;
    mark_ = value_end_ = cursor_;
    state_ = State::field_value;
    return;
  }
}

RequestHeadParser::Fault RequestHeadParser::read_field_value(ByteView bytes, std::size_t end) {
  for (; cursor_ < end; ++cursor_) {
    pass_plain_value(bytes, end);
    if (cursor_ == end) break;
    const std::uint8_t byte = bytes[cursor_];
    ++bytes_examined_;
    if (byte == '\r') {
      head_.fields.back().value = {mark_, static_cast<std::uint16_t>(value_end_ - mark_)};
      ++cursor_;
      state_ = State::field_line_lf;
      return {};
    }
    if (const Fault fault = read_value_byte(byte)) return fault;
  }
  return {};
}

// Passes the bytes of a value that need no look at their neighbours: all but tabs. Looks twice at spaces that end a run.
void RequestHeadParser::pass_plain_value(ByteView bytes, std::size_t end) {
  const std::size_t begin = cursor_;
  cursor_ = static_cast<std::uint16_t>(end_of_plain_value(bytes, begin, end));
  bytes_examined_ += cursor_ - begin;
  for (std::size_t i = cursor_; i > begin; --i) {
    if (bytes[i - 1] == ' ') continue;
    value_end_ = static_cast<std::uint16_t>(i);
    break;
  }
}

RequestHeadParser::Fault RequestHeadParser::read_value_byte(std::uint8_t byte) {
  if (!is_in(byte, byte_value)) {
    return byte == '\n' ? Rejection::line_ending_malformed : Rejection::field_value_malformed;
  }
  if (!is_blank(byte)) value_end_ = static_cast<std::uint16_t>(cursor_ + 1);
  return {};
}

RequestHeadParser::Fault RequestHeadParser::finish_head(ByteView bytes) {
  const RequestView request{head_, bytes};
  const std::size_t index = request.find_field("Host");
  if (index == request.fields_count()) {
    return head_.minor_version == 0 ? Fault{} : Rejection::host_missing;
  }
  if (request.find_field("Host", index + 1) < request.fields_count()) return Rejection::host_repeated;
  const std::string_view host = request.field_value(index);
  if (!is_valid_authority(host)) return Rejection::host_malformed;
  // RFC 9112 section 3.2.2 prefers the target. A proxy that looks only at Host would see another host, so both must agree.
  if (head_.authority.length > 0 && !same_authority(request.authority(), host, scheme_of(request.target())))
    return Rejection::authority_conflict;
  head_.host = head_.fields[index].value;
  return {};
}

}  // namespace ringgate::http
