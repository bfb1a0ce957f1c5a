// The sockets of one ring: which descriptor names which connection, and what the kernel has armed on it.
// Slots come from the ring's direct table, or without direct descriptors from the process (the world). Owner: the ring.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "fake_ring/fake_connection.h"
#include "fake_ring/fake_options.h"
#include "ring/ring.h"

namespace ringgate::ring {

class FakeWorld;

/// The pieces of a send, by address: their bytes are read when the kernel takes them.
struct FakePieces {
  std::array<Piece, Ring::pieces_max> pieces{};
  std::size_t count = 0;
  std::size_t bytes() const;
  std::vector<std::uint8_t> read(std::size_t size) const;  // the first `size` bytes, as they are now
};

struct FakeSocket {
  struct WaitingSend {
    Token token;
    FakePieces pieces;
  };
  std::shared_ptr<FakeConnection> connection;
  std::optional<Token> receive;     // armed
  std::optional<Token> poll;        // armed
  std::optional<WaitingSend> send;  // parked until the peer makes room

  bool receive_ready(TimeNs now) const;
  bool poll_ready(TimeNs now) const;
  bool send_ready(TimeNs now) const;
};

class FakeSocketTable {
 public:
  FakeSocketTable(FakeWorld& world, bool direct, std::uint32_t size) : world_(world), direct_(direct), used_(size) {}

  /// Gives `connection` a descriptor; none if the table, or the process, is full.
  std::optional<Socket> open(std::shared_ptr<FakeConnection> connection);
  void close(Socket socket);
  FakeSocket& at(Socket socket);
  std::map<Socket, FakeSocket>& all() { return sockets_; }
  const std::map<Socket, FakeSocket>& all() const { return sockets_; }

 private:
  std::optional<Socket> take_direct_slot();

  FakeWorld& world_;
  bool direct_;
  std::vector<bool> used_;
  Socket hint_ = 0;
  std::map<Socket, FakeSocket> sockets_;  // ordered: the same walk in every run
};

}  // namespace ringgate::ring
