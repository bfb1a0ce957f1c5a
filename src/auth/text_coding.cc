#include "auth/text_coding.h"

#include <algorithm>
#include <array>

#include "http/byte_class.h"
#include "http/uri.h"

namespace ringgate::auth {
namespace {

constexpr std::array<std::string_view, 2> alphabets{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::uint8_t no_digit = 64;

constexpr std::array<std::uint8_t, 256> digits_of(std::string_view alphabet) {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) digits[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return digits;
}
constexpr std::array<std::array<std::uint8_t, 256>, 2> digits{digits_of(alphabets[0]), digits_of(alphabets[1])};

constexpr bool is_alphanumeric(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  return http::is_alpha(byte) || http::is_digit(byte);
}

}  // namespace

std::string encode_base64(ByteView bytes, Base64 kind) {
  const std::string_view alphabet = alphabets[static_cast<std::size_t>(kind)];
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8U | (k < count ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < count + 1; ++k) text += alphabet[group >> (18 - 6 * k) & 63U];
    if (kind == Base64::standard) text.append(3 - count, '=');
  }
  return text;
}

std::optional<std::size_t> decode_base64(std::string_view text, Base64 kind, MutableBytes out) {
  if (kind == Base64::standard) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  }
  const std::size_t size = text.size() / 4 * 3 + (text.size() % 4 == 0 ? 0 : text.size() % 4 - 1);
  if (text.size() % 4 == 1 || size > out.size()) return std::nullopt;
  std::uint32_t bits = 0;
  unsigned bits_count = 0;
  std::size_t written = 0;
  for (const char c : text) {
    const std::uint8_t digit = digits[static_cast<std::size_t>(kind)][static_cast<std::uint8_t>(c)];
    if (digit == no_digit) return std::nullopt;
    bits = (bits << 6U | digit) & 0xfffU;
    bits_count += 6;
    if (bits_count < 8) continue;
    bits_count -= 8;
    out[written++] = static_cast<std::uint8_t>(bits >> bits_count);
  }
  if ((bits & ((1U << bits_count) - 1)) != 0) return std::nullopt;  // unused bits: a second text for the same bytes
  return written;
}

std::string encode_hex(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += hex_digits[byte >> 4U];
    text += hex_digits[byte & 15U];
  }
  return text;
}

bool decode_hex(std::string_view text, MutableBytes out) {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint8_t high = http::hex_value(static_cast<std::uint8_t>(text[2 * i]));
    const std::uint8_t low = http::hex_value(static_cast<std::uint8_t>(text[2 * i + 1]));
    if (high > 15 || low > 15) return false;
    out[i] = static_cast<std::uint8_t>(high << 4U | low);
  }
  return true;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view plain = "._~:@-+*=|/,";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_alphanumeric(c) || plain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      encoded += {'%', hex_digits[byte >> 4U], hex_digits[byte & 15U]};
    }
  }
  return encoded;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded(text.size(), '\0');
  const auto size = http::percent_decode(text, decoded);
  if (!size) return std::nullopt;
  decoded.resize(*size);
  return decoded;
}

bool is_token68(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

bool is_printable(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace ringgate::auth
