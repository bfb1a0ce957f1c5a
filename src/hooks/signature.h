// The signature of a request: HMAC-SHA256 over its time stamp and body, by each live key. Keys come from files. Any thread.
//
//   Ringgate-Signature: t=1764561311,v1=5257a8…,v1=6b1c0f…
//
// The signed bytes are the time stamp in decimal, a full stop, and the body. The receiver takes the request if one `v1` is right under
// its key and the time stamp is near its own clock.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "auth/secret_file.h"

namespace ringgate::hooks {

class SigningKeys {
 public:
  /// Reads the keys: a file holds the bytes of a key, without white space at its end, or `whsec_` and their base64. The error is a
  /// sentence for the operator. `warnings`: about files that everybody may read.
  static std::expected<SigningKeys, std::string> load(const std::vector<std::string>& files, std::vector<std::string>& warnings);

  bool empty() const { return keys_.empty(); }
  void add(auth::SecretBytes key) { keys_.push_back(std::move(key)); }

  /// The value of Ringgate-Signature; empty without keys. `unix_seconds`: of the attempt.
  std::string sign(std::int64_t unix_seconds, std::string_view body) const;

 private:
  std::vector<auth::SecretBytes> keys_;
};

}  // namespace ringgate::hooks
