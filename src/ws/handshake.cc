#include "ws/handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>

#include "base/assert.h"
#include "http/body.h"
#include "http/byte_class.h"
#include "ws/handshake_offers.h"

namespace ringgate::ws {
namespace {

using http::RequestView;

constexpr std::string_view key_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3
constexpr std::size_t sha1_bytes = 20;

/// The value of a base64 character (RFC 4648 section 4), or 64 for any other character.
constexpr std::array<std::uint8_t, 256> base64_values = [] {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::uint8_t, 256> values;
  values.fill(64);
  for (std::size_t i = 0; i < alphabet.size(); ++i) values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}();

/// SHA-1 that keeps its method and context: most of the cost of a short digest is that OpenSSL looks up and allocates them.
class Sha1 {
 public:
  Sha1() : method_(EVP_MD_fetch(nullptr, "SHA1", nullptr), EVP_MD_free), context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {}

  void digest(std::span<const unsigned char> bytes, std::span<unsigned char, sha1_bytes> result) {
    const bool done = EVP_DigestInit_ex2(context_.get(), method_.get(), nullptr) == 1 &&
                      EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1 &&
                      EVP_DigestFinal_ex(context_.get(), result.data(), nullptr) == 1;
    RINGGATE_ASSERT(done);
  }

 private:
  std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> method_;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// The value of a field that must be there, and once.
std::expected<std::string_view, Rejection> only_value(const RequestView& request, std::string_view name, Rejection missing,
                                                      Rejection repeated) {
  const std::size_t index = request.find_field(name);
  if (index == request.fields_count()) return std::unexpected{missing};
  if (request.find_field(name, index + 1) < request.fields_count()) return std::unexpected{repeated};
  return request.field_value(index);
}

std::optional<Rejection> check_version(const RequestView& request) {
  const auto version =
      only_value(request, "Sec-WebSocket-Version", Rejection::websocket_version_missing, Rejection::websocket_version_repeated);
  if (!version) return version.error();
  const bool is_number = !version->empty() && (version->front() != '0' || version->size() == 1) &&
                         std::ranges::all_of(*version, [](char c) { return http::is_digit(static_cast<std::uint8_t>(c)); });
  if (!is_number) return Rejection::websocket_version_malformed;
  if (*version != "13") return Rejection::websocket_version_unsupported;
  return {};
}

std::expected<std::string_view, Rejection> check_key(const RequestView& request) {
  const auto key = only_value(request, "Sec-WebSocket-Key", Rejection::websocket_key_missing, Rejection::websocket_key_repeated);
  if (key && !is_valid_key(*key)) return std::unexpected{Rejection::websocket_key_malformed};
  return key;
}

bool has_body(const RequestView& request) {
  if (request.field("Transfer-Encoding")) return true;
  const auto framing = http::body_framing(request);
  return !framing || framing->has_body();
}

}  // namespace

bool is_valid_key(std::string_view key) {
  // 16 bytes are 21 characters, 2 bits in a 22nd character, and two characters of padding. The other 4 bits may have any value,
  // because some clients send a key of 24 fixed characters (RFC 4648 section 3.5 leaves it to the decoder).
  if (key.size() != key_chars || !key.ends_with("==")) return false;
  return std::ranges::all_of(key.substr(0, key_chars - 2),
                             [](char c) { return base64_values[static_cast<std::uint8_t>(c)] <= 63; });
}

AcceptKey accept_key(std::string_view key) {
  RINGGATE_ASSERT(key.size() == key_chars);
  std::array<unsigned char, key_chars + key_suffix.size()> text;
  std::copy(key_suffix.begin(), key_suffix.end(), std::copy(key.begin(), key.end(), text.begin()));
  thread_local Sha1 sha1;
  std::array<unsigned char, sha1_bytes> digest;
  sha1.digest(text, digest);
  std::array<unsigned char, accept_key_chars + 1> encoded;  // EVP_EncodeBlock adds a terminator
  EVP_EncodeBlock(encoded.data(), digest.data(), sha1_bytes);
  AcceptKey result;
  std::copy_n(encoded.begin(), accept_key_chars, result.begin());
  return result;
}

bool asks_for_upgrade(const RequestView& request) { return request.list_has_token("Upgrade", "websocket"); }

std::expected<std::string_view, Rejection> check_handshake(const RequestView& request) {
  if (!asks_for_upgrade(request)) return std::unexpected{Rejection::upgrade_missing};
  if (has_body(request)) return std::unexpected{Rejection::body_on_upgrade};
  if (!request.list_has_token("Connection", "upgrade")) {
    return std::unexpected{Rejection::connection_upgrade_missing};
  }
  if (const auto rejection = check_version(request)) return std::unexpected{*rejection};
  const auto key = check_key(request);
  if (!key) return key;
  if (const auto offers = check_subprotocol_offers(request); !offers) return std::unexpected{offers.error()};
  if (!extension_offers_are_valid(request)) return std::unexpected{Rejection::extensions_malformed};
  return key;
}

void append_switching_protocols(std::string& out, const SwitchingProtocols& answer) {
  const AcceptKey accept = accept_key(answer.key);
  out += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
  out.append(accept.data(), accept.size());
  if (!answer.subprotocol.empty()) {
    out += "\r\nSec-WebSocket-Protocol: ";
    out += answer.subprotocol;
  }
  if (answer.deflate) {
    out += "\r\nSec-WebSocket-Extensions: ";
    append_deflate_answer(out, *answer.deflate);
  }
  if (answer.extra_fields.empty()) {
    out += "\r\n\r\n";
    return;
  }
  out += "\r\n";
  out += answer.extra_fields;
  out += "\r\n";
}

}  // namespace ringgate::ws
