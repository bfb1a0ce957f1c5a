#include "auth/credential_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "temporary_folder.h"

namespace ringgate::auth {
namespace {

using testing::TemporaryFolder;
using Lines = std::vector<std::pair<std::size_t, std::string>>;

/// All lines with their numbers; the error at the end, if there is one.
std::pair<Lines, std::string> read_all(CredentialLines lines) {
  Lines all;
  for (;;) {
    const auto line = lines.next();
    if (!line) return {all, line.error()};
    if (!*line) return {all, ""};
    all.emplace_back(lines.number(), **line);
  }
}

TEST(CredentialLines, SkipWhatSaysNothing) {
  const std::string text = "# a comment\n\n  one two \r\n\t# another\n \t\nthree#3";
  const Lines expected{{3, "one two"}, {6, "three#3"}};
  const TemporaryFolder folder;
  EXPECT_EQ(read_all(CredentialLines(text, "t")), std::pair(expected, std::string()));
  EXPECT_EQ(read_all(CredentialLines::open(folder.file("a", text)).value()), std::pair(expected, std::string()));
  EXPECT_EQ(read_all(CredentialLines(text + "\n", "t")).first, expected);
  EXPECT_EQ(read_all(CredentialLines("", "t")).first, Lines{});
}

TEST(CredentialLines, OfAFileAreThoseOfItsText) {
  const TemporaryFolder folder;
  std::string text;
  for (unsigned i = 0; text.size() < 300 * 1024; ++i)
    text += std::string(1 + i * 37 % limits::credential_line_bytes_max, 'x') + "\n";
  const auto whole = read_all(CredentialLines(text, "t"));
  EXPECT_EQ(whole.second, "");
  EXPECT_EQ(read_all(CredentialLines::open(folder.file("a", text)).value()), whole);
}

TEST(CredentialLines, HaveALongestLine) {
  const TemporaryFolder folder;
  const std::string longest(limits::credential_line_bytes_max, 'x');
  for (const char* end : {"", "\n", "\nnext"}) {
    EXPECT_EQ(read_all(CredentialLines(longest + end, "t")).second, "");
    const std::string too_long = "first\n" + longest + "x" + end;
    EXPECT_EQ(read_all(CredentialLines(too_long, "t")).second, "t:2: the line is longer than 4096 bytes");
    const std::string file = folder.file("a", too_long);
    EXPECT_EQ(read_all(CredentialLines::open(file).value()).second, file + ":2: the line is longer than 4096 bytes");
  }
}

TEST(CredentialLines, HaveAGreatestNumber) {
  std::string text(limits::credential_lines_max, '\n');
  EXPECT_EQ(read_all(CredentialLines(text, "t")).second, "");
  text += "x";
  EXPECT_EQ(read_all(CredentialLines(text, "t")).second, "t:1000001: the file has more than 1000000 lines");
}

TEST(CredentialLines, OfAHugeFileAreNotBegun) {
  const TemporaryFolder folder;
  const std::string file = folder.file("huge", "x");
  std::filesystem::resize_file(file, limits::credential_file_bytes_max + 1);
  EXPECT_EQ(CredentialLines::open(file).error(), file + " is larger than 268435456 bytes");
}

constexpr std::array<FieldFacts, 2> known{{{"id", 3}, {"name", 9}}};

std::string complaint(std::string_view text) {
  FieldValues<2> values;
  const auto read = read_fields(text, known, values);
  return read ? "" : read.error();
}

TEST(CredentialFields, AreDecodedOnce) {
  FieldValues<2> values;
  ASSERT_TRUE(read_fields(" name=a%20b%2541 \t id=%7a", known, values).has_value());
  EXPECT_EQ(values, (FieldValues<2>{"z", "a b%41"}));
}

TEST(CredentialFields, AreKnownGivenOnceAndPrintable) {
  EXPECT_EQ(complaint("nam=x"), "the field nam= is unknown, write id= name=");
  EXPECT_EQ(complaint("s3cr3t"), "a word is no field, write id= name=");
  EXPECT_EQ(complaint("S3CR3T=x"), "a word is no field, write id= name=");
  EXPECT_EQ(complaint("id=1 id=1"), "id= is given twice");
  EXPECT_EQ(complaint("id="), "id= is empty or not printable ASCII");
  EXPECT_EQ(complaint("id=%0a"), "id= is empty or not printable ASCII");
  EXPECT_EQ(complaint("id=\x80"), "id= is empty or not printable ASCII");
  EXPECT_EQ(complaint("id=%4"), "id= has a percent sign without two hexadecimal digits");
  EXPECT_EQ(complaint("id=%41%41%41"), "");
  EXPECT_EQ(complaint("id=1234"), "id= is longer than 3 bytes");
}

}  // namespace
}  // namespace ringgate::auth
