#include "base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>
#include <vector>

#include "base/limits.h"

namespace ringgate::log {
namespace {

constexpr std::int64_t moment = 1'767'323'045'678'901;  // 2026-01-02T03:04:05.678901Z

template <typename... Fields>
std::string line(Format format, Level level, std::string_view message, const Fields&... fields) {
  const std::vector<Field> all{fields...};
  return format_line(format, level, moment, message, all);
}

std::string value_in_logfmt(std::string_view value) {
  const std::string text = line(Format::logfmt, Level::info, "m", Field("k", value));
  return text.substr(text.find("k=") + 2);
}

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

TEST(LogLine, IsLogfmt) {
  EXPECT_EQ(line(Format::logfmt, Level::info, "device connected", Field("device_id", "abc"), Field("remote", "127.0.0.1:4711"),
                 Field("code", 1000), Field("delta", -5)),
            "ts=2026-01-02T03:04:05.678901Z level=info msg=\"device connected\" device_id=abc remote=127.0.0.1:4711 code=1000 "
            "delta=-5");
}

TEST(LogLine, IsOneJsonObjectWithNumbersAsNumbers) {
  const std::string text = line(Format::json, Level::warning, "device connected", Field("device_id", "abc"), Field("code", 1000));
  EXPECT_EQ(text,
            "{\"ts\":\"2026-01-02T03:04:05.678901Z\",\"level\":\"warning\",\"msg\":\"device connected\","
            "\"device_id\":\"abc\",\"code\":1000}");
}

TEST(LogLine, NamesEveryLevel) {
  EXPECT_NE(line(Format::logfmt, Level::debug, "m").find("level=debug"), std::string::npos);
  EXPECT_NE(line(Format::logfmt, Level::error, "m").find("level=error"), std::string::npos);
}

TEST(LogLine, QuotesWhatWouldReadAsSomethingElseInLogfmt) {
  EXPECT_EQ(value_in_logfmt("plain/value:1[2]"), "plain/value:1[2]");
  EXPECT_EQ(value_in_logfmt(""), "\"\"");
  EXPECT_EQ(value_in_logfmt("two words"), "\"two words\"");
  EXPECT_EQ(value_in_logfmt("a=b"), "\"a=b\"");
  EXPECT_EQ(value_in_logfmt("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(value_in_logfmt("a\nlevel=error"), "\"a\\nlevel=error\"");
  EXPECT_EQ(value_in_logfmt("\xc3\xa9\x7f\x01"), "\"\\xc3\\xa9\\x7f\\x01\"");
}

TEST(LogLine, KeepsValidUtf8ReadableInJson) {
  const std::string text =
      line(Format::json, Level::info, "m", Field("k", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \x7f\x01\"\\\n"));
  EXPECT_TRUE(is_printable_ascii(text)) << text;
  EXPECT_EQ(nlohmann::json::parse(text)["k"], "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \x7f\x01\"\\\n");
}

TEST(LogLine, ReplacesInvalidUtf8InJson) {
  // Truncated, stray continuation, overlong, surrogate, beyond U+10FFFF: RFC 3629 section 3.
  for (const char* bad : {"\xc3", "\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8", "\xe2\x82"}) {
    const auto json = nlohmann::json::parse(line(Format::json, Level::info, "m", Field("k", bad)));
    EXPECT_TRUE(json["k"].get<std::string>().starts_with("\xef\xbf\xbd"));
  }
}

TEST(LogLine, NoBytesBreakALine) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const std::string json = line(Format::json, Level::info, bytes, Field("k", bytes));
    EXPECT_TRUE(is_printable_ascii(json));
    EXPECT_TRUE(nlohmann::json::accept(json)) << json;
    EXPECT_TRUE(is_printable_ascii(line(Format::logfmt, Level::info, bytes, Field("k", bytes))));
  }
}

TEST(LogLine, CutsValuesAtTheirCeiling) {
  const std::string longest(limits::log_value_bytes_max, 'x');
  EXPECT_EQ(value_in_logfmt(longest), longest);
  EXPECT_EQ(value_in_logfmt(longest + 'x'), '"' + longest + "...\"");
}

TEST(Log, WritesWhatTheLevelLetsThrough) {
  testing::internal::CaptureStderr();
  warning("before the start");
  start(Level::info, Format::json);
  EXPECT_FALSE(enabled(Level::debug));
  EXPECT_TRUE(enabled(Level::info));
  EXPECT_TRUE(enabled(Level::error));
  EXPECT_FALSE(enabled(Level::off));
  debug("too fine");
  info("one", {{"n", 1}});
  error("two");
  stop();
  EXPECT_FALSE(enabled(Level::error));
  error("after the stop");
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(written, '\n'), 2) << written;
  EXPECT_NE(written.find("\"msg\":\"one\",\"n\":1}\n"), std::string::npos) << written;
  EXPECT_NE(written.find("\"msg\":\"two\"}\n"), std::string::npos) << written;
}

TEST(Log, OffWritesNothing) {
  testing::internal::CaptureStderr();
  start(Level::off, Format::json);
  error("nothing");
  stop();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Log, AutomaticFormatIsJsonWhenPiped) {
  testing::internal::CaptureStderr();
  start(Level::info, Format::automatic);
  info("piped");
  stop();
  EXPECT_TRUE(testing::internal::GetCapturedStderr().starts_with("{\"ts\":"));
}

TEST(Log, KeepsWholeLinesOfManyThreads) {
  testing::internal::CaptureStderr();
  start(Level::info, Format::json);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 500; ++i) info("line", {{"thread", t}, {"i", i}});
      });
    }
  }
  EXPECT_EQ(dropped_count(), 0U);
  stop();
  std::istringstream lines(testing::internal::GetCapturedStderr());
  int count = 0;
  for (std::string text; std::getline(lines, text); ++count) EXPECT_TRUE(nlohmann::json::accept(text)) << text;
  EXPECT_EQ(count, 2000);
}

/// Points stderr at a pipe that nobody reads yet.
class BlockedStderr {
 public:
  BlockedStderr() : saved_(dup(STDERR_FILENO)) {
    EXPECT_EQ(pipe(pipe_.data()), 0);
    dup2(pipe_[1], STDERR_FILENO);
    close(pipe_[1]);
  }
  ~BlockedStderr() { close(saved_); }
  BlockedStderr(const BlockedStderr&) = delete;
  BlockedStderr& operator=(const BlockedStderr&) = delete;

  /// Reads everything while `then` runs, then gives stderr back. Returns the last line.
  template <typename Then>
  std::string drain_while(Then then) {
    std::string read_bytes;
    std::jthread reader([&] {
      std::array<char, 4096> chunk{};
      for (ssize_t n = 0; (n = read(pipe_[0], chunk.data(), chunk.size())) > 0;) {
        read_bytes.append(chunk.data(), static_cast<std::size_t>(n));
      }
    });
    then();
    dup2(saved_, STDERR_FILENO);  // the pipe's last writer: the reader sees its end
    reader.join();
    close(pipe_[0]);
    return read_bytes.substr(read_bytes.rfind('\n', read_bytes.size() - 2) + 1);
  }

 private:
  int saved_;
  std::array<int, 2> pipe_{};
};

TEST(Log, NeverBlocksAndCountsTheOldestLinesItDrops) {
  BlockedStderr blocked;
  start(Level::info, Format::json);
  constexpr std::size_t lines = 3 * limits::log_queue_lines_max;  // more than queue and pipe hold together
  for (std::size_t i = 0; i < lines; ++i) info("line", {{"i", i}});
  const std::uint64_t dropped = dropped_count();
  const std::string last = blocked.drain_while([] { stop(); });
  EXPECT_GT(dropped, limits::log_queue_lines_max);
  EXPECT_LT(dropped, lines);
  EXPECT_EQ(nlohmann::json::parse(last)["i"], lines - 1) << "the newest line survives";
}

}  // namespace
}  // namespace ringgate::log
