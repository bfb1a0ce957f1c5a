// Oracle: a token that is accepted carries a signature that libcrypto makes or takes as well, of one of the keys and by an algorithm of
// that key; its claims, read by another JSON reader, are what was returned, and keep the rules; and with one byte altered it is refused.
//
// Input: a byte that chooses the shape, modulo 4.
//   0  a token as it stands
//   1  four bytes that choose the algorithm, a place to alter, and to what; then a header, a zero byte and claims, signed with the secret
//   2  the same four bytes; then claims, signed with the secret behind a good header
//   3  a file of keys, which is read, or refused with one printable line
//
// Tests: src/auth/jw*.[ch]* src/auth/strict_json.* src/auth/text_coding.*
#include <array>
#include <nlohmann/json.hpp>

#include "auth/jwt.h"
#include "auth/text_coding.h"
#include "fuzz_case.h"
#include "support/jwt/token_maker.h"

namespace {

using namespace ringgate;
using namespace ringgate::auth;
using namespace ringgate::fuzz;

constexpr std::int64_t now = 1'800'000'000;

/// Keys that are the same in every run: the secret and the curve's public key are those of RFC 7515, appendices A.1 and A.3.
constexpr std::string_view secret_jwk =
    R"({"kty":"oct","kid":"s","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})";
constexpr std::string_view curve_jwk =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
/// What appendix A.3 signed with that key: the only text whose signature anybody has.
constexpr std::string_view curve_signed =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

struct World {
  test::KeyFolder folder;
  test::SigningKey secret = test::SigningKey::secret(std::string(decoded_secret()));
  JwkSet keys = load();
  JwtRules rules{.issuers = {"i", "joe"}, .audiences = {"a"}, .id_claim = "id"};
  JwtRules free_rules{.expiry_required = false};

  static std::string decoded_secret() {
    std::string bytes(64, '\0');
    const auto size = decode_base64("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
                                    Base64::url, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    require(size == bytes.size(), "the secret is in base64url");
    return bytes;
  }
  JwkSet load() const {
    const std::vector<std::string> files{folder.write("secret", secret_jwk), folder.write("curve", curve_jwk)};
    auto set = JwkSet::load(files);
    require(set.has_value(), "the keys are good");
    return std::move(*set);
  }
};

World& world() {
  static World one;
  return one;
}

std::string bytes_of_part(std::string_view token, std::size_t number) {
  for (; number > 0; --number) token.remove_prefix(token.find('.') + 1);
  token = token.substr(0, token.find('.'));
  std::string bytes(token.size(), '\0');
  const auto size = decode_base64(token, Base64::url, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  require(size.has_value(), "an accepted token is in base64url");
  require(test::base64url(bytes.substr(0, *size)) == token, "an accepted token is spelled in one way");
  return bytes.substr(0, *size);
}

void check_signature(std::string_view token) {
  const auto header = nlohmann::json::parse(bytes_of_part(token, 0));
  const std::string algorithm = header.at("alg");
  const std::string_view text = token.substr(0, token.rfind('.'));
  require(!header.contains("crit"), "no critical header is accepted");
  if (algorithm == "ES256") return require(text == curve_signed, "nobody can sign for the curve's key");
  require(algorithm.starts_with("HS"), "an algorithm of a key that is in the set");
  require(world().secret.sign(algorithm, text) == bytes_of_part(token, 2), "the signature is the one that libcrypto makes");
}

void check_time(const nlohmann::json& read, const char* name, double least, double most) {
  if (!read.contains(name)) return;
  const double seconds = read.at(name).get<double>();
  require(read.at(name).is_number() && seconds >= 0 && seconds <= 0x1p53, "times are numbers in range");
  require(seconds >= least && seconds <= most, "accepted at a time when it is good");
}

std::string text_at(const nlohmann::json& read, const std::string& name) {
  return read.contains(name) ? read.at(name).get<std::string>() : "";
}

void check_claims(std::string_view token, const JwtClaims& claims, const JwtRules& rules) {
  const auto read = nlohmann::json::parse(bytes_of_part(token, 1));
  require(read.is_object(), "claims are an object");
  require(claims.id == text_at(read, rules.id_claim) && claims.subject == text_at(read, "sub") &&
              claims.token_id == text_at(read, "jti"),
          "texts are what another reader reads");
  const auto groups = read.contains("groups") ? read.at("groups").get<std::vector<std::string>>() : std::vector<std::string>();
  require(claims.groups == groups && groups.size() <= 64, "groups are what another reader reads");
  require(rules.issuers.empty() || std::ranges::find(rules.issuers, text_at(read, "iss")) != rules.issuers.end(),
          "a trusted issuer");
  require(read.contains("exp") == claims.expires_at.has_value() && (claims.expires_at || !rules.expiry_required), "exp is there");
  const auto leeway = static_cast<double>(rules.leeway_seconds), time = static_cast<double>(now);
  check_time(read, "exp", time - leeway, 0x1p53);
  check_time(read, "nbf", 0, time + leeway);
  check_time(read, "iat", 0, time + leeway);
  auto audience = read.contains("aud") ? read.at("aud") : nlohmann::json::array();
  if (audience.is_string()) audience = nlohmann::json::array({audience});
  require(rules.audiences.empty() ? !read.contains("aud") : std::ranges::find(audience, "a") != audience.end(),
          "an audience that is ours");
}

/// @return whether any rules accept it.
bool judge(std::string_view token) {
  bool is_good = false;
  for (const JwtRules* const rules : {&world().rules, &world().free_rules}) {
    const auto claims = verify(token, world().keys, *rules, now);
    if (!claims) continue;
    is_good = true;
    require(token.size() <= 8192, "no token over 8 KiB is accepted");
    check_signature(token);
    check_claims(token, *claims, *rules);
  }
  return is_good;
}

void judge_signed(Choices& choices, bool has_header) {
  const std::string algorithm = std::array{"HS256", "HS384", "HS512"}[choices.byte() % 3];
  const std::size_t at = choices.number16();
  const auto to = static_cast<char>(choices.byte());
  const std::string_view said = text_of(choices.rest());
  const std::size_t zero = has_header ? std::min(said.find('\0'), said.size()) : 0;
  std::string token =
      has_header ? test::make_token(world().secret, algorithm, said.substr(0, zero), said.substr(std::min(zero + 1, said.size())))
                 : test::make_token(world().secret, algorithm, said);
  if (!judge(token) || token[at % token.size()] == to) return;
  token[at % token.size()] = to;
  require(!verify(token, world().keys, world().free_rules, now) && !verify(token, world().keys, world().rules, now),
          "a token with another byte is refused");
}

void read_keys(std::string_view text) {
  const std::vector<std::string> files{world().folder.write("fuzzed", text)};
  const auto set = JwkSet::load(files);
  if (set) {
    require(!set->keys().empty() && set->keys().size() <= 64, "a set has 1 to 64 keys");
    for (const Jwk& key : set->keys()) require(key.key != nullptr && !key.algorithms.is_empty(), "a key is good for something");
    return;
  }
  require(std::ranges::all_of(set.error(), [](char c) { return c >= ' ' && c <= '~'; }), "an error is a printable line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  switch (choices.byte() % 4) {
    case 0: judge(text_of(choices.rest())); break;
    case 1: judge_signed(choices, true); break;
    case 2: judge_signed(choices, false); break;
    default: read_keys(text_of(choices.rest())); break;
  }
  return 0;
}
