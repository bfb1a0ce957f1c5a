#include "load/measure/payload.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace ringgate::measure {
namespace {

constexpr std::string_view json_front = R"({"id":")";
constexpr std::string_view json_stamp_end = R"("})";
constexpr std::string_view json_middle = R"(","text":")";
static_assert(json_front.size() + 8 + json_stamp_end.size() == json_size_min);

std::string random_bytes(std::size_t size, load::Random& random) {
  std::string bytes(size, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

std::string random_ascii(std::size_t size, load::Random& random) {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";
  std::string text = random_bytes(size, random);
  for (char& c : text) c = letters[static_cast<std::uint8_t>(c) % letters.size()];
  return text;
}

// Characters of two, three and four bytes; letters fill an end that is too short for one.
std::string random_utf8(std::size_t size, load::Random& random) {
  static constexpr std::array<std::string_view, 8> characters{"\xc3\xa9",     "\xc3\x9f",     "\xd0\x96",         "\xe2\x82\xac",
                                                              "\xe6\xb0\xb4", "\xe3\x81\x82", "\xf0\x9f\x98\x80", "\xc3\xb8"};
  std::string text;
  text.reserve(size);
  // The stamp replaces four characters of two bytes, so the payload must begin with such characters.
  while (text.size() < 8 && size - text.size() >= 2) text += characters[0];
  while (size - text.size() >= 2) {
    const auto character = characters[random.below(characters.size())];
    if (character.size() <= size - text.size()) text += character;
  }
  text.append(size - text.size(), 'x');
  return text;
}

std::string random_json(std::size_t size, load::Random& random) {
  std::string text(json_front);
  text.append(8, 'A');
  const std::size_t frame = json_size_min + json_middle.size();
  if (size < frame) return text.append(json_stamp_end).append(size - json_size_min, ' ');  // trailing blanks are JSON
  return text.append(json_middle).append(random_ascii(size - frame, random)).append(json_stamp_end);
}

}  // namespace

std::string make_payload(PayloadKind kind, std::size_t size, load::Random& random) {
  switch (kind) {
    case PayloadKind::binary: return random_bytes(size, random);
    case PayloadKind::ascii: return random_ascii(size, random);
    case PayloadKind::utf8: return random_utf8(size, random);
    case PayloadKind::json: return random_json(size, random);
  }
  return {};
}

StampPlace stamp_place(PayloadKind kind, std::size_t size) {
  const std::size_t bytes = std::min<std::size_t>(size, 8);
  switch (kind) {
    case PayloadKind::binary:
    case PayloadKind::ascii: return {0, bytes};
    case PayloadKind::utf8: return {0, bytes & ~std::size_t{1}};
    case PayloadKind::json: return {json_front.size(), 8};
  }
  return {};
}

}  // namespace ringgate::measure
