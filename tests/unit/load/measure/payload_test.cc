#include "load/measure/payload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "ws/utf8.h"

namespace ringgate::measure {
namespace {

constexpr PayloadKind kinds[] = {PayloadKind::binary, PayloadKind::ascii, PayloadKind::utf8, PayloadKind::json};

std::string stamped(PayloadKind kind, std::size_t size, std::uint64_t number, load::Random& random) {
  std::string payload = make_payload(kind, size, random);
  const StampPlace place = stamp_place(kind, size);
  const std::uint64_t word = stamp_of(kind, number);
  std::memcpy(payload.data() + place.offset, &word, place.bytes);
  return payload;
}

TEST(Payload, HasExactlyItsSize) {
  load::Random random(1);
  for (const PayloadKind kind : kinds) {
    for (std::size_t size = kind == PayloadKind::json ? json_size_min : 0; size < 300; ++size)
      EXPECT_EQ(make_payload(kind, size, random).size(), size);
  }
}

TEST(Payload, TextIsUtf8WithAnyStamp) {
  load::Random random(2);
  for (const PayloadKind kind : {PayloadKind::ascii, PayloadKind::utf8, PayloadKind::json}) {
    for (std::size_t size = kind == PayloadKind::json ? json_size_min : 0; size < 100; ++size) {
      const std::string text = stamped(kind, size, random.next(), random);
      EXPECT_TRUE(ws::valid_utf8(bytes_of(text))) << name_of(kind) << " " << size;
    }
  }
}

TEST(Payload, Utf8IsAllButAsciiWhereverItCanBe) {
  load::Random random(3);
  for (const std::size_t size : {20U, 1024U, 65536U}) {
    const std::string text = stamped(PayloadKind::utf8, size, 5, random);
    EXPECT_LE(std::ranges::count_if(text, [](char c) { return static_cast<signed char>(c) >= 0; }), 3);
  }
}

TEST(Payload, JsonIsJsonWithAnyStamp) {
  load::Random random(4);
  for (std::size_t size = json_size_min; size < 100; ++size) {
    const std::string text = stamped(PayloadKind::json, size, random.next(), random);
    EXPECT_TRUE(nlohmann::json::accept(text)) << text;
  }
}

TEST(Payload, NeighbouringStampsDiffer) {
  for (const PayloadKind kind : kinds) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t number = 0; number < 65536; ++number) seen.insert(stamp_of(kind, number));
    EXPECT_EQ(seen.size(), 65536U) << name_of(kind);
  }
}

}  // namespace
}  // namespace ringgate::measure
