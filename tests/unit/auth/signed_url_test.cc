#include "auth/signed_url.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "auth/text_coding.h"
#include "base/limits.h"
#include "temporary_folder.h"

namespace ringgate::auth {
namespace {

const std::string secret_a(32, 'a'), secret_b(1024, 'b');
std::string key_line(const std::string& name, std::string_view secret) {
  return name + ":" + encode_base64(bytes_of(secret), Base64::standard) + "\n";
}
const auto keys = UrlKeys::parse(key_line("a", secret_a) + key_line("b-2", secret_b), "keys").value();

/// `query` with its true signature behind it.
std::string with_signature(const std::string& query, std::string_view secret = secret_a, std::string_view path = "/ws") {
  return query + "&signature=" + encode_hex(Hmac(bytes_of(secret)).sign(path, "?", query));
}
std::string verdict(std::string_view query, std::int64_t now = 0, std::string_view path = "/ws") {
  const auto judged = keys->verify(path, query, now);
  return judged ? "key " + std::string(judged->key_name) : std::string(facts_of(judged.error()).reason);
}

TEST(SignedUrl, AgreesWithAnotherImplementation) {
  // hmac.new(b"a" * 32, b"/ws?deviceId=pump%201&expires=1000", "sha256").hexdigest()
  EXPECT_EQ(verdict("deviceId=pump%201&expires=1000&signature=27e12866e99605e4470f72645b3f61b41ea0fb522045c35917eaa7257527752a"),
            "key a");
}

TEST(SignedUrl, IsGoodUntilItsSecond) {
  const std::string query = with_signature("deviceId=x&expires=1000");
  EXPECT_EQ(keys->verify("/ws", query, 999)->expires_at, 1000);
  EXPECT_EQ(verdict(query, 1000), "url_expired");
}

TEST(SignedUrl, HasASignatureInEitherEncoding) {
  const Sha256 signature = Hmac(bytes_of(secret_a)).sign("/ws", "?", "expires=1000");
  std::string hex = encode_hex(signature);
  EXPECT_EQ(verdict("expires=1000&signature=" + hex), "key a");
  std::ranges::transform(hex, hex.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  EXPECT_EQ(verdict("expires=1000&signature=" + hex), "key a");
  EXPECT_EQ(verdict("expires=1000&signature=" + encode_base64(signature, Base64::url)), "key a");
  for (const std::string& text :
       {std::string(), hex.substr(1), hex + "0", encode_base64(signature, Base64::standard), "%" + hex.substr(1)})
    EXPECT_EQ(verdict("expires=1000&signature=" + text), "signature_malformed") << text;
}

TEST(SignedUrl, TriesAllKeysOrTheOneNamed) {
  EXPECT_EQ(verdict(with_signature("expires=1000", secret_b)), "key b-2");
  EXPECT_EQ(verdict(with_signature("expires=1000&kid=b-2", secret_b)), "key b-2");
  EXPECT_EQ(verdict(with_signature("expires=1000&key_id=a", secret_a)), "key a");
  EXPECT_EQ(verdict(with_signature("expires=1000&kid=a", secret_b)), "signature_wrong");
  EXPECT_EQ(verdict(with_signature("expires=1000&kid=c")), "url_key_unknown");
  EXPECT_EQ(verdict(with_signature("expires=1000&kid=%61")), "url_key_unknown");
  EXPECT_EQ(verdict(with_signature("expires=1000&kid=")), "url_key_unknown");
  EXPECT_EQ(verdict(with_signature("expires=1000&kid=a&key_id=a")), "url_key_repeated");
  EXPECT_EQ(verdict(with_signature("expires=1000&kid=a&%6bid=b-2")), "url_key_repeated");
  EXPECT_EQ(verdict(with_signature("expires=1000", std::string(32, 'c'))), "signature_wrong");
}

TEST(SignedUrl, SignsEveryByteOfPathAndQuery) {
  const std::string query = with_signature("deviceId=a%20b&expires=1000");
  const std::size_t signed_bytes = query.find("&signature");
  for (std::size_t i = 0; i < query.size(); ++i) {
    for (const int bit : {1, 2, 4, 8, 16, 64}) {
      std::string changed = query;
      changed[i] = static_cast<char>(changed[i] ^ bit);
      EXPECT_FALSE(keys->verify("/ws", changed, 0).has_value()) << changed;
    }
    if (i > signed_bytes) continue;
    EXPECT_FALSE(keys->verify("/ws", query.substr(0, i) + query.substr(i + 1), 0).has_value()) << i;
    EXPECT_FALSE(keys->verify("/ws", query.substr(0, i) + "0" + query.substr(i), 0).has_value()) << i;
  }
  for (const char* path : {"/w", "/wss", "/%77s", "/ws/", ""}) EXPECT_EQ(verdict(query, 0, path), "signature_wrong") << path;
  EXPECT_EQ(verdict("deviceId=a+b&expires=1000" + query.substr(signed_bytes)), "signature_wrong") << "not what it decodes to";
}

TEST(SignedUrl, HasOneSignatureAtItsEnd) {
  const std::string query = with_signature("expires=1000");
  const std::string signature = query.substr(query.find("signature="));
  EXPECT_EQ(verdict(""), "signature_missing");
  EXPECT_EQ(verdict("expires=1000"), "signature_missing");
  EXPECT_EQ(verdict("expires=1000&Signature=" + signature.substr(10)), "signature_missing");
  EXPECT_EQ(verdict(query + "&deviceId=evil"), "signature_not_last");
  EXPECT_EQ(verdict(query + "&"), "signature_not_last");
  EXPECT_EQ(verdict("expires=1000&%73ignature=" + signature.substr(10)), "signature_not_last");
  EXPECT_EQ(verdict(query + "&" + signature), "signature_repeated");
  EXPECT_EQ(verdict(query + "&%73ignature=" + signature.substr(10)), "signature_repeated");
  EXPECT_EQ(verdict("signature&" + query), "signature_repeated");
  EXPECT_EQ(verdict(with_signature("signature=x&expires=1000")), "signature_repeated");
  EXPECT_EQ(verdict(with_signature("s%69gnature=x&expires=1000")), "signature_repeated");
}

TEST(SignedUrl, HasOneExpiry) {
  EXPECT_EQ(verdict("signature=" + encode_hex(Hmac(bytes_of(secret_a)).sign("/ws", "?", ""))), "url_expiry_missing");
  EXPECT_EQ(verdict(with_signature("deviceId=x")), "url_expiry_missing");
  EXPECT_EQ(verdict(with_signature("expires=1000&expires=1000")), "url_expiry_repeated");
  EXPECT_EQ(verdict(with_signature("expires=1000&%65xpires=9999")), "url_expiry_repeated");
  for (const char* text : {"", "-1", "01", "1e9", "1.0", "%31", "2027-01-31T12:00:00Z", "999999999999"})
    EXPECT_EQ(verdict(with_signature(std::string("expires=") + text)), "url_expiry_malformed") << text;
  EXPECT_EQ(verdict(with_signature("%65xpires=1000")), "key a") << "a spelling that was signed";
}

TEST(SignUrl, MakesWhatIsVerified) {
  const Hmac key(bytes_of(secret_a));
  for (const char* query : {"", "deviceId=a%20b", "x&y=&&z"}) {
    for (const char* name : {"", "a"}) {
      const std::string url = sign_url("/o/1", query, 1000, name, key).value();
      ASSERT_TRUE(url.starts_with("/o/1?"));
      EXPECT_EQ(verdict(url.substr(5), 999, "/o/1"), "key a") << url;
    }
  }
  for (const char* query : {"expires=1", "a&signature=x", "kid=a", "key_%69d=a"})
    EXPECT_FALSE(sign_url("/ws", query, 1, "", key)) << query;
}

TEST(UrlKeys, NamesFileAndLineOfAFault) {
  const auto error = [](const std::string& text) { return UrlKeys::parse(text, "keys").error(); };
  EXPECT_EQ(error("# none\n"), "keys holds no key");
  EXPECT_EQ(error(key_line("a b", secret_a)), "keys:1: the line does not begin with NAME:, of letters, digits and . _ ~ -");
  EXPECT_EQ(error("abc\n"), "keys:1: the key is not 32 to 1024 bytes in base64");
  EXPECT_EQ(error(key_line("a", std::string(31, 'x'))), "keys:1: the key is not 32 to 1024 bytes in base64");
  EXPECT_EQ(error(key_line("a", std::string(1025, 'x'))), "keys:1: the key is not 32 to 1024 bytes in base64");
  EXPECT_EQ(error(key_line("a", secret_a) + key_line("a", secret_b)), "keys:2: the name is repeated");
  std::string many;
  for (std::size_t i = 0; i < limits::url_keys_max; ++i) many += key_line(fmt::format("k{}", i), secret_a);
  EXPECT_EQ(UrlKeys::parse(many, "keys").value()->size(), limits::url_keys_max);
  EXPECT_EQ(error(many + key_line("one-more", secret_a)), "keys:9: there are more than 8 keys");
  EXPECT_EQ(UrlKeys::load("/nowhere").error(), "/nowhere cannot be read: No such file or directory");
}

TEST(UrlKeys, WarnsIfOthersMayReadIt) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("keys", key_line("a", secret_a));
  EXPECT_EQ(UrlKeys::load(file).value()->warning(), std::nullopt);
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_TRUE(UrlKeys::load(file).value()->warning().has_value());
}

}  // namespace
}  // namespace ringgate::auth
