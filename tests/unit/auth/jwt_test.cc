#include "auth/jwt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <atomic>
#include <thread>

#include "base/limits.h"
#include "support/jwt/token_maker.h"

namespace ringgate::auth {
namespace {

using test::base64url;
using test::make_token;
using test::SigningKey;

constexpr std::int64_t now = 1'800'000'000;
constexpr std::string_view good_claims = R"({"sub":"d1","exp":1800000100})";

/// One key of each kind, each with a kid and one without: made once, since RSA keys take a while.
struct Keys {
  SigningKey rsa = SigningKey::rsa(), other_rsa = SigningKey::rsa(), p256 = SigningKey::curve("P-256"),
             other_p256 = SigningKey::curve("P-256"), p384 = SigningKey::curve("P-384"), p521 = SigningKey::curve("P-521"),
             secret = SigningKey::secret(std::string(64, 's')), other_secret = SigningKey::secret(std::string(64, 'o'));

  const SigningKey& of(const std::string& algorithm) const {
    if (algorithm.starts_with("HS")) return secret;
    if (algorithm.starts_with("ES")) return algorithm == "ES256" ? p256 : algorithm == "ES384" ? p384 : p521;
    return rsa;
  }
};

const Keys& all_keys() {
  static const Keys keys;
  return keys;
}

struct Jwt : testing::Test {
  const Keys& keys = all_keys();
  test::KeyFolder folder;
  JwtRules rules;

  JwkSet load(const std::vector<std::string>& texts) const {
    std::vector<std::string> files;
    for (const std::string& text : texts) files.push_back(folder.write("keys" + std::to_string(files.size()), text));
    auto set = JwkSet::load(files);
    if (!set) throw std::runtime_error(set.error());
    return std::move(*set);
  }
  JwkSet load_all() const { return load({keys.rsa.jwk(), keys.p256.jwk(), keys.p384.jwk(), keys.p521.jwk(), keys.secret.jwk()}); }
  std::string_view fault(std::string_view token, const JwkSet& set) const {
    const auto claims = verify(token, set, rules, now);
    EXPECT_EQ(ERR_peek_error(), 0U) << "nothing is left in the queue of errors";
    return claims ? "none" : facts_of(claims.error()).reason;
  }
};

std::string altered(std::string text, std::size_t at, char to) {
  text[at] = to;
  return text;
}

TEST_F(Jwt, IsGoodWithEveryAlgorithm) {
  const JwkSet set = load_all();
  for (const JwtAlgorithmRow& row : jwt_algorithms) {
    const std::string name(row.name);
    const auto claims = verify(make_token(keys.of(name), name, good_claims), set, rules, now);
    ASSERT_TRUE(claims) << name;
    EXPECT_EQ(claims->id, "d1");
    EXPECT_EQ(claims->expires_at, 1'800'000'100);
  }
}

TEST_F(Jwt, OfTheStandardsIsGood) {
  // RFC 7515, appendices A.1 and A.3.
  const std::string claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  const std::string mac = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + claims + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const std::string curve = "eyJhbGciOiJFUzI1NiJ9." + claims +
                            ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  const JwkSet set = load(
      {R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
       R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})"});
  for (const std::string& token : {mac, curve}) {
    EXPECT_TRUE(verify(token, set, {.issuers = {"joe"}}, 1'300'819'380));
    EXPECT_EQ(verify(token, set, {.issuers = {"joe"}}, 1'300'819'440).error(), JwtFault::expired);
  }
}

TEST_F(Jwt, IsRefusedIfAnyCharacterIsAltered) {
  const JwkSet set = load_all();
  for (const std::string name : {"HS256", "ES256", "RS256", "PS256"}) {
    const std::string token = make_token(keys.of(name), name, good_claims);
    ASSERT_EQ(fault(token, set), "none");
    for (std::size_t i = 0; i < token.size(); ++i) {
      for (const char c : {'A', 'B', '_', '.', '=', '\0', static_cast<char>(token[i] ^ 1), static_cast<char>(token[i] ^ 0x20)}) {
        if (c == token[i]) continue;
        ASSERT_NE(fault(altered(token, i, c), set), "none") << name << " at " << i << " with " << static_cast<int>(c);
      }
    }
  }
}

TEST_F(Jwt, IsRefusedIfItIsCutOrLonger) {
  const JwkSet set = load_all();
  const std::string token = make_token(keys.secret, "HS256", good_claims);
  for (std::size_t length = 0; length < token.size(); ++length) ASSERT_NE(fault(token.substr(0, length), set), "none") << length;
  for (const std::string end : {"A", "AA", "AAA", "AAAA", "=", ".", ".AAAA", " ", "\n"})
    ASSERT_NE(fault(token + end, set), "none") << end;
  EXPECT_EQ(fault(' ' + token, set), "jwt_malformed");
}

TEST_F(Jwt, WithoutASignatureIsRefused) {
  const JwkSet set = load_all();
  for (const std::string name : {"none", "None", "NONE", "nOnE", "", "EdDSA", "ES256K", "HS1", "hs256", "RSA-OAEP", "dir"}) {
    const std::string unsigned_token = base64url(R"({"alg":")" + name + "\"}") + '.' + base64url(good_claims) + '.';
    EXPECT_EQ(fault(unsigned_token, set), "jwt_algorithm_not_allowed") << name;
    EXPECT_EQ(fault(unsigned_token + "AAAA", set), "jwt_algorithm_not_allowed") << name;
  }
  const std::string token = make_token(keys.secret, "HS256", good_claims);
  EXPECT_EQ(fault(token.substr(0, token.rfind('.') + 1), set), "jwt_bad_signature");
}

TEST_F(Jwt, SignedWithAPublicKeyAsSecretIsRefused) {
  const std::string pem = keys.rsa.public_pem();
  for (const std::string& secret : {pem, pem.substr(0, pem.size() - 1), keys.rsa.jwk()}) {
    const std::string token = make_token(SigningKey::secret(secret), "HS256", good_claims);
    EXPECT_EQ(fault(token, load({pem})), "jwt_algorithm_not_allowed");
    EXPECT_EQ(fault(token, load({pem, keys.secret.jwk()})), "jwt_bad_signature") << "beside a secret that the gate has";
  }
}

TEST_F(Jwt, NeedsAnAlgorithmThatItsKeyAllows) {
  const JwkSet set = load({keys.rsa.jwk(R"("alg":"PS256","kid":"ps",)"), keys.p256.jwk(R"("kid":"p256",)")});
  EXPECT_EQ(fault(make_token(keys.rsa, "PS256", good_claims), set), "none");
  EXPECT_EQ(fault(make_token(keys.rsa, "RS256", good_claims), set), "jwt_algorithm_not_allowed");
  EXPECT_EQ(fault(make_token(keys.rsa, "PS384", good_claims), set), "jwt_algorithm_not_allowed");
  EXPECT_EQ(fault(make_token(keys.rsa, "PS256", R"({"alg":"PS256","kid":"p256"})", good_claims), set),
            "jwt_algorithm_not_allowed");
  // libcjose itself would verify this one: a signature by the P-256 key over SHA-384.
  EXPECT_EQ(fault(make_token(keys.p256, "ES384", good_claims), set), "jwt_algorithm_not_allowed");
}

TEST_F(Jwt, OfAnotherKeyIsRefused) {
  const JwkSet set = load_all();
  EXPECT_EQ(fault(make_token(keys.other_rsa, "RS256", good_claims), set), "jwt_bad_signature");
  EXPECT_EQ(fault(make_token(keys.other_rsa, "PS256", good_claims), set), "jwt_bad_signature");
  EXPECT_EQ(fault(make_token(keys.other_p256, "ES256", good_claims), set), "jwt_bad_signature");
  EXPECT_EQ(fault(make_token(keys.other_secret, "HS256", good_claims), set), "jwt_bad_signature");
}

TEST_F(Jwt, NamesItsKey) {
  const JwkSet set = load({keys.p256.jwk(R"("kid":"a",)"), keys.other_p256.jwk(R"("kid":"b",)")});
  const auto of = [&](const SigningKey& key, const std::string& kid) {
    return fault(make_token(key, "ES256", R"({"alg":"ES256","kid":)" + kid + "}", good_claims), set);
  };
  EXPECT_EQ(of(keys.p256, "\"a\""), "none");
  EXPECT_EQ(of(keys.other_p256, "\"b\""), "none");
  EXPECT_EQ(of(keys.p256, "\"b\""), "jwt_bad_signature");
  EXPECT_EQ(of(keys.p256, "\"c\""), "jwt_unknown_key");
  EXPECT_EQ(of(keys.p256, "\"\""), "jwt_unknown_key");
  EXPECT_EQ(of(keys.p256, "\"../a\""), "jwt_unknown_key");
  EXPECT_EQ(of(keys.p256, "7"), "jwt_malformed");
  EXPECT_EQ(of(keys.p256, "null"), "jwt_malformed");
}

TEST_F(Jwt, WithoutAKidIsTriedWithTheKeysOfItsAlgorithm) {
  const JwkSet set = load({keys.rsa.jwk(R"("kid":"r",)"), keys.other_p256.jwk(R"("kid":"a",)"), keys.p256.jwk(R"("kid":"b",)")});
  EXPECT_EQ(fault(make_token(keys.p256, "ES256", good_claims), set), "none");
  EXPECT_EQ(fault(make_token(keys.p384, "ES384", good_claims), set), "jwt_algorithm_not_allowed");
}

TEST_F(Jwt, WithAnUnknownKidIsTriedWithKeysThatHaveNone) {
  const std::string token = make_token(keys.p256, "ES256", R"({"alg":"ES256","kid":"x"})", good_claims);
  EXPECT_EQ(fault(token, load({keys.p256.public_pem()})), "none");
  EXPECT_EQ(fault(token, load({keys.other_p256.public_pem(), keys.p256.jwk(R"("kid":"y",)")})), "jwt_bad_signature");
  EXPECT_EQ(fault(token, load({keys.rsa.public_pem()})), "jwt_algorithm_not_allowed");
  EXPECT_EQ(fault(token, load({keys.p256.jwk(R"("kid":"y",)")})), "jwt_unknown_key");
}

TEST_F(Jwt, IsTriedWithFourKeysAtMost) {
  std::vector<std::string> texts;
  for (const char letter : {'1', '2', '3', '4', '5'})
    texts.push_back(SigningKey::secret(std::string(32, letter)).jwk(R"("kid":")" + std::string(1, letter) + "\","));
  const JwkSet set = load(texts);
  EXPECT_EQ(fault(make_token(SigningKey::secret(std::string(32, '4')), "HS256", good_claims), set), "none");
  EXPECT_EQ(fault(make_token(SigningKey::secret(std::string(32, '5')), "HS256", good_claims), set), "jwt_bad_signature");
}

TEST_F(Jwt, HasASignatureOfTheRightLength) {
  const JwkSet set = load_all();
  // libcjose itself halves whatever length an ES signature has, so that r and s may be padded with zeros.
  const std::string header = R"({"alg":"ES256"})", text = base64url(header) + '.' + base64url(good_claims);
  const std::string signature = keys.p256.sign("ES256", text);
  const std::string padded = '\0' + signature.substr(0, 32) + '\0' + signature.substr(32);
  EXPECT_EQ(fault(text + '.' + base64url(signature), set), "none");
  EXPECT_EQ(fault(text + '.' + base64url(padded), set), "jwt_bad_signature");
  EXPECT_EQ(fault(text + '.' + base64url(std::string(64, '\0')), set), "jwt_bad_signature");
  const std::string mac_text = base64url(R"({"alg":"HS256"})") + '.' + base64url(good_claims);
  const std::string mac = keys.secret.sign("HS256", mac_text);
  EXPECT_EQ(fault(mac_text + '.' + base64url(mac.substr(0, 16)), set), "jwt_bad_signature");
  EXPECT_EQ(fault(mac_text + '.' + base64url(mac + '\0'), set), "jwt_bad_signature");
}

TEST_F(Jwt, HasAHeaderThatIsUnderstood) {
  const JwkSet set = load_all();
  const auto with = [&](const std::string& header) { return fault(make_token(keys.secret, "HS256", header, good_claims), set); };
  for (const char* const type : {"JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "application/at+jwt"})
    EXPECT_EQ(with(R"({"alg":"HS256","typ":")" + std::string(type) + "\"}"), "none") << type;
  for (const char* const type : {"\"JWS\"", "\"dpop+jwt\"", "\"\"", "\"logout+jwt\"", "\"application/\"", "7", "null"})
    EXPECT_EQ(with(R"({"alg":"HS256","typ":)" + std::string(type) + "}"), "jwt_wrong_type") << type;
  EXPECT_EQ(with(R"({"alg":"HS256","crit":["exp"]})"), "jwt_critical_header");
  EXPECT_EQ(with(R"({"alg":"HS256","crit":[]})"), "jwt_critical_header");
  EXPECT_EQ(with(R"({"alg":"HS256","crit":["b64"],"b64":false})"), "jwt_critical_header");
  EXPECT_EQ(with(R"({"alg":"HS256","alg":"HS256"})"), "jwt_duplicate_member");
  EXPECT_EQ(with(R"({"alg":"none","\u0061lg":"HS256"})"), "jwt_duplicate_member");
  EXPECT_EQ(with(R"({"typ":"JWT"})"), "jwt_malformed");
  EXPECT_EQ(with(R"({"alg":["HS256"]})"), "jwt_malformed");
  EXPECT_EQ(with(R"(["HS256"])"), "jwt_malformed");
  EXPECT_EQ(with("HS256"), "jwt_malformed");
}

TEST_F(Jwt, IsNotToldWhichKeyToTrust) {
  const JwkSet set = load({keys.p256.jwk()});
  const std::string jwk = keys.other_p256.jwk();
  for (const std::string& member : {"\"jwk\":" + jwk, std::string(R"("jku":"http://127.0.0.1:1/")"),
                                    std::string(R"("x5u":"http://127.0.0.1:1/")"), std::string(R"("x5c":["AAAA"])")}) {
    const std::string header = R"({"alg":"ES256",)" + member + "}";
    EXPECT_EQ(fault(make_token(keys.other_p256, "ES256", header, good_claims), set), "jwt_bad_signature") << member;
    EXPECT_EQ(fault(make_token(keys.p256, "ES256", header, good_claims), set), "none") << member;
  }
}

TEST_F(Jwt, HasClaimsThatAreOneObject) {
  const JwkSet set = load_all();
  const auto with = [&](std::string_view payload) { return fault(make_token(keys.secret, "HS256", payload), set); };
  EXPECT_EQ(with(R"({"sub":"a","exp":1800000100,"sub":"b"})"), "jwt_duplicate_member");
  EXPECT_EQ(with(R"({"sub":"a","exp":1800000100,"x":[{"y":1,"y":1}]})"), "jwt_duplicate_member");
  EXPECT_EQ(with(R"({"sub":"a\u0000b","exp":1800000100})"), "jwt_malformed");
  EXPECT_EQ(with("{\"sub\":\"a\xff\",\"exp\":1800000100}"), "jwt_malformed");
  EXPECT_EQ(with(""), "jwt_malformed");
  EXPECT_EQ(with("[]"), "jwt_malformed");
  EXPECT_EQ(with(make_token(keys.secret, "HS256", good_claims)), "jwt_malformed") << "a token in a token";
}

TEST_F(Jwt, IsJudgedByItsSignatureBeforeItsClaims) {
  const JwkSet set = load_all();
  EXPECT_EQ(fault(make_token(keys.other_secret, "HS256", R"({"exp":1})"), set), "jwt_bad_signature");
  EXPECT_EQ(fault(make_token(keys.other_secret, "HS256", "no JSON"), set), "jwt_bad_signature");
  EXPECT_EQ(fault(make_token(keys.secret, "HS256", R"({"exp":1})"), set), "jwt_expired");
}

TEST_F(Jwt, HasThreeParts) {
  const JwkSet set = load_all();
  for (const char* const text :
       {"", ".", "..", "...", "a", "a.b", "e30.e30", "e30.e30.e30.e30", "e30.e30.e30.e30.e30", "\xff.\xff.\xff"})
    EXPECT_EQ(fault(text, set), "jwt_malformed") << text;
}

TEST_F(Jwt, IsAtMost8KiBLong) {
  const JwkSet set = load_all();
  const auto of_size = [&](std::size_t size) {
    std::string payload = R"({"exp":1800000100,"x":")";
    while (make_token(keys.secret, "HS256", payload + "\"}").size() < size) payload += 'x';
    return make_token(keys.secret, "HS256", payload + "\"}");
  };
  const std::string longest = of_size(limits::jwt_bytes_max - 1);
  ASSERT_LE(longest.size(), limits::jwt_bytes_max);
  EXPECT_EQ(fault(longest, set), "none");
  EXPECT_EQ(fault(of_size(limits::jwt_bytes_max + 1), set), "jwt_too_large");
  EXPECT_EQ(fault(std::string(limits::jwt_bytes_max, 'A'), set), "jwt_malformed");
  EXPECT_EQ(fault(std::string(limits::jwt_bytes_max + 1, 'A'), set), "jwt_too_large");
}

TEST_F(Jwt, IsVerifiedByManyThreadsWithOneSet) {
  const auto set = std::make_shared<const JwkSet>(load_all());
  std::vector<std::pair<std::string, bool>> tokens;
  for (const std::string name : {"RS256", "PS384", "ES256", "ES384", "HS256"}) {
    tokens.emplace_back(make_token(keys.of(name), name, good_claims), true);
    const std::string& good = tokens.back().first;
    const std::size_t at = good.size() - 5;
    tokens.emplace_back(altered(good, at, good[at] == 'A' ? 'B' : 'A'), false);
  }
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (std::size_t round = 0; round < 20 * tokens.size(); ++round) {
        const auto& [token, is_good] = tokens[(round + i) % tokens.size()];
        if (verify(token, *set, {}, now).has_value() != is_good) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace ringgate::auth
