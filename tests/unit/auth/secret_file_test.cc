#include "auth/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "temporary_folder.h"

namespace ringgate::auth {
namespace {

using testing::TemporaryFolder;

TEST(SecretFile, IsReadWhole) {
  const TemporaryFolder folder;
  const std::string bytes("\0a\xff\n", 4);
  EXPECT_EQ(read_secret_file(folder.file("a", bytes), 4)->content.text(), bytes);
  EXPECT_EQ(read_secret_file(folder.file("empty", ""), 4)->content.text(), "");
}

TEST(SecretFile, TheErrorNamesFileAndCause) {
  const TemporaryFolder folder;
  const std::string long_one = folder.file("long", "12345");
  EXPECT_EQ(read_secret_file(long_one, 4).error(), long_one + " is larger than 4 bytes");
  EXPECT_EQ(read_secret_file(folder.path(), 4).error(), folder.path() + " is a directory");
  EXPECT_EQ(read_secret_file("/nowhere", 4).error(), "/nowhere cannot be read: No such file or directory");
  const std::string pipe = folder.path() + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(read_secret_file(pipe, 4).error(), pipe + " is not a regular file");
  EXPECT_EQ(read_secret_file("/dev/zero", 4).error(), "/dev/zero is not a regular file");
}

TEST(SecretFile, WarnsIfEverybodyMayReadIt) {
  const TemporaryFolder folder;
  const std::string file = folder.file("a", "x");
  EXPECT_EQ(read_secret_file(file, 4)->warning, std::nullopt);
  std::filesystem::permissions(file, std::filesystem::perms(0640));
  EXPECT_EQ(read_secret_file(file, 4)->warning, std::nullopt);
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_EQ(read_secret_file(file, 4)->warning, file + " can be read by every user of this machine; chmod o-r is advised");
}

TEST(SecretBytes, KeepTheirFrontWhenCut) {
  SecretBytes secret(8);
  std::ranges::fill(secret.bytes(), std::uint8_t{7});
  const std::uint8_t* const memory = secret.bytes().data();
  secret.shrink(3);
  EXPECT_EQ(secret.text(), "\7\7\7");
  EXPECT_EQ(secret.bytes().data(), memory) << "a copy would leave the secret where it was";
}

TEST(SecretBytes, AreWiped) {
  std::array<std::uint8_t, 4> bytes{1, 2, 3, 4};
  wipe(MutableBytes(bytes).subspan(1));
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 4>{1, 0, 0, 0}));
}

}  // namespace
}  // namespace ringgate::auth
