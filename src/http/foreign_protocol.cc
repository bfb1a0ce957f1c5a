#include "http/foreign_protocol.h"

#include <array>
#include <string_view>

namespace ringgate::http {
namespace {

using namespace std::string_view_literals;

struct Opening {
  std::string_view bytes;
  Rejection rejection;
};

constexpr std::array openings{
    Opening{"\x16"sv, Rejection::tls_unexpected},                   // a handshake record, RFC 8446 section 5.1
    Opening{"PROXY "sv, Rejection::proxy_protocol_unexpected},      // PROXY protocol section 2.1
    Opening{"\r\n\r\n\0"sv, Rejection::proxy_protocol_unexpected},  // its section 2.2; the start of the signature
    Opening{"PRI * HTTP/2"sv, Rejection::http2_unexpected},         // RFC 9113 section 3.4
    Opening{"SSH-"sv, Rejection::ssh_unexpected},                   // RFC 4253 section 4.2
};

}  // namespace

std::optional<Rejection> foreign_protocol(ByteView bytes) {
  const std::string_view text = text_of(bytes);
  for (const Opening& opening : openings)
    if (text.starts_with(opening.bytes)) return opening.rejection;
  return std::nullopt;
}

}  // namespace ringgate::http
