// What a handshake agreed on, for logs and for whoever decides about a connection. A value of views.
#pragma once

#include <string_view>

namespace ringgate::tls {

struct Facts {
  std::string_view version;      // "TLSv1.2" or "TLSv1.3"
  std::string_view cipher;       // as OpenSSL names it, such as "TLS_AES_128_GCM_SHA256"
  std::string_view server_name;  // SNI: the host that the client asked for, as it wrote it; empty if it named none
  std::string_view protocol;     // ALPN: "http/1.1", or empty if the client offered none
  bool is_resumed = false;       // by a ticket of an earlier session
};

}  // namespace ringgate::tls
