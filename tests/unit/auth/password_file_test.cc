#include "auth/password_file.h"

#include <gtest/gtest.h>

#include <vector>

#include "auth/text_coding.h"
#include "temporary_folder.h"

namespace ringgate::auth {
namespace {

// Made by Python: hashlib.pbkdf2_hmac("sha256", b"\x00\xff:key", b"0123456789abcdef", 1000)
const std::string by_python = "pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$jI58IVBWiPkiahpVGTKJO+cwk1NuTA3woir1xVY+z0c=";
const std::string its_password("\x00\xff:key", 6);

std::string line_of(const std::string& user, std::string_view password, const std::string& fields = "",
                    std::uint32_t iterations = 3) {
  const auto line = parse_password_line("x:" + by_python + " " + fields).value();
  return print_password_line({user, hash_password(bytes_of(password), iterations), line.device, line.group, line.expires_at}) +
         "\n";
}
std::shared_ptr<const PasswordFile> users(const std::string& text) { return PasswordFile::parse(text, "users").value(); }

TEST(PasswordFile, AgreesWithAnotherImplementation) {
  const auto file = users("CP%201:" + by_python);
  EXPECT_EQ(file->check("CP 1", bytes_of(its_password), 0)->device, "CP 1");
  EXPECT_EQ(file->check("CP 1", bytes_of(its_password.substr(1)), 0).error(), Fault::password_wrong);
}

TEST(PasswordFile, KnowsWhoHasWhichPassword) {
  const std::string binary("\x00\xff\x0a:\x80", 5);
  const auto file = users("# ours\n" + line_of("one", binary) + line_of("two|*", "", "device=other%20id group=g"));
  EXPECT_EQ(file->size(), 2U);
  const BasicUser one = file->check("one", bytes_of(binary), 0).value();
  EXPECT_EQ(one.user, "one");
  EXPECT_EQ(one.device, "one");
  EXPECT_EQ(one.group, "");
  EXPECT_EQ(one.expires_at, never);
  const BasicUser two = file->check("two|*", {}, 0).value();
  EXPECT_EQ(two.device, "other id");
  EXPECT_EQ(two.group, "g");
  for (std::size_t i = 0; i < binary.size(); ++i) {
    std::string wrong = binary;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    EXPECT_EQ(file->check("one", bytes_of(wrong), 0).error(), Fault::password_wrong);
  }
  EXPECT_EQ(file->check("one", bytes_of(binary.substr(0, 4)), 0).error(), Fault::password_wrong);
  EXPECT_EQ(file->check("one", bytes_of(binary + 'x'), 0).error(), Fault::password_wrong);
  EXPECT_EQ(file->check("on", bytes_of(binary), 0).error(), Fault::user_unknown);
  EXPECT_EQ(file->check("One", bytes_of(binary), 0).error(), Fault::user_unknown);
  EXPECT_EQ(file->check("", {}, 0).error(), Fault::user_unknown);
  EXPECT_EQ(users("")->check("one", bytes_of(binary), 0).error(), Fault::user_unknown);
}

TEST(PasswordFile, EndsAtItsSecond) {
  const auto file = users(line_of("one", "p", "expires=1000"));
  EXPECT_EQ(file->check("one", bytes_of("p"), 999)->expires_at, 1000);
  EXPECT_EQ(file->check("one", bytes_of("p"), 1000).error(), Fault::password_expired);
  EXPECT_EQ(file->check("one", bytes_of("q"), 1000).error(), Fault::password_wrong);
}

TEST(PasswordFile, MakesTheMostIterationsForEverybody) {
  EXPECT_EQ(users(line_of("a", "p", "", 5) + line_of("b", "p", "", 900) + line_of("c", "p", "", 1))->iterations(), 900U);
  const auto file = users(line_of("a", "p", "", 5) + line_of("b", "p", "", 900));
  EXPECT_TRUE(file->check("a", bytes_of("p"), 0).has_value());
  EXPECT_TRUE(file->check("b", bytes_of("p"), 0).has_value());
}

TEST(PasswordFile, NamesFileAndLineOfAFault) {
  const auto error = [](const std::string& text) { return PasswordFile::parse(text, "users").error(); };
  EXPECT_EQ(error("\nuser\n"), "users:2: the line does not begin with USER:");
  EXPECT_EQ(error(line_of("a", "p") + "#\n" + line_of("a", "q")), "users:3: the user of line 1 is repeated");
  EXPECT_EQ(PasswordFile::load("/nowhere").error(), "/nowhere cannot be read: No such file or directory");
}

TEST(PasswordFile, WarnsIfOthersMayReadIt) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("users", line_of("a", "p"));
  EXPECT_EQ(PasswordFile::load(file).value()->warning(), std::nullopt);
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_TRUE(PasswordFile::load(file).value()->warning().has_value());
}

TEST(PasswordLine, IsReadAsItWasPrinted) {
  for (const char* user : {"a", "#1", "CP 1*|=+", "%41", "a=b,c"}) {
    const PasswordLine line{user, hash_password(bytes_of("p"), 2000), "dev ice", "g", 1801398896};
    EXPECT_EQ(parse_password_line(print_password_line(line)).value(), line);
    const PasswordLine bare{user, hash_password(bytes_of("p"), 1), "", "", never};
    EXPECT_EQ(parse_password_line(print_password_line(bare)).value(), bare);
  }
}

TEST(PasswordLine, DoesNotTellZeroBytesAtTheEnd) {
  const PasswordHash hash = hash_password(bytes_of("p"), 10);
  EXPECT_EQ(derive_from_password(bytes_of(std::string("p\0\0", 3)), hash.salt, 10), hash.hash) << "HMAC fills its key with them";
}

TEST(PasswordLine, IsNotTheHashOfAnotherSalt) {
  const PasswordHash one = hash_password(bytes_of("p"), 10), other = hash_password(bytes_of("p"), 10);
  EXPECT_NE(one.salt, other.salt);
  EXPECT_NE(one.hash, other.hash);
  EXPECT_EQ(derive_from_password(bytes_of("p"), one.salt, 10), one.hash);
  EXPECT_NE(derive_from_password(bytes_of("p"), one.salt, 11), one.hash);
}

TEST(PasswordLine, ComplainsAboutEachFault) {
  const std::string salt = "MDEyMzQ1Njc4OWFiY2RlZg==", hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  const std::string shape = "the user is not followed by :pbkdf2-sha256$ITERATIONS$SALT$HASH";
  const std::string user_fault = "the user is empty, not printable ASCII or contains a colon";
  const std::string iterations_fault = "the iterations are not a number from 1 to 2000";
  const std::vector<std::pair<std::string, std::string>> lines{
      {"a", "the line does not begin with USER:"},
      {":pbkdf2-sha256$1$" + salt + "$" + hash, user_fault},
      {"a%3ab:pbkdf2-sha256$1$" + salt + "$" + hash, user_fault},
      {"a%00:pbkdf2-sha256$1$" + salt + "$" + hash, user_fault},
      {"a%:pbkdf2-sha256$1$" + salt + "$" + hash, "the user has a percent sign without two hexadecimal digits"},
      {std::string(129, 'a') + ":pbkdf2-sha256$1$" + salt + "$" + hash, "the user is longer than 128 bytes"},
      {"a:plain", shape},
      {"a:pbkdf2-sha1$1$" + salt + "$" + hash, shape},
      {"a:b:pbkdf2-sha256$1$" + salt + "$" + hash, shape},
      {"a:pbkdf2-sha256", iterations_fault},
      {"a:pbkdf2-sha256$0$" + salt + "$" + hash, iterations_fault},
      {"a:pbkdf2-sha256$2001$" + salt + "$" + hash, iterations_fault},
      {"a:pbkdf2-sha256$01$" + salt + "$" + hash, iterations_fault},
      {"a:pbkdf2-sha256$1$" + hash + "$" + hash, "the salt is not 16 bytes in base64"},
      {"a:pbkdf2-sha256$1$" + salt + "$" + salt, "the hash is not 32 bytes in base64"},
      {"a:pbkdf2-sha256$1$" + salt + "$" + hash + "$", "the hash is not 32 bytes in base64"},
      {"a:pbkdf2-sha256$1$" + salt + "$" + hash + " device=", "device= is empty or not printable ASCII"},
      {"a:pbkdf2-sha256$1$" + salt + "$" + hash + " name=x", "the field name= is unknown, write device= group= expires="},
      {"a:pbkdf2-sha256$1$" + salt + "$" + hash + " expires=x",
       "expires= is neither a time like 2027-01-31T12:00:00Z nor Unix seconds"},
  };
  for (const auto& [line, cause] : lines) {
    const auto read = parse_password_line(line);
    ASSERT_FALSE(read.has_value()) << line;
    EXPECT_EQ(read.error(), cause) << line;
  }
}

}  // namespace
}  // namespace ringgate::auth
