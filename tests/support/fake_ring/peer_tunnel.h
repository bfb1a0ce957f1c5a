// What may stand between a peer and its wire, such as a TLS client: the test speaks plaintext, and something else travels.
//
// Owned by the FakePeer; the test's thread. It never blocks: what cannot be sent yet is kept, and comes with a later call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ringgate/bytes.h"

namespace ringgate::ring {

class PeerTunnel {
 public:
  virtual ~PeerTunnel() = default;

  /// Takes plaintext to send.
  virtual void put(ByteView plaintext) = 0;
  /// Nothing more will be put: says so to the other side.
  virtual void finish() = 0;
  /// Takes what came by the wire, and adds the plaintext of it to `plaintext`.
  virtual void receive(ByteView wire, std::vector<std::uint8_t>& plaintext) = 0;
  struct Output {
    std::string bytes;
    std::size_t cut = 0;  // before this one no receive joins what was sent; 0: nowhere
  };
  /// For the wire.
  virtual Output take_output() = 0;
};

}  // namespace ringgate::ring
