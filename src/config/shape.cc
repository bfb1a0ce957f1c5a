#include "config/shape.h"

#include <algorithm>
#include <array>

#include "admission/id_source.h"
#include "admission/path_pattern.h"
#include "auth/grant.h"
#include "base/limits.h"
#include "http/uri.h"
#include "net/cidr.h"
#include "ring/ring.h"
#include "ringgate/device_filter.h"

namespace ringgate::config {
namespace {

// Of the events that are not messages.
constexpr std::array<std::string_view, 5> event_types{"device.connected", "device.disconnected", "device.replaced", "device.slow",
                                                      "device.credential_expiring"};

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool all_of(std::string_view text, std::string_view also) {
  return std::ranges::all_of(text, [&](char c) { return is_letter_or_digit(c) || also.contains(c); });
}

bool accepts_address(std::string_view text) {
  return (text.starts_with("unix:") || all_of(text, ".:[]")) && ring::parse_listen_address(text).has_value();
}
bool accepts_address_or_off(std::string_view text) { return text == "off" || accepts_address(text); }

// The characters of a path, RFC 3986 section 3.3. A percent sign stands for itself: paths are compared without decoding.
bool accepts_path(std::string_view text) {
  return text.starts_with('/') && text.size() <= 1024 && all_of(text, "/-._~!$&'()*+,;=:@%");
}

bool accepts_path_pattern(std::string_view text) {
  using admission::PathPattern;
  if (!PathPattern::is_valid_pattern(text)) return false;
  const std::size_t begins = text.find(PathPattern::placeholder);
  if (begins == std::string_view::npos) return accepts_path(text);
  const std::string_view after = text.substr(begins + PathPattern::placeholder.size());
  return accepts_path(text.substr(0, begins)) && (after.empty() || accepts_path(after)) && text.size() <= 1024;
}

bool accepts_path_or_off(std::string_view text) { return text == "off" || accepts_path(text); }

// A host without a port, RFC 3986 section 3.2.2; an IPv6 address stands in brackets.
bool accepts_host(std::string_view text) {
  constexpr std::size_t name_bytes_max = 253;
  if (text.starts_with('[')) return ring::parse_listen_address(std::string(text) + ":0").has_value();
  return !text.empty() && text.size() <= name_bytes_max && all_of(text, "-._");
}

bool accepts_handler(std::string_view text) { return !text.empty() && text.size() <= 64 && all_of(text, "_-"); }

bool accepts_host_or_none(std::string_view text) { return text.empty() || accepts_host(text); }

bool accepts_webhook_name(std::string_view text) { return !text.empty() && text.size() <= 32 && all_of(text, "_-"); }

bool accepts_webhook_name_or_none(std::string_view text) { return text.empty() || accepts_webhook_name(text); }
bool accepts_field_name(std::string_view text) { return http::is_token(text) && text.size() <= 64; }

// An absolute URL without user information, which would be sent as a credential, and without a fragment, which is never sent.
bool accepts_webhook_url(std::string_view text) {
  const std::string_view scheme = http::scheme_of(text);
  if ((scheme != "https" && scheme != "http") || text.size() > 1000) return false;
  const std::string_view rest = text.substr(scheme.size() + 3);
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, authority_end);
  return all_of(authority, "-._~:[]") && !authority.ends_with(':') && http::is_valid_authority(authority) &&
         all_of(rest.substr(authority_end), "/-._~!$&'()*+,;=:@%?");
}
bool accepts_webhook_url_or_none(std::string_view text) { return text.empty() || accepts_webhook_url(text); }

// Without user information: it would be shown with the settings.
bool accepts_engine_url(std::string_view text) {
  const std::string_view scheme = http::scheme_of(text);
  if ((scheme != "nats" && scheme != "tls") || text.size() > 300) return false;
  const std::string_view authority = text.substr(scheme.size() + 3);
  return all_of(authority, "-._~:[]") && !authority.ends_with(':') && http::is_valid_authority(authority);
}

bool accepts_engine_user_or_none(std::string_view text) {
  return text.size() <= 128 && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool accepts_event_type(std::string_view text) { return std::ranges::find(event_types, text) != event_types.end(); }

// An origin as browsers send it, RFC 6454 section 6.2: scheme, host, port; no path. Pages without an origin send `null` or
// `file://`. An entry that no browser sends is refused, since it would match nothing: a port that is empty or begins with a zero.
bool accepts_origin(std::string_view text) {
  if (text == "null" || text == "file://") return true;
  const std::string_view scheme = http::scheme_of(text);
  if (scheme.empty() || !all_of(scheme, "+-.") || text.size() > 255) return false;
  const std::string_view authority = text.substr(scheme.size() + 3);
  return all_of(authority, "-._~:[]") && !authority.ends_with(':') && http::is_valid_authority(authority);
}

bool accepts_id_source(std::string_view text) {
  const auto source = admission::parse_id_source(text);
  return source && source->is_claimed() && source->kind != admission::IdSource::Kind::path;
}

bool accepts_route_id_source(std::string_view text) {
  return admission::parse_id_source(text).has_value() && text != "jwt:off";  // which would mean a token for every device
}

bool accepts_auth_kind(std::string_view text) { return auth::parse_kind(text).has_value(); }
bool accepts_claim_name(std::string_view text) {
  return http::is_token(text) && text.size() <= admission::id_source_name_chars_max;
}

bool accepts_claim_text(std::string_view text) {
  return !text.empty() && text.size() <= 256 && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

// A token, RFC 6455 section 4.1 (10).
bool accepts_subprotocol(std::string_view text) {
  return !text.empty() && text.size() <= limits::subprotocol_bytes_max && all_of(text, "!#$%&'*+-.^_`|~");
}

bool accepts_sink(std::string_view text) {
  constexpr std::string_view webhook = "webhook:";
  if (text == "events") return true;
  return text.starts_with(webhook) && text.size() > webhook.size() && text.size() <= webhook.size() + 64 &&
         all_of(text.substr(webhook.size()), "_-");
}
/// RFC 6901, without the pointer to the whole document; "" stands for none.
bool accepts_correlation(std::string_view text) {
  if (text.empty()) return true;
  if (!text.starts_with('/') || text.size() > 256 ||
      std::ranges::count(text, '/') > static_cast<std::ptrdiff_t>(limits::json_depth_max))
    return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool accepts_group(std::string_view text) { return is_valid_group_name(text); }

bool accepts_cidr(std::string_view text) { return net::parse_cidr(text).has_value(); }

bool accepts_file_path_or_none(std::string_view text) {
  return text.size() < 4096 && std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

bool accepts_file_path(std::string_view text) { return !text.empty() && accepts_file_path_or_none(text); }

}  // namespace

constinit const TextShape listen_address{
    accepts_address, "an address such as \"127.0.0.1:8080\" or \"[::1]:8080\", or \"unix:/PATH\" of at most 107 bytes"};
constinit const TextShape listen_address_or_off{
    accepts_address_or_off, "an address such as \"127.0.0.1:8081\", or \"unix:/PATH\" of at most 107 bytes, or \"off\""};
constinit const TextShape route_path_pattern{accepts_path_pattern, "a path such as \"/ws\" or \"/ocpp/{id}\""};
constinit const TextShape route_path_or_off{accepts_path_or_off, "a path such as \"/healthz\", or \"off\""};
constinit const TextShape host_name{accepts_host, "a host such as \"gate.example.org\" or \"[2001:db8::1]\", without a port"};
constinit const TextShape host_name_or_none{accepts_host_or_none, "a host such as \"gate.example.org\", or nothing"};
constinit const TextShape webhook_name{accepts_webhook_name, "a name such as \"orders\", of at most 32 characters"};
constinit const TextShape webhook_name_or_none{accepts_webhook_name_or_none,
                                               "a name such as \"orders\", of at most 32 characters, or nothing"};
constinit const TextShape field_name{accepts_field_name, "the name of a field such as \"User-Agent\""};
constinit const TextShape webhook_url{
    accepts_webhook_url_or_none, "a URL such as \"https://backend.example.org/events\", without user information and fragment",
    '?'};
constinit const TextShape engine_url{
    accepts_engine_url, "a URL such as \"nats://127.0.0.1:4222\" or \"tls://nats.example.org:4222\", without user information"};
constinit const TextShape engine_user_or_none{accepts_engine_user_or_none,
                                              "a user's name of at most 128 printable characters, or nothing"};
constinit const TextShape event_type{
    accepts_event_type,
    "\"device.connected\", \"device.disconnected\", \"device.replaced\", \"device.slow\" or \"device.credential_expiring\""};
constinit const TextShape handler_name{accepts_handler, "a handler's name such as \"echo\""};
constinit const TextShape sink_name{accepts_sink, "\"events\" or \"webhook:NAME\""};
constinit const TextShape web_origin{
    accepts_origin, "an origin such as \"https://example.org:8443\", without a path, or \"null\" or \"file://\""};
constinit const TextShape subprotocol_name{accepts_subprotocol, "a subprotocol's name such as \"mqtt\""};
constinit const TextShape group_name{accepts_group,
                                     "a group's name such as \"site-7\": 1 to 128 letters, digits and . _ ~ : @ -"};
constinit const TextShape correlation{accepts_correlation, "a JSON pointer such as \"/1\" or \"/header/id\", or nothing"};
constinit const TextShape file_path{accepts_file_path, "the path of a file"};
constinit const TextShape file_path_or_none{accepts_file_path_or_none, "the path of a file, or nothing"};
constinit const TextShape cidr{accepts_cidr, "a prefix such as \"10.0.0.0/8\", an address, or \"unix\""};
constinit const TextShape id_source{accepts_id_source, "\"query:NAME\" or \"header:NAME\""};
constinit const TextShape auth_kind{accepts_auth_kind, "\"token\", \"basic\", \"hmac\", \"jwt\", \"mtls\" or \"none\""};
constinit const TextShape claim_name{accepts_claim_name, "the name of a claim such as \"sub\", or \"off\""};
constinit const TextShape claim_text{accepts_claim_text, "a text such as \"https://issuer.example\", without spaces"};
constinit const TextShape route_id_source{
    accepts_route_id_source,
    "\"query:NAME\", \"header:NAME\", \"path\", \"basic:user\", \"jwt:CLAIM\", \"tls:cn\" or \"tls:san\""};

}  // namespace ringgate::config
