#include "http/chunked.h"

#include <algorithm>

#include "base/limits.h"
#include "http/byte_class.h"

namespace ringgate::http {
namespace {
constexpr std::uint8_t size_digits_max = 16;  // 64 bits

// Fields that frame, route or authenticate a request. They count only before the body: a trailer with one of them tries to be
// read in two ways (RFC 9110 section 6.5.1).
constexpr std::array<std::string_view, 21> forbidden_trailers{
    // framing and the connection
    "Transfer-Encoding", "Content-Length", "Trailer", "TE", "Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "Expect",
    // destination and origin
    "Host", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via",
    // the sender
    "Authorization", "Proxy-Authorization", "Cookie", "Origin", "Sec-Fetch-Site"};
}  // namespace

std::expected<BodyProgress, Rejection> ChunkedReader::read(ByteView input, std::string& body) {
  std::size_t taken = 0;
  while (taken < input.size() && state_ != State::complete) {
    if (state_ == State::data) {
      taken += take_data(input.subspan(taken), body);
      continue;
    }
    if (const Fault fault = step(input[taken])) return std::unexpected{*fault};
    ++taken;
  }
  return BodyProgress{taken, state_ == State::complete};
}

std::size_t ChunkedReader::take_data(ByteView input, std::string& body) {
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), chunk_bytes_));
  body.append(text_of(input.first(count)));
  body_bytes_ += count;
  chunk_bytes_ -= count;
  if (chunk_bytes_ == 0) state_ = State::data_cr;
  return count;
}

ChunkedReader::Fault ChunkedReader::step(std::uint8_t byte) {
  if (state_ <= State::size_lf) {
    ++overhead_bytes_;
    if (overhead_bytes_ > limits::chunk_overhead_bytes_max + body_bytes_) return Rejection::chunk_overhead_too_large;
    return state_ <= State::size ? step_size(byte) : step_extension(byte);
  }
  if (state_ <= State::data_lf) return step_data_end(byte);
  if (++trailer_bytes_ > limits::trailer_bytes_max) return Rejection::trailers_too_large;
  return step_trailer(byte);
}

ChunkedReader::Fault ChunkedReader::step_size(std::uint8_t byte) {
  const std::uint8_t digit = hex_value(byte);
  if (digit <= 15) {
    const bool behind_zero = size_digits_ > 0 && chunk_bytes_ == 0;  // each number has one spelling
    if (size_digits_ == size_digits_max || behind_zero) return Rejection::chunk_size_malformed;
    ++size_digits_;
    chunk_bytes_ = chunk_bytes_ << 4U | digit;
    state_ = State::size;
    return {};
  }
  if (state_ == State::size_first) return Rejection::chunk_size_malformed;
  return end_of_part(byte, Rejection::chunk_size_malformed);
}

// Behind a size or an extension the line ends or another extension follows. White space may only precede a semicolon (BWS, RFC
// 9112 section 7.1.1), so `5 SP CR LF` is refused.
ChunkedReader::Fault ChunkedReader::end_of_part(std::uint8_t byte, Rejection otherwise) {
  if (byte == '\r') {
    state_ = State::size_lf;
  } else if (byte == ';') {
    state_ = State::name_first;
  } else if (is_blank(byte)) {
    state_ = State::before_semicolon;
  } else {
    return otherwise;
  }
  return {};
}

ChunkedReader::Fault ChunkedReader::step_extension(std::uint8_t byte) {
  constexpr Rejection malformed = Rejection::chunk_extension_malformed;
  const bool in_token = is_in(byte, byte_token);
  switch (state_) {
    case State::before_semicolon:
      if (byte == ';') state_ = State::name_first;
      return byte == ';' || is_blank(byte) ? Fault{} : malformed;
    case State::name_first:
      if (in_token) state_ = State::name;
      return in_token || is_blank(byte) ? Fault{} : malformed;
    case State::name:
      if (in_token) return {};
      if (byte == '=') {
        state_ = State::value_first;
        return {};
      }
      if (is_blank(byte)) {
        state_ = State::before_equals;
        return {};
      }
      return end_of_part(byte, malformed);
    case State::before_equals:  // the white space may also precede the next semicolon
      if (is_blank(byte)) return {};
      if (byte != '=' && byte != ';') return malformed;
      state_ = byte == '=' ? State::value_first : State::name_first;
      return {};
    case State::value_first:
      if (is_blank(byte)) return {};
      if (!in_token && byte != '"') return malformed;
      state_ = in_token ? State::value : State::quoted;
      return {};
    case State::value: return in_token ? Fault{} : end_of_part(byte, malformed);
    case State::quoted:
      if (byte == '"') state_ = State::quoted_end;
      if (byte == '\\') state_ = State::quoted_pair;
      return byte == '"' || byte == '\\' || is_in(byte, byte_quoted) ? Fault{} : malformed;
    case State::quoted_pair: state_ = State::quoted; return is_in(byte, byte_value) ? Fault{} : malformed;
    case State::quoted_end: return end_of_part(byte, malformed);
    default:  // size_lf
      return byte == '\n' ? finish_size_line() : Rejection::line_ending_malformed;
  }
}

ChunkedReader::Fault ChunkedReader::finish_size_line() {
  if (chunk_bytes_ > body_bytes_max_ - body_bytes_) return Rejection::body_too_large;
  state_ = chunk_bytes_ > 0 ? State::data : State::trailer_start;
  size_digits_ = 0;
  return {};
}

ChunkedReader::Fault ChunkedReader::step_data_end(std::uint8_t byte) {
  const bool is_cr = state_ == State::data_cr;
  if (byte != (is_cr ? '\r' : '\n')) return Rejection::chunk_data_malformed;
  state_ = is_cr ? State::data_lf : State::size_first;
  return {};
}

ChunkedReader::Fault ChunkedReader::step_trailer_name(std::uint8_t byte) {
  if (byte == ':') {
    const std::string_view name{trailer_name_.data(), std::min<std::size_t>(trailer_name_chars_, trailer_name_.size())};
    const bool fits = trailer_name_chars_ <= trailer_name_.size();
    const auto is_name = [name](std::string_view forbidden) { return equals_ignoring_case(forbidden, name); };
    if (fits && std::ranges::any_of(forbidden_trailers, is_name)) return Rejection::trailer_forbidden;
    state_ = State::trailer_value;
    return {};
  }
  if (!is_in(byte, byte_token)) return Rejection::trailer_malformed;
  if (trailer_name_chars_ < trailer_name_.size()) trailer_name_[trailer_name_chars_] = static_cast<char>(byte);
  if (trailer_name_chars_ <= trailer_name_.size()) ++trailer_name_chars_;
  return {};
}

// The gate drops other trailer fields, and never merges them into the head (RFC 9110 section 6.5.1).
ChunkedReader::Fault ChunkedReader::step_trailer(std::uint8_t byte) {
  switch (state_) {
    case State::trailer_start:
      if (byte == '\r') {
        state_ = State::end_lf;
        return {};
      }
      state_ = State::trailer_name;
      trailer_name_chars_ = 0;
      return byte == ':' ? Rejection::trailer_malformed : step_trailer_name(byte);
    case State::trailer_name: return step_trailer_name(byte);
    case State::trailer_value:
      if (byte == '\r') {
        state_ = State::trailer_lf;
        return {};
      }
      return is_in(byte, byte_value) ? Fault{} : Rejection::trailer_malformed;
    default:  // trailer_lf, end_lf
      state_ = state_ == State::end_lf ? State::complete : State::trailer_start;
      return byte == '\n' ? Fault{} : Rejection::line_ending_malformed;
  }
}

}  // namespace ringgate::http
