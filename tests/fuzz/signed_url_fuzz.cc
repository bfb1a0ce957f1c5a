// Queries of signed URLs, and Authorization fields. Oracles: what is signed is accepted until its end, and with any byte of the path or query
// changed it is not; a query without our key's signature is never accepted; a Basic credential that is read, written and read again is
// the same.
//
// Input: two bytes that choose what is changed, then the query or field.
//
// Tests: src/auth/signed_url.* src/auth/basic.* src/auth/authorization.* src/auth/text_coding.* src/http/uri.*
#include <string>
#include <string_view>

#include "auth/basic.h"
#include "auth/expiry.h"
#include "auth/signed_url.h"
#include "auth/text_coding.h"
#include "fuzz_case.h"

namespace {

using namespace ringgate;
using namespace ringgate::auth;
using namespace ringgate::fuzz;

constexpr std::string_view path = "/ws";

const std::string& secret() {
  static const std::string bytes(32, 'k');
  return bytes;
}
const UrlKeys& keys() {
  static const auto made = UrlKeys::parse("k:" + encode_base64(bytes_of(secret()), Base64::standard), "keys").value();
  return *made;
}
const Hmac& key() {
  static const Hmac made(bytes_of(secret()));
  return made;
}

/// `query` as it is: nobody without the key makes an accepted one.
void check_foreign(std::string_view query) { require(!keys().verify(path, query, 0).has_value(), "a stranger's URL is refused"); }

/// `query` signed, whatever it is: `verify` and `sign_url` agree on what may be signed.
void check_signed(std::string_view query, std::size_t at, unsigned change) {
  constexpr std::int64_t end = 1000;
  const auto url = sign_url(path, query, end, change % 2 == 0 ? "k" : "", key());
  if (!url) return;
  std::string whole = url->substr(path.size() + 1);
  const auto judged = keys().verify(path, whole, end - 1);
  require(judged.has_value() && judged->expires_at == end && judged->key_name == "k", "what is signed is accepted");
  require(keys().verify(path, whole, end).error() == Fault::url_expired, "until its end");
  const std::size_t signed_bytes = whole.rfind("&signature=");
  char& byte = whole[at % signed_bytes];
  byte = static_cast<char>(byte ^ static_cast<char>(change == 0 ? 1 : change));
  require(!keys().verify(path, whole, end - 1).has_value(), "a changed URL is refused");
}

void check_basic(std::string_view field) {
  BasicCredential credential, again;
  if (!parse_basic(field, credential)) return;
  const std::string plain = std::string(credential.user()) + ":" + std::string(text_of(credential.password()));
  require(parse_basic("basic " + encode_base64(bytes_of(plain), Base64::standard), again).has_value(), "what is written is read");
  require(again.user() == credential.user() && text_of(again.password()) == text_of(credential.password()), "and is the same");
  require(credential.user().find(':') == std::string_view::npos, "a user has no colon");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const std::size_t at = choices.byte();
  const unsigned change = choices.byte();
  const std::string_view text = text_of(choices.rest());
  check_foreign(text);
  check_signed(text, at, change);
  check_basic(text);
  return 0;
}
