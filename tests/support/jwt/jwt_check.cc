// Verifies tokens, one on each line of standard input, and prints a line for each: `good CLAIMS`, or the reason why it is refused. For
// tests that compare the verdicts with those of other libraries. The last line may lack its end; a token holds no line feed.
//
// usage: jwt_check [--issuer I] [--audience A] [--leeway SECONDS] [--id CLAIM] [--no-expiry] KEY_FILE...
// Exit code 1 and a sentence on standard error if the keys are refused.
#include <cstdio>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "auth/jwt.h"

namespace {

using namespace ringgate::auth;

struct Arguments {
  JwtRules rules;
  std::vector<std::string> files;
};

Arguments read_arguments(int argc, char** argv) {
  Arguments read;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    i += name.starts_with("--") && name != "--no-expiry" ? 1 : 0;
    if (name == "--issuer") read.rules.issuers.push_back(value);
    else if (name == "--audience") read.rules.audiences.push_back(value);
    else if (name == "--leeway") read.rules.leeway_seconds = std::stoll(value);
    else if (name == "--id") read.rules.id_claim = value;
    else if (name == "--no-expiry") read.rules.expiry_required = false;
    else read.files.emplace_back(name);
  }
  return read;
}

nlohmann::json described(const JwtClaims& claims) {
  nlohmann::json text{{"id", claims.id}, {"subject", claims.subject}, {"token_id", claims.token_id}, {"groups", claims.groups}};
  if (claims.expires_at) text["expires_at"] = *claims.expires_at;
  if (claims.issued_at) text["issued_at"] = *claims.issued_at;
  if (claims.limits.message_rate) text["message_rate"] = *claims.limits.message_rate;
  if (claims.limits.byte_rate) text["byte_rate"] = *claims.limits.byte_rate;
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  const auto keys = JwkSet::load(arguments.files);
  if (!keys) {
    std::cerr << keys.error() << '\n';
    return 1;
  }
  for (std::string token; std::getline(std::cin, token);) {
    const auto claims = verify(token, *keys, arguments.rules, std::time(nullptr));
    std::cout << (claims ? "good " + described(*claims).dump() : std::string(facts_of(claims.error()).reason)) << '\n';
  }
  return 0;
}
