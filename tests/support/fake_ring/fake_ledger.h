// What the caller of one ring has in flight, as the caller must see it: from the call until the last completion was reaped
// (a silent send: until the completion queue was reaped empty after its submission). Aborts, naming rule and seed, when a
// rule of ring/ring.h is broken. Owner: the ring.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "ring/ring.h"

namespace ringgate::ring {

class FakeWorld;

class FakeLedger {
 public:
  explicit FakeLedger(FakeWorld& world) : world_(world) {}

  void opened(Socket socket);   // its accept was reaped
  void closing(Socket socket);  // close was called
  void begin(Socket socket, OperationKind kind, Token token);
  void silent_send_submitted(Socket socket);
  /// The completion that ends an operation was reaped.
  void end(Token token);
  /// The completion queue is empty: submitted silent sends without a completion are over.
  void settle();
  std::uint64_t in_flight_count() const;

 private:
  struct Account {
    bool open = false;
    bool generation_known = false;
    bool retired_known = false;
    std::uint32_t generation = 0;
    std::uint32_t retired_generation = 0;  // of the incarnation closed last
    std::multiset<std::uint64_t> tokens;   // in flight, packed; more than one of a kind only of cancels
    bool receive = false;                  // or a poll
    bool send = false;
  };
  Account& account_of(Socket socket);
  void check_generation(Socket socket, Account& account, Token token);

  FakeWorld& world_;
  std::vector<Account> accounts_;     // by socket
  std::vector<Socket> silent_sends_;  // submitted, not known to be over
};

}  // namespace ringgate::ring
