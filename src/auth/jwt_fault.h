// The rules that refuse a token: one enumerator per broken rule, and a table of what is said of each. Constants; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringgate::auth {

enum class JwtFault : std::uint8_t {
  too_large,
  malformed,
  duplicate_member,
  critical_header,
  wrong_type,
  algorithm_not_allowed,
  unknown_key,
  bad_signature,
  bad_time,
  bad_claim,
  bad_groups,
  bad_limits,
  wrong_issuer,
  wrong_audience,
  expiry_missing,
  expired,
  not_yet_valid,
  issued_in_future,
};

inline constexpr std::size_t jwt_faults_count = static_cast<std::size_t>(JwtFault::issued_in_future) + 1;

struct JwtFaultRow {
  JwtFault fault;
  std::string_view reason;  // stable snake_case name for programs
  std::string_view detail;  // one sentence for people; holds nothing of a token
};

// clang-format off
inline constexpr std::array<JwtFaultRow, jwt_faults_count> jwt_fault_rows{{
    {JwtFault::too_large, "jwt_too_large", "The token is longer than 8 KiB."},
    {JwtFault::malformed, "jwt_malformed", "The token must be three parts in base64url without padding, with JSON objects in the first two."},
    {JwtFault::duplicate_member, "jwt_duplicate_member", "The token has an object with two members of the same name."},
    {JwtFault::critical_header, "jwt_critical_header", "The token's header has crit, and no extension is understood here."},
    {JwtFault::wrong_type, "jwt_wrong_type", "The token's typ is neither JWT nor at+jwt."},
    {JwtFault::algorithm_not_allowed, "jwt_algorithm_not_allowed", "No key that may verify the token allows its algorithm."},
    {JwtFault::unknown_key, "jwt_unknown_key", "The token names a key that is not in the key set."},
    {JwtFault::bad_signature, "jwt_bad_signature", "The token's signature is not one of the key."},
    {JwtFault::bad_time, "jwt_bad_time", "The token's exp, nbf or iat is not a number of seconds from 0 to 2^53."},
    {JwtFault::bad_claim, "jwt_bad_claim", "A claim of the token has the wrong type, is empty, or is longer than 256 bytes."},
    {JwtFault::bad_groups, "jwt_bad_groups", "The token's groups are not a list of at most 64 names of at most 128 bytes."},
    {JwtFault::bad_limits, "jwt_bad_limits", "The token's own limits have an unknown name, or a value that is no whole number above 0."},
    {JwtFault::wrong_issuer, "jwt_wrong_issuer", "The token's issuer is not one of those that are trusted."},
    {JwtFault::wrong_audience, "jwt_wrong_audience", "The token is not meant for this gate."},
    {JwtFault::expiry_missing, "jwt_expiry_missing", "The token has no exp, which is required."},
    {JwtFault::expired, "jwt_expired", "The token has expired."},
    {JwtFault::not_yet_valid, "jwt_not_yet_valid", "The token is not valid yet."},
    {JwtFault::issued_in_future, "jwt_issued_in_future", "The token was issued in the future; is a clock wrong?"},
}};
// clang-format on

static_assert([] {
  for (std::size_t i = 0; i < jwt_fault_rows.size(); ++i)
    if (static_cast<std::size_t>(jwt_fault_rows[i].fault) != i) return false;
  return true;
}());

constexpr const JwtFaultRow& facts_of(JwtFault fault) { return jwt_fault_rows[static_cast<std::size_t>(fault)]; }

}  // namespace ringgate::auth
