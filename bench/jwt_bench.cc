// What it costs to verify a token: good ones by algorithm, and bad ones that cost the most. The claims have 210 bytes.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "auth/jwt.h"
#include "support/jwt/token_maker.h"

namespace ringgate::auth {
namespace {

constexpr std::int64_t now = 1'800'000'000;
constexpr std::string_view claims =
    R"({"iss":"https://issuer.example.org/realms/fleet","aud":"gate","sub":"device-000123","jti":"0a1b2c3d4e5f","iat":1799999000,)"
    R"("exp":1800000600,"groups":["site-7","meters"],"ringgate":{"limits":{"message_rate":50}}})";

const test::SigningKey& key_of(const std::string& algorithm) {
  static std::map<std::string, test::SigningKey> keys;
  const std::string kind = algorithm.starts_with("ES") ? algorithm : algorithm.substr(0, 1);
  if (const auto found = keys.find(kind); found != keys.end()) return found->second;
  test::SigningKey made = kind == "H"       ? test::SigningKey::secret(std::string(64, 's'))
                          : kind == "ES256" ? test::SigningKey::curve("P-256")
                          : kind == "ES384" ? test::SigningKey::curve("P-384")
                          : kind == "ES512" ? test::SigningKey::curve("P-521")
                                            : test::SigningKey::rsa();
  return keys.emplace(kind, std::move(made)).first->second;
}

JwkSet load(const std::vector<std::string>& texts) {
  const test::KeyFolder folder;
  std::vector<std::string> files;
  for (const std::string& text : texts) files.push_back(folder.write(std::to_string(files.size()), text));
  auto set = JwkSet::load(files);
  if (!set) std::abort();
  return std::move(*set);
}

void run(benchmark::State& state, const JwkSet& set, const std::string& token, bool is_good) {
  const JwtRules rules{.issuers = {"https://issuer.example.org/realms/fleet"}, .audiences = {"gate"}};
  for (auto _ : state)
    if (verify(token, set, rules, now).has_value() != is_good) std::abort();
}

void good(benchmark::State& state, const std::string& algorithm) {
  const test::SigningKey& key = key_of(algorithm);
  run(state, load({key.jwk()}), test::make_token(key, algorithm, claims), true);
}

/// Signed by nobody, without a kid, so that four keys are tried.
void of_no_key(benchmark::State& state, const std::string& algorithm) {
  const test::SigningKey& key = key_of(algorithm);
  std::vector<std::string> texts;
  for (const char* const kid : {"1", "2", "3", "4"}) texts.push_back(key.jwk(std::string(R"("kid":")") + kid + "\","));
  std::string token = test::make_token(key, algorithm, claims);
  token[token.size() - 10] = token[token.size() - 10] == 'A' ? 'B' : 'A';
  run(state, load(texts), token, false);
}

/// 8 KiB of claims with a good MAC, nested and with many members.
void longest(benchmark::State& state) {
  const test::SigningKey& key = key_of("HS256");
  std::string text = R"({"exp":1)";
  for (int i = 0; text.size() < 5'900; ++i) text += ",\"" + std::to_string(i) + "\":[[]]";
  run(state, load({key.jwk()}), test::make_token(key, "HS256", text + '}'), false);
}

const int registered = [] {
  for (const char* const algorithm : {"HS256", "RS256", "PS256", "ES256", "ES384", "ES512"}) {
    benchmark::RegisterBenchmark((std::string("good/") + algorithm).c_str(),
                                 [algorithm](benchmark::State& s) { good(s, algorithm); });
    benchmark::RegisterBenchmark((std::string("of no key, four tried/") + algorithm).c_str(),
                                 [algorithm](benchmark::State& s) { of_no_key(s, algorithm); });
  }
  benchmark::RegisterBenchmark("8 KiB of claims, expired/HS256", longest);
  return 0;
}();

}  // namespace
}  // namespace ringgate::auth

BENCHMARK_MAIN();
