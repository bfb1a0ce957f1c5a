#include "http/body.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "http/byte_class.h"

namespace ringgate::http {
namespace {

constexpr std::string_view content_length_name = "Content-Length";
constexpr std::string_view transfer_encoding_name = "Transfer-Encoding";

std::optional<std::uint64_t> parse_content_length(std::string_view text) {
  std::uint64_t value = 0;
  const bool all_digits = std::all_of(text.begin(), text.end(), [](char c) { return is_digit(static_cast<std::uint8_t>(c)); });
  if (text.size() > 1 && text.front() == '0') return std::nullopt;  // each number has one spelling
  if (text.empty() || !all_digits) return std::nullopt;             // from_chars alone ignores what follows a number
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) return std::nullopt;
  return value;
}

/// Checks the Transfer-Encoding line: only `chunked` is supported.
std::expected<void, Rejection> check_transfer_encoding(const RequestView& request) {
  std::size_t codings_count = 0;
  std::size_t chunked_count = 0;
  bool chunked_is_final = false;
  ListReader codings{request, transfer_encoding_name};
  while (const auto coding = codings.next()) {
    if (!is_token(*coding)) return std::unexpected{Rejection::transfer_encoding_malformed};
    ++codings_count;
    chunked_is_final = equals_ignoring_case(*coding, "chunked");
    chunked_count += chunked_is_final ? 1 : 0;
  }
  if (codings_count == 0) return std::unexpected{Rejection::transfer_encoding_malformed};
  if (chunked_count > 1) return std::unexpected{Rejection::transfer_encoding_repeated};
  if (chunked_count == 1 && !chunked_is_final) return std::unexpected{Rejection::transfer_encoding_not_final};
  if (codings_count > chunked_count) return std::unexpected{Rejection::transfer_encoding_unsupported};
  return {};
}

}  // namespace

std::expected<BodyFraming, Rejection> body_framing(const RequestView& request) {
  const std::size_t lengths_count = request.count_fields(content_length_name);
  const std::size_t encodings_count = request.count_fields(transfer_encoding_name);
  if (encodings_count > 0) {
    if (lengths_count > 0) return std::unexpected{Rejection::framing_ambiguous};
    if (request.is_http10()) return std::unexpected{Rejection::transfer_encoding_in_http10};
    if (encodings_count > 1) return std::unexpected{Rejection::transfer_encoding_repeated};
    if (const auto checked = check_transfer_encoding(request); !checked) return std::unexpected{checked.error()};
    return BodyFraming{.kind = BodyFraming::Kind::chunked};
  }
  if (lengths_count == 0) return BodyFraming{};
  if (lengths_count > 1) return std::unexpected{Rejection::content_length_repeated};
  const auto length = parse_content_length(*request.field(content_length_name));
  if (!length) return std::unexpected{Rejection::content_length_malformed};
  return BodyFraming{.kind = BodyFraming::Kind::content_length, .content_length = *length};
}

std::expected<bool, Rejection> expects_continue(const RequestView& request) {
  bool expected = false;
  ListReader expectations{request, "Expect"};
  while (const auto expectation = expectations.next()) {
    if (!equals_ignoring_case(*expectation, "100-continue")) return std::unexpected{Rejection::expectation_unsupported};
    expected = true;
  }
  return expected && !request.is_http10();
}

BodyReader::BodyReader(BodyFraming framing, std::size_t body_bytes_max)
    : framing_(framing), remaining_bytes_(framing.content_length), body_bytes_max_(body_bytes_max), chunked_(body_bytes_max) {}

std::expected<void, Rejection> BodyReader::check_length() const {
  if (framing_.content_length > body_bytes_max_) return std::unexpected{Rejection::body_too_large};
  return {};
}

std::expected<BodyProgress, Rejection> BodyReader::read(ByteView input, std::string& body) {
  if (const auto checked = check_length(); !checked) return std::unexpected{checked.error()};
  if (framing_.kind == BodyFraming::Kind::chunked) return chunked_.read(input, body);
  return read_content(input, body);
}

BodyProgress BodyReader::read_content(ByteView input, std::string& body) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), remaining_bytes_));
  body.append(text_of(input.first(count)));
  remaining_bytes_ -= count;
  return {count, remaining_bytes_ == 0};
}

}  // namespace ringgate::http
