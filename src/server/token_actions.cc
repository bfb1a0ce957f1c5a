#include "server/token_actions.h"

#include <openssl/rand.h>

#include <array>
#include <istream>
#include <iterator>

#include "auth/password_file.h"
#include "auth/text_coding.h"
#include "auth/token_file.h"
#include "base/assert.h"
#include "base/limits.h"
#include "server/credential_append.h"

namespace ringgate::server {
namespace {

using auth::Base64;

std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

std::expected<std::string, StartError> read_token(std::istream& in) {
  const std::string token = without_line_end(read_all(in));
  if (token.size() <= limits::token_bytes_max && auth::is_token68(token)) return token;
  return std::unexpected(token_usage("stdin is not a token of 1 to 256 letters, digits or any of - . _ ~ + / and = at its end"));
}

/// `secret` and `line` on stdout, or with --append only the secret; a secret that came from stdin is not printed.
TokenResult hand_out(const TokenFlags& flags, const std::string& secret, const std::string& line, CredentialJudge judges) {
  const std::string shown = flags.takes_input ? "" : secret + "\n";
  if (flags.append.empty()) return shown + line + "\n";
  if (auto appended = append_credential(flags.append, line, judges); !appended)
    return std::unexpected(std::move(appended.error()));
  return shown;
}

TokenResult make_token(const TokenFlags& flags, const TokenSources& sources, auth::TokenLine line, auth::TokenKind kind) {
  const auto expires_at = read_lifetime(flags, sources);
  if (!expires_at) return std::unexpected(expires_at.error());
  auto token = flags.takes_input ? read_token(sources.in) : auth::new_token();
  if (!token) return token;
  line.hash = auth::sha256(bytes_of(*token));
  line.expires_at = *expires_at;
  const std::string text = auth::print_token_line(line);
  if (auto read = auth::parse_token_line(text, kind); !read) return std::unexpected(token_usage(std::move(read.error())));
  return hand_out(flags, *token, text,
                  kind == auth::TokenKind::device ? judge_by<auth::DeviceTokens> : judge_by<auth::AdminTokens>);
}

std::expected<std::string, StartError> read_password(const TokenFlags& flags, std::istream& in) {
  const std::string text = read_all(in);
  if (flags.encoding == "raw") return text;
  const std::string line = without_line_end(text);
  if (flags.encoding == "text") return line;
  std::string bytes(line.size(), '\0');
  const MutableBytes room(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size());
  if (flags.encoding == "hex") {
    bytes.resize(line.size() / 2);
    if (auth::decode_hex(line, room.first(bytes.size()))) return bytes;
    return std::unexpected(token_usage("stdin is not a password in hexadecimal"));
  }
  const auto size = auth::decode_base64(line, Base64::standard, room);
  if (!size) return std::unexpected(token_usage("stdin is not a password in base64"));
  bytes.resize(*size);
  return bytes;
}

/// A new password, and how it is shown: 20 bytes (the length of a key in OCPP 1.6), or 32 characters.
struct NewPassword {
  std::string password;
  std::string shown;
};
NewPassword new_password(const std::string& kind) {
  std::array<std::uint8_t, 24> bytes;
  RINGGATE_ASSERT(RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  if (kind == "text") {
    const std::string text = auth::encode_base64(bytes, Base64::url);
    return {text, text};
  }
  const ByteView key = ByteView(bytes).first(20);
  return {std::string(text_of(key)), auth::encode_hex(key) + "\n" + auth::encode_base64(key, Base64::standard)};
}

}  // namespace

StartError token_usage(std::string cause) {
  return {ExitCode::usage, std::move(cause), "`ringgate token --help` shows the usage"};
}

std::expected<std::int64_t, StartError> read_lifetime(const TokenFlags& flags, const TokenSources& sources) {
  if (const auto end = auth::parse_lifetime(flags.expires, sources.now)) return *end;
  return std::unexpected(token_usage("--expires is not a time to come: write 30d, 12h, 2027-01-31T12:00:00Z or never"));
}

TokenResult make_device_token(const TokenFlags& flags, const TokenSources& sources) {
  return make_token(flags, sources, {.name = flags.name, .device = flags.device, .group = flags.group, .prefix = flags.prefix},
                    auth::TokenKind::device);
}

TokenResult make_admin_token(const TokenFlags& flags, const TokenSources& sources) {
  const auto scopes = auth::Scopes::parse(flags.scopes);
  if (!scopes) return std::unexpected(token_usage("--scopes is not a list of push, read and admin with commas between"));
  return make_token(flags, sources,
                    {.name = flags.name, .group = flags.group, .prefix = flags.prefix, .route = flags.route, .scopes = *scopes},
                    auth::TokenKind::admin);
}

TokenResult hash_token(const TokenFlags&, const TokenSources& sources) {
  const auto token = read_token(sources.in);
  if (!token) return token;
  return "sha256:" + auth::encode_hex(auth::sha256(bytes_of(*token))) + "\n";
}

TokenResult make_password(const TokenFlags& flags, const TokenSources& sources) {
  const auto expires_at = read_lifetime(flags, sources);
  if (!expires_at) return std::unexpected(expires_at.error());
  NewPassword made;
  if (flags.takes_input) {
    auto read = read_password(flags, sources.in);
    if (!read) return read;
    made.password = std::move(*read);
  } else {
    made = new_password(flags.generated);
  }
  if (made.password.empty() || made.password.size() > limits::password_bytes_max) {
    return std::unexpected(token_usage("a password has 1 to 256 bytes"));
  }
  auth::PasswordLine line{flags.user, {}, flags.device, flags.group, *expires_at};
  line.hash = auth::hash_password(bytes_of(made.password), flags.iterations);
  const std::string text = auth::print_password_line(line);
  if (auto read = auth::parse_password_line(text); !read) return std::unexpected(token_usage(std::move(read.error())));
  return hand_out(flags, made.shown, text, judge_by<auth::PasswordFile>);
}

}  // namespace ringgate::server
