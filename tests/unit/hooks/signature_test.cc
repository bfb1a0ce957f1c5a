#include "hooks/signature.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "auth/text_coding.h"

namespace ringgate::hooks {
namespace {

class SignatureFiles : public testing::Test {
 protected:
  SignatureFiles() : folder_(std::filesystem::temp_directory_path() / ("keys-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~SignatureFiles() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, std::string_view content) const {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << content;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return path;
  }

 private:
  const std::filesystem::path folder_;
};

constexpr std::string_view key_a = "0123456789abcdef0123456789abcdef";

// Made with: printf '%s' '1764561311.hello' | openssl dgst -sha256 -hmac KEY
constexpr std::string_view signed_by_a = "v1=99fb0c284e41879f5f576de82412c4ff96429e819e4e958160dc10bf25ea29e7";

TEST_F(SignatureFiles, SignsTimeStampAndBodyWithEachKey) {
  std::vector<std::string> warnings;
  const auto one = SigningKeys::load({file("a", fmt::format("{}\n", key_a))}, warnings);
  ASSERT_TRUE(one.has_value()) << one.error();
  EXPECT_EQ(one->sign(1'764'561'311, "hello"), "t=1764561311," + std::string(signed_by_a));
  const std::string encoded = "whsec_" + auth::encode_base64(bytes_of(key_a), auth::Base64::standard);
  const auto two = SigningKeys::load({file("b", std::string(40, 'x')), file("c", encoded)}, warnings);
  ASSERT_TRUE(two.has_value()) << two.error();
  EXPECT_TRUE(two->sign(1'764'561'311, "hello").ends_with("," + std::string(signed_by_a)));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(SignatureFiles, HasNoSignatureWithoutKeys) {
  std::vector<std::string> warnings;
  EXPECT_EQ(SigningKeys::load({}, warnings)->sign(1, "x"), "");
}

TEST_F(SignatureFiles, RefusesKeysThatAreShortOrWrittenWrong) {
  std::vector<std::string> warnings;
  EXPECT_FALSE(SigningKeys::load({file("short", key_a.substr(1))}, warnings).has_value());
  EXPECT_FALSE(SigningKeys::load({file("base", "whsec_!!!!")}, warnings).has_value());
  EXPECT_FALSE(SigningKeys::load({"/nowhere/at/all"}, warnings).has_value());
}

}  // namespace
}  // namespace ringgate::hooks
