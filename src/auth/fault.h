// Why a credential is not accepted: one enumerator per broken rule, each with the word for logs and metrics. What the peer is told, and
// which status it gets, is for those who ask; it should not differ between the rules. Constant; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringgate::auth {

enum class Fault : std::uint8_t {
  // The Authorization field (RFC 9110 section 11.6.2)
  scheme_other,
  authorization_malformed,
  // Static tokens
  token_malformed,
  token_unknown,
  token_expired,
  // Basic (RFC 7617)
  basic_encoding,
  basic_colon_missing,
  basic_user_too_long,
  basic_password_too_long,
  user_unknown,
  password_wrong,
  password_expired,
  // Signed URLs
  signature_missing,
  signature_repeated,
  signature_not_last,
  signature_malformed,
  signature_wrong,
  url_expiry_missing,
  url_expiry_repeated,
  url_expiry_malformed,
  url_expired,
  url_key_repeated,
  url_key_unknown,
};

inline constexpr std::size_t faults_count = static_cast<std::size_t>(Fault::url_key_unknown) + 1;

struct FaultRow {
  Fault fault;
  std::string_view reason;  // a word for logs, metrics and tests
  std::string_view detail;  // a sentence for the log
};

// clang-format off
inline constexpr std::array<FaultRow, faults_count> fault_rows{{
    {Fault::scheme_other, "scheme_other", "The Authorization field has another scheme."},
    {Fault::authorization_malformed, "authorization_malformed", "The Authorization field is not a scheme and one credential."},
    {Fault::token_malformed, "token_malformed", "A token is 1 to 256 letters, digits or any of - . _ ~ + / and = at its end."},
    {Fault::token_unknown, "token_unknown", "The file of tokens does not hold this token."},
    {Fault::token_expired, "token_expired", "The token has expired."},
    {Fault::basic_encoding, "basic_encoding", "The Basic credential is not base64."},
    {Fault::basic_colon_missing, "basic_colon_missing", "The Basic credential has no colon between user and password."},
    {Fault::basic_user_too_long, "basic_user_too_long", "The user is longer than 128 bytes."},
    {Fault::basic_password_too_long, "basic_password_too_long", "The password is longer than 256 bytes."},
    {Fault::user_unknown, "user_unknown", "The file of passwords does not hold this user."},
    {Fault::password_wrong, "password_wrong", "The password is wrong."},
    {Fault::password_expired, "password_expired", "The password has expired."},
    {Fault::signature_missing, "signature_missing", "The query has no signature."},
    {Fault::signature_repeated, "signature_repeated", "The query has more than one signature."},
    {Fault::signature_not_last, "signature_not_last", "The last parameter of the query is not signature=, written so."},
    {Fault::signature_malformed, "signature_malformed", "A signature is 64 hexadecimal digits or 43 characters of base64url."},
    {Fault::signature_wrong, "signature_wrong", "No key makes this signature of this path and query."},
    {Fault::url_expiry_missing, "url_expiry_missing", "The query has no parameter expires."},
    {Fault::url_expiry_repeated, "url_expiry_repeated", "The query has more than one parameter expires."},
    {Fault::url_expiry_malformed, "url_expiry_malformed", "The parameter expires is not a number of Unix seconds."},
    {Fault::url_expired, "url_expired", "The signed URL has expired."},
    {Fault::url_key_repeated, "url_key_repeated", "The query names more than one key."},
    {Fault::url_key_unknown, "url_key_unknown", "There is no key of the name that the query gives."},
}};
// clang-format on

consteval bool fault_rows_are_in_order() {
  for (std::size_t i = 0; i < faults_count; ++i) {
    if (fault_rows[i].fault != static_cast<Fault>(i)) return false;
  }
  return true;
}
static_assert(fault_rows_are_in_order());

constexpr const FaultRow& facts_of(Fault fault) { return fault_rows[static_cast<std::size_t>(fault)]; }

}  // namespace ringgate::auth
