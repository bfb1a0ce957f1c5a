#include "ws/echo_run.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "client_side.h"
#include "support/echo_reference.h"

namespace ringgate::ws {
namespace {

using namespace testing;

class EchoRunTest : public ::testing::Test {
 protected:
  EchoedRun echo(std::string_view bytes, std::uint64_t payload_bytes_max = 1 << 20) {
    std::string input(bytes);
    input.append(echo_run_slack_bytes, '\xEE');  // looked at, and never part of the answer
    return echo_at_once(bytes_of(input).first(bytes.size()), payload_bytes_max, room_);
  }

  void expect_as_the_reader(std::string_view bytes, std::uint64_t payload_bytes_max = 1 << 20) {
    const EchoedRun expected = echo_by_reader(reader_, bytes_of(bytes), payload_bytes_max);
    const EchoedRun echoed = echo(bytes, payload_bytes_max);
    ASSERT_EQ(echoed.bytes, expected.bytes);
    ASSERT_TRUE(echoed == expected) << echoed.run.bytes_read << " of " << expected.run.bytes_read << " bytes read";
  }

  FrameReader reader_;
  std::vector<std::uint8_t> room_;
};

std::string payload_of(std::size_t size, char first = ' ') {
  std::string payload(size, first);
  for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(first + static_cast<char>(i % 90));
  return payload;
}

TEST_F(EchoRunTest, KeepsTypeAndPayload) {
  const EchoedRun echoed = echo(text_frame("hello") + client_frame({.opcode = Opcode::binary}, "\xFF\x01"));
  EXPECT_EQ(echoed.bytes, hex("81 05 68 65 6c 6c 6f 82 02 ff 01"));
  EXPECT_EQ(echoed.run.texts_count, 1U);
  EXPECT_EQ(echoed.run.binaries_count, 1U);
  EXPECT_EQ(echoed.run.payload_bytes, 7U);
  EXPECT_EQ(echoed.run.bytes_read, 19U);
}

TEST_F(EchoRunTest, TakesEverySizeOfTheShortFormInRunsOfAnyLength) {
  for (const Opcode opcode : {Opcode::text, Opcode::binary}) {
    for (std::size_t size = 0; size <= 130; ++size) {
      std::string run;
      for (unsigned count = 1; count <= 64; ++count) {
        run += client_frame({.opcode = opcode, .key = 0x01020304U * count}, payload_of(size));
        expect_as_the_reader(run);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(EchoRunTest, StopsBeforeWhatIsCut) {
  const std::string run = text_frame(payload_of(20)) + text_frame(payload_of(125)) + text_frame("");
  for (std::size_t size = 0; size <= run.size(); ++size) {
    expect_as_the_reader(std::string_view(run).substr(0, size));
    if (HasFatalFailure()) return;
  }
}

TEST_F(EchoRunTest, LeavesEveryOtherHeaderToTheReader) {
  const std::string good = text_frame("good");
  for (unsigned header = 0; header < 65'536; ++header) {
    std::string bytes = good;
    bytes += static_cast<char>(header >> 8U);
    bytes += static_cast<char>(header & 0xFFU);
    bytes += hex("37 fa 21 3d") + masked(payload_of(130));
    expect_as_the_reader(bytes);
    if (HasFatalFailure()) FAIL() << std::hex << header;
  }
}

TEST_F(EchoRunTest, LeavesTextThatIsNotUtf8ToTheReader) {
  const std::string good = text_frame("gr\xC3\xBC\xC3\x9F dich");
  for (std::size_t size = 1; size <= 125; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string payload = payload_of(size);
      payload[at] = '\xFC';
      expect_as_the_reader(good + text_frame(payload) + good);
      expect_as_the_reader(good + client_frame({.opcode = Opcode::binary}, payload) + good);
      if (HasFatalFailure()) FAIL() << size << " at " << at;
    }
  }
}

TEST_F(EchoRunTest, TakesNoMoreThanTheLimit) {
  for (const std::uint64_t limit : {0U, 1U, 20U, 125U}) {
    for (std::size_t size = 0; size <= 126; ++size) expect_as_the_reader(text_frame("") + text_frame(payload_of(size)), limit);
  }
}

TEST_F(EchoRunTest, IsTheReadersEchoForRandomRuns) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string run;
    const auto count = static_cast<unsigned>(random() % 20);
    for (unsigned k = 0; k < count; ++k) {
      std::string payload(random() % 128, '\0');
      const bool is_ascii = random() % 4 != 0;
      for (char& byte : payload) byte = static_cast<char>(random() & (is_ascii ? 0x7FU : 0xFFU));
      const auto choice = static_cast<unsigned>(random() % 16);
      const Opcode opcode = choice == 0 ? Opcode::ping : choice < 8 ? Opcode::text : Opcode::binary;
      run += client_frame({.opcode = opcode, .fin = random() % 32 != 0, .key = static_cast<MaskingKey>(random())}, payload);
    }
    run.resize(run.size() - (run.empty() ? 0 : random() % std::min<std::size_t>(run.size(), 8)));
    expect_as_the_reader(run, 100 + random() % 30);
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace ringgate::ws
