// What is known of a connection's TLS.
#pragma once

#include <string>

namespace ringgate {

/// A copy. Empty texts: not known, or there is none.
struct TlsFacts {
  std::string version;      // "TLSv1.3"
  std::string cipher;       // "TLS_AES_128_GCM_SHA256"
  std::string server_name;  // SNI
  // Of the client's certificate, if it showed one and that was verified.
  std::string client_subject;      // RFC 2253, such as "CN=charger-7,O=Example"; in ASCII
  std::string client_common_name;  // UTF-8
};

}  // namespace ringgate
