#include "auth/jwk_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/limits.h"
#include "support/jwt/token_maker.h"

namespace ringgate::auth {
namespace {

using test::base64url;
using test::SigningKey;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

const std::string secret32(32, 's');

/// Made once: it takes a while.
const SigningKey& rsa_key() {
  static const SigningKey key = SigningKey::rsa();
  return key;
}

struct JwkSets : testing::Test {
  test::KeyFolder folder;

  std::expected<JwkSet, std::string> load(const std::vector<std::string>& texts) const {
    std::vector<std::string> files;
    for (const std::string& text : texts) files.push_back(folder.write("keys" + std::to_string(files.size()), text));
    return JwkSet::load(files);
  }
  std::string error(const std::string& text) const {
    const auto set = load({text});
    return set ? "none" : set.error();
  }
  static std::string set_of(const std::vector<std::string>& keys) {
    std::string text = R"({"keys":[)";
    for (const std::string& key : keys) text += (text.ends_with('[') ? "" : ",") + key;
    return text + "]}";
  }
  static std::string names(const Jwk& key) {
    std::string text;
    for (const JwtAlgorithmRow& row : jwt_algorithms)
      if (key.algorithms.contains(row.algorithm)) text += (text.empty() ? "" : " ") + std::string(row.name);
    return text;
  }
};

TEST_F(JwkSets, GiveEachKeyTheAlgorithmsOfItsKind) {
  const SigningKey& rsa = rsa_key();
  const auto set = load({set_of({rsa.jwk(), rsa.jwk(R"("alg":"PS384",)"), SigningKey::curve("P-256").jwk(R"("kid":"a",)"),
                                 SigningKey::curve("P-384").jwk(), SigningKey::curve("P-521").jwk(R"("use":"sig",)")}),
                         set_of({SigningKey::secret(secret32).jwk(), SigningKey::secret(std::string(48, 's')).jwk(),
                                 SigningKey::secret(std::string(64, 's')).jwk(R"("key_ops":["sign","verify"],)"),
                                 SigningKey::secret(std::string(64, 's')).jwk(R"("alg":"HS256",)")})});
  ASSERT_TRUE(set) << set.error();
  std::vector<std::string> all;
  for (const Jwk& key : set->keys()) all.push_back(names(key));
  EXPECT_THAT(all, ElementsAre("RS256 RS384 RS512 PS256 PS384 PS512", "PS384", "ES256", "ES384", "ES512", "HS256", "HS256 HS384",
                               "HS256 HS384 HS512", "HS256"));
  EXPECT_EQ(set->find("a"), &set->keys()[2]);
  EXPECT_EQ(set->find("b"), nullptr);
  EXPECT_EQ(set->find(""), nullptr);
  EXPECT_TRUE(set->notes().empty());
}

TEST_F(JwkSets, ReadPublicKeysInPem) {
  const auto set = load({rsa_key().public_pem() + "a note\n" + SigningKey::curve("P-384").public_pem(),
                         SigningKey::curve("P-521").public_pem(), SigningKey::curve("P-256").jwk(R"("kid":"b",)")});
  ASSERT_TRUE(set) << set.error();
  ASSERT_EQ(set->keys().size(), 4U);
  EXPECT_EQ(set->keys()[0].kind, KeyKind::rsa);
  EXPECT_EQ(names(set->keys()[1]), "ES384");
  EXPECT_EQ(names(set->keys()[2]), "ES512");
  EXPECT_EQ(set->keys()[3].kid, "b");
}

TEST_F(JwkSets, RefusePrivateKeys) {
  const SigningKey curve = SigningKey::curve("P-256");
  for (const SigningKey* const one : {&rsa_key(), &curve}) {
    const SigningKey& key = *one;
    EXPECT_THAT(error(key.private_jwk()),
                EndsWith("keys0: key 1 is a private key, which whoever only verifies must not have; give the public key"));
    EXPECT_THAT(error(key.private_pem()), HasSubstr("keys0: key 1 is a private key, which"));
    EXPECT_THAT(error(key.public_pem() + key.private_pem()), HasSubstr("keys0: key 2 is a private key, which"));
  }
}

TEST_F(JwkSets, RefuseKeysThatAreTooWeak) {
  EXPECT_THAT(error(SigningKey::rsa(1024).jwk(R"("kid":"old",)")),
              EndsWith("keys0: key \"old\" is an RSA key of 1024 bits; 2048 to 8192 are allowed"));
  EXPECT_THAT(error(SigningKey::rsa(2040).public_pem()), HasSubstr("of 2040 bits"));
  EXPECT_THAT(error(R"({"kty":"RSA","e":"AQAB","n":")" + base64url(std::string(1025, '\xff')) + "\"}"),
              HasSubstr("of 8200 bits"));
  EXPECT_THAT(error(SigningKey::secret(std::string(31, 's')).jwk()),
              EndsWith("is a secret of 31 bytes; HS256 needs at least 32"));
  EXPECT_THAT(error(SigningKey::secret(std::string(47, 's')).jwk(R"("alg":"HS384",)")),
              EndsWith("47 bytes; HS384 needs at least 48"));
  EXPECT_THAT(error(SigningKey::secret(std::string(63, 's')).jwk(R"("alg":"HS512",)")),
              EndsWith("63 bytes; HS512 needs at least 64"));
}

TEST_F(JwkSets, RefuseAnRsaKeyThatEverybodyCanSignWith) {
  const std::string modulus = base64url(std::string(256, '\xff')), even = base64url(std::string(255, '\xff') + '\xfe');
  for (const std::string& bad : {"\"n\":\"" + modulus + R"(","e":"AQ")", "\"n\":\"" + modulus + R"(","e":"AQAA")",
                                 "\"n\":\"" + modulus + R"(","e":"AQAAAAAAAAAB")", "\"n\":\"" + even + R"(","e":"AQAB")"})
    EXPECT_THAT(error(R"({"kty":"RSA",)" + bad + "}"), EndsWith("is no RSA key: its modulus or exponent is impossible")) << bad;
  EXPECT_EQ(error(R"({"kty":"RSA","e":"AQAB","n":")" + base64url('\0' + std::string(256, '\xff')) + "\"}"), "none");
}

TEST_F(JwkSets, RefuseAPublicKeyThatIsGivenAsASecret) {
  EXPECT_THAT(error(SigningKey::secret(rsa_key().public_pem()).jwk()), HasSubstr("has a PEM file as its secret"));
}

TEST_F(JwkSets, RefuseKindsThatAreNotOffered) {
  EXPECT_THAT(error(R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"), HasSubstr("EdDSA or X25519 (OKP), which are not offered"));
  EXPECT_THAT(error(SigningKey::curve("ED25519").public_pem()), HasSubstr("is for EdDSA, which is not offered; use ES256"));
  EXPECT_THAT(error(rsa_key().jwk(R"("alg":"EdDSA",)")), HasSubstr("is for EdDSA, which is not offered; use ES256"));
  EXPECT_THAT(error(R"({"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"})"), HasSubstr("is on a curve that is not offered"));
  EXPECT_THAT(error(SigningKey::curve("secp256k1").public_pem()), HasSubstr("is on a curve that is not offered"));
  EXPECT_THAT(error(SigningKey::rsa_pss().public_pem()), HasSubstr("is of a kind that is not offered"));
  EXPECT_THAT(error(R"({"kty":"AKP","alg":"ML-DSA-44"})"), HasSubstr("is of a kind that is not offered"));
  EXPECT_THAT(error(rsa_key().jwk(R"("alg":"RSA-OAEP",)")), HasSubstr("is for an algorithm that is not offered"));
  EXPECT_THAT(error(rsa_key().jwk(R"("alg":"none",)")), HasSubstr("is for an algorithm that is not offered"));
}

TEST_F(JwkSets, RefuseAnAlgorithmOfAnotherKind) {
  EXPECT_THAT(error(rsa_key().jwk(R"("alg":"HS256",)")), EndsWith("is of another kind than its alg, HS256"));
  EXPECT_THAT(error(rsa_key().jwk(R"("alg":"ES256",)")), EndsWith("is of another kind than its alg, ES256"));
  EXPECT_THAT(error(SigningKey::curve("P-256").jwk(R"("alg":"ES384",)")), EndsWith("is of another kind than its alg, ES384"));
  EXPECT_THAT(error(SigningKey::secret(secret32).jwk(R"("alg":"RS256",)")), EndsWith("is of another kind than its alg, RS256"));
}

TEST_F(JwkSets, LeaveOutKeysForOtherPurposes) {
  const SigningKey good = SigningKey::curve("P-256");
  const std::string other = R"({"kty":"OKP","use":"enc","kid":"x","crv":"X25519","x":"AAAA"})";
  const auto set = load({set_of({other, good.jwk(R"("kid":"good",)"), rsa_key().jwk(R"("alg":"RSA-OAEP","use":"enc",)"),
                                 good.jwk(R"("key_ops":["encrypt"],)")})});
  ASSERT_TRUE(set) << set.error();
  EXPECT_EQ(set->keys().size(), 1U);
  EXPECT_THAT(set->notes(),
              ElementsAre(EndsWith("key \"x\" is not for signatures (use)"), EndsWith("key 3 is not for signatures (use)"),
                          EndsWith("key 4 is not to verify with (key_ops)")));
  EXPECT_THAT(error(other), EndsWith("keys0: key \"x\" is not for signatures (use), and there is no other key"));
}

/// RFC 7517 section 5: issuers add keys of new kinds beside the old ones.
TEST_F(JwkSets, LeaveOutKeysOfASetThatAreNotOffered) {
  const SigningKey good = SigningKey::curve("P-256");
  const auto set = load({set_of({R"({"kty":"OKP","kid":"ed","crv":"Ed25519","x":"AAAA"})", R"({"kty":"AKP","alg":"ML-DSA-44"})",
                                 R"({"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"})", rsa_key().jwk(R"("alg":"RSA-OAEP",)"),
                                 good.jwk(R"("kid":"good",)")})});
  ASSERT_TRUE(set) << set.error();
  ASSERT_EQ(set->keys().size(), 1U);
  EXPECT_EQ(set->keys()[0].kid, "good");
  EXPECT_THAT(set->notes(), ElementsAre(HasSubstr("key \"ed\" is for EdDSA or X25519 (OKP)"),
                                        HasSubstr("key 2 is of a kind that is not offered"),
                                        HasSubstr("key 3 is on a curve that is not offered"),
                                        HasSubstr("key 4 is for an algorithm that is not offered")));
  const auto refused = [&](const std::string& other) { return !load({set_of({good.jwk(), other})}).has_value(); };
  EXPECT_TRUE(refused(R"({"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"AAAA"})")) << "a private key is in the wrong hands";
  EXPECT_TRUE(refused(R"({"kty":"EC","crv":"P-256","x":"AAAA"})")) << "broken";
  EXPECT_TRUE(refused(R"({"kty":1})")) << "no text";
  EXPECT_TRUE(refused(R"({"crv":"P-256"})")) << "no kind";
  EXPECT_TRUE(refused(R"({"kty":"EC","crv":5,"x":"AAAA","y":"AAAA"})")) << "no text";
  EXPECT_TRUE(refused(rsa_key().jwk(R"("alg":"ES256",)"))) << "a contradiction";
}

TEST_F(JwkSets, NoteASecretThatEverybodyMayRead) {
  const std::string secret = folder.write("secret", SigningKey::secret(secret32).jwk()),
                    key = folder.write("key", rsa_key().jwk());
  const std::vector<std::string> files{secret, key};
  std::filesystem::permissions(key, std::filesystem::perms(0644));
  std::filesystem::permissions(secret, std::filesystem::perms(0600));
  EXPECT_TRUE(JwkSet::load(files).value().notes().empty());
  std::filesystem::permissions(secret, std::filesystem::perms(0644));
  EXPECT_THAT(JwkSet::load(files).value().notes(), ElementsAre(HasSubstr("secret can be read by every user of this machine")));
}

TEST_F(JwkSets, RefuseTwoKeysOfOneKid) {
  const SigningKey one = SigningKey::curve("P-256"), other = SigningKey::curve("P-384");
  const auto set = load({one.jwk(R"("kid":"a",)"), other.jwk(R"("kid":"a",)")});
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error(), EndsWith("keys1: key \"a\" has the kid of another key"));
}

TEST_F(JwkSets, RefuseMoreKeysWithoutKidThanAreTried) {
  const SigningKey key = SigningKey::secret(secret32);
  const std::string curve = SigningKey::curve("P-256").jwk();
  EXPECT_EQ(error(set_of({key.jwk(), key.jwk(), key.jwk(), key.jwk(), curve})), "none");
  EXPECT_THAT(error(set_of({key.jwk(), key.jwk(), key.jwk(), curve, key.jwk(), key.jwk()})),
              HasSubstr("more than four keys without kid are for HS256"));
}

TEST_F(JwkSets, HaveAtMost64Keys) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < limits::jwk_keys_count_max; ++i)
    keys.push_back(SigningKey::secret(secret32).jwk(R"("kid":")" + std::to_string(i) + "\","));
  EXPECT_EQ(error(set_of(keys)), "none");
  keys.push_back(SigningKey::secret(secret32).jwk(R"("kid":"more",)"));
  EXPECT_THAT(error(set_of(keys)), EndsWith("keys0: key \"more\" is one more than the 64 keys that are allowed"));
}

TEST_F(JwkSets, RefuseBrokenFiles) {
  EXPECT_THAT(error(""), EndsWith("keys0 is neither a JSON object in UTF-8 nor PEM"));
  EXPECT_THAT(error("[]"), EndsWith("keys0 is neither a JSON object in UTF-8 nor PEM"));
  EXPECT_THAT(error(R"({"keys":{}})"), EndsWith("keys0 has keys that are no list"));
  EXPECT_THAT(error(R"({"keys":[]})"), EndsWith("keys0 holds no key"));
  EXPECT_THAT(error(R"({"keys":[7]})"), EndsWith("keys0: key 1 is no JSON object"));
  EXPECT_THAT(error(R"({"kty":"RSA","kty":"RSA"})"), EndsWith("keys0 has two members of one name in an object"));
  EXPECT_THAT(error(R"({"kid":"a"})"), EndsWith("key \"a\" lacks kty, its kind"));
  EXPECT_THAT(error(R"({"kid":7,"kty":"oct"})"), EndsWith("key 1 has a kid that is no string"));
  EXPECT_THAT(error(R"({"kid":"","kty":"oct"})"), EndsWith("key 1 has a kid that is empty or longer than 256 bytes"));
  EXPECT_THAT(error(R"({"kid":")" + std::string(257, 'k') + R"(","kty":"oct"})"),
              EndsWith("has a kid that is empty or longer than 256 bytes"));
  EXPECT_THAT(error(R"({"kid":"a\nb","kty":"oct"})"), EndsWith("key 1 lacks k in base64url without padding")) << "one line";
  EXPECT_THAT(error(R"({"kty":"oct","k":")" + base64url(secret32) + "=\"}"),
              EndsWith("key 1 lacks k in base64url without padding"));
  EXPECT_THAT(error(R"({"kty":"oct","alg":7})"), EndsWith("key 1 has a alg that is no string"));
  EXPECT_THAT(error(R"({"kty":"oct","key_ops":"verify"})"), EndsWith("key 1 has key_ops that are no list"));
  EXPECT_THAT(error(R"({"kty":"RSA","n":"AAAA"})"), EndsWith("key 1 lacks n or e in base64url without padding"));
  EXPECT_THAT(error(R"({"kty":"EC","crv":"P-256","x":"AAAA"})"), EndsWith("key 1 lacks x or y in base64url without padding"));
  EXPECT_THAT(error(R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})"),
              EndsWith("has coordinates of another length than its curve"));
  const std::string nowhere = base64url(std::string(32, '\1'));
  EXPECT_THAT(error(R"({"kty":"EC","crv":"P-256","x":")" + nowhere + R"(","y":")" + nowhere + "\"}"),
              EndsWith("is not a point of its curve"));
  EXPECT_THAT(error(std::string(limits::jwk_file_bytes_max + 1, ' ')), EndsWith("keys0 is larger than 1048576 bytes"));
  const std::vector<std::string> none{}, missing{"/nowhere"}, directory{"/"};
  EXPECT_EQ(JwkSet::load(none).error(), "no file with keys is named");
  EXPECT_EQ(JwkSet::load(missing).error(), "/nowhere cannot be read: No such file or directory");
  EXPECT_EQ(JwkSet::load(directory).error(), "/ is a directory");
}

TEST_F(JwkSets, RefuseBrokenPem) {
  const std::string pem = SigningKey::curve("P-256").public_pem();
  EXPECT_THAT(error(pem.substr(0, pem.size() - 40)), HasSubstr("keys0: key 1 is broken: "));
  EXPECT_THAT(error("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), HasSubstr("keys0: key 1 cannot be read: "));
  EXPECT_THAT(error("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
              HasSubstr("key 1 is a certificate; give its public key"));
  EXPECT_THAT(error("-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n"), HasSubstr("key 1 is no PUBLIC KEY"));
}

}  // namespace
}  // namespace ringgate::auth
