#include "auth/token_line.h"

#include <openssl/rand.h>

#include <array>

#include "auth/credential_lines.h"
#include "auth/text_coding.h"
#include "base/assert.h"
#include "base/limits.h"
#include "http/byte_class.h"

namespace ringgate::auth {
namespace {

constexpr std::string_view hash_prefix = "sha256:";
constexpr std::size_t name_max = limits::credential_name_bytes_max;

enum Field : std::uint8_t {
  name,
  expires,
  group,
  prefix,
  device,
  device_fields_count,
  scopes = device,
  route,
  admin_fields_count
};
constexpr std::array<FieldFacts, device_fields_count> device_fields{
    {{"name", name_max}, {"expires", 32}, {"group", name_max}, {"prefix", name_max}, {"device", name_max}}};
constexpr std::array<FieldFacts, admin_fields_count> admin_fields{
    {{"name", name_max}, {"expires", 32}, {"group", name_max}, {"prefix", name_max}, {"scopes", 64}, {"route", 255}}};

std::string complaint_about_device(const TokenLine& line) {
  if (line.device.empty() == line.group.empty()) return "a token of devices has either device= or group=";
  if (!line.prefix.empty() && line.group.empty()) return "prefix= is only for a token of a group";
  return {};
}

std::string complaint_about_admin(const TokenLine& line) {
  if (line.name.empty()) return "a token of a backend needs name=";
  if (line.scopes.empty()) return "a token of a backend needs scopes= with push, read or admin, joined by commas and none twice";
  if (!line.route.empty() && line.route.front() != '/') return "route= is a path and begins with a slash";
  return {};
}

}  // namespace

std::expected<TokenLine, std::string> parse_token_line(std::string_view text, TokenKind kind) {
  const bool is_device = kind == TokenKind::device;
  TokenLine line;
  std::string_view hash = take_word(text);
  if (!hash.starts_with(hash_prefix)) return std::unexpected("the line does not begin with sha256:");
  if (!decode_hex(hash.substr(hash_prefix.size()), line.hash))
    return std::unexpected("sha256: is not followed by 64 hexadecimal digits");
  FieldValues<admin_fields_count> values;
  const auto known = is_device ? std::span<const FieldFacts>(device_fields) : std::span<const FieldFacts>(admin_fields);
  if (auto read = read_fields(text, known, values); !read) return std::unexpected(std::move(read.error()));
  if (!values[expires].empty()) {
    const auto moment = parse_expiry(values[expires]);
    if (!moment) return std::unexpected("expires= is neither a time like 2027-01-31T12:00:00Z nor Unix seconds");
    line.expires_at = *moment;
  }
  line.name = std::move(values[name]);
  line.group = std::move(values[group]);
  line.prefix = std::move(values[prefix]);
  if (is_device) {
    line.device = std::move(values[device]);
  } else {
    line.scopes = Scopes::parse(values[scopes]).value_or(Scopes{});
    line.route = std::move(values[route]);
  }
  std::string complaint = is_device ? complaint_about_device(line) : complaint_about_admin(line);
  if (!complaint.empty()) return std::unexpected(std::move(complaint));
  return line;
}

std::string print_token_line(const TokenLine& line) {
  std::string text = std::string(hash_prefix) + encode_hex(line.hash);
  const auto add = [&text](std::string_view key, std::string_view value) {
    if (!value.empty()) text += " " + std::string(key) + "=" + percent_encode(value);
  };
  add("device", line.device);
  add("name", line.name);
  add("scopes", line.scopes.print());
  add("group", line.group);
  add("prefix", line.prefix);
  add("route", line.route);
  if (line.expires_at != never) add("expires", print_expiry(line.expires_at));
  return text;
}

std::string new_token() {
  for (;;) {
    std::array<std::uint8_t, 32> bytes;
    RINGGATE_ASSERT(RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
    std::string token = encode_base64(bytes, Base64::url);
    // A word that begins with a dash looks like a flag to most programs.
    if (token.front() != '-' && token.front() != '_') return token;
  }
}

}  // namespace ringgate::auth
