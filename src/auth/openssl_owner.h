// The owner of an object of OpenSSL's libcrypto.
#pragma once

#include <memory>

namespace ringgate::auth {

template <auto Free>
struct FreedBy {
  template <typename Object>
  void operator()(Object* object) const {
    Free(object);
  }
};

template <typename Object, auto Free>
using Owned = std::unique_ptr<Object, FreedBy<Free>>;

}  // namespace ringgate::auth
