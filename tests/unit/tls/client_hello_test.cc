#include "tls/client_hello.h"

#include <gtest/gtest.h>

#include <string>

#include "support/tls/memory_client.h"

namespace ringgate::tls {
namespace {

std::string hello() {
  test::MemoryClient client({});
  EXPECT_TRUE(client.step());
  return client.take_output();
}

/// The same handshake message in records of `size` bytes.
std::string cut_into_records(const std::string& hello, std::size_t size) {
  std::string records;
  for (std::size_t at = 5; at < hello.size(); at += size) {
    const std::string fragment = hello.substr(at, size);
    records += {'\x16', '\x03', '\x01', static_cast<char>(fragment.size() >> 8U), static_cast<char>(fragment.size() & 0xFFU)};
    records += fragment;
  }
  return records;
}

TEST(ClientHello, IsWholeAtItsLastByte) {
  const std::string bytes = hello();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(judge_client_hello(bytes_of(bytes.substr(0, size))).state, HelloState::incomplete) << size;
  const Hello whole = judge_client_hello(bytes_of(bytes));
  EXPECT_EQ(whole.state, HelloState::whole);
  EXPECT_EQ(whole.bytes, bytes.size());
  EXPECT_EQ(judge_client_hello(bytes_of(bytes + "early data")).bytes, bytes.size());
}

TEST(ClientHello, MayComeInManyRecords) {
  for (const std::size_t size : {1U, 3U, 4U, 5U, 100U}) {
    const std::string records = cut_into_records(hello(), size);
    EXPECT_EQ(judge_client_hello(bytes_of(records)).state, HelloState::whole) << size;
    EXPECT_EQ(judge_client_hello(bytes_of(records.substr(0, records.size() - 1))).state, HelloState::incomplete) << size;
  }
}

TEST(ClientHello, IsToldFromWhatIsNotTls) {
  using namespace std::string_literals;
  for (const std::string& bytes :
       {"GET / HTTP/1.1\r\n"s, "\x16\x02\x01\x00\x05"s, "\x15\x03\x01\x00\x02\x01\x00"s, "\x16\x03\x01\x00\x00"s,
        "\x16\x03\x01\xFF\xFF"s, "\x16\x03\x01\x00\x04\x02\x00\x00\x00"s, "\x80\x2E\x01\x03\x01"s})
    EXPECT_EQ(judge_client_hello(bytes_of(bytes)).state, HelloState::not_tls) << bytes;
}

TEST(ClientHello, HasACeiling) {
  using namespace std::string_literals;
  EXPECT_EQ(judge_client_hello(bytes_of("\x16\x03\x01\x40\x00\x01\x00\x40\x01"s)).state, HelloState::too_long);
  std::string records;
  while (records.size() <= client_hello_bytes_max)
    records += records.empty() ? "\x16\x03\x01\x00\x04\x01\x00\x3F\x00"s : "\x16\x03\x01\x00\x01x"s;
  EXPECT_EQ(judge_client_hello(bytes_of(records)).state, HelloState::too_long);
}

}  // namespace
}  // namespace ringgate::tls
