#include "fake_ring/fake_ledger.h"

#include <algorithm>
#include <utility>

#include "fake_ring/fake_world.h"

namespace ringgate::ring {

namespace {
bool is_input(OperationKind kind) {
  return kind == OperationKind::receive || kind == OperationKind::receive_now || kind == OperationKind::readable ||
         kind == OperationKind::hang_up;
}
}  // namespace

FakeLedger::Account& FakeLedger::account_of(Socket socket) {
  if (socket >= accounts_.size()) accounts_.resize(socket + 1);
  return accounts_[socket];
}

void FakeLedger::opened(Socket socket) {
  Account& account = account_of(socket);
  account.open = true;
  account.generation_known = false;
}

void FakeLedger::closing(Socket socket) {
  Account& account = account_of(socket);
  if (!account.open) world_.defect("close of a socket that is not open", socket);
  if (!account.tokens.empty()) world_.defect("close with operations in flight on the socket", socket);
  account.open = false;
  account.retired_known = account.generation_known;
  account.retired_generation = account.generation;
}

void FakeLedger::check_generation(Socket socket, Account& account, Token token) {
  if (token.slot != socket) world_.defect("the token names another slot than the operation's socket", socket);
  if (account.retired_known && token.generation == account.retired_generation)
    world_.defect("token reuse: the generation belongs to the connection closed before on this socket", socket);
  if (account.generation_known && token.generation != account.generation)
    world_.defect("the generation changed while the connection is open on socket", socket);
  account.generation_known = true;
  account.generation = token.generation;
}

void FakeLedger::begin(Socket socket, OperationKind kind, Token token) {
  Account& account = account_of(socket);
  if (!account.open) world_.defect("operation on a socket that is not open", socket);
  if (token.kind != kind) world_.defect("the token names another kind than the operation, on socket", socket);
  check_generation(socket, account, token);
  if (is_input(kind) && std::exchange(account.receive, true)) world_.defect("receive or poll armed twice on socket", socket);
  if (kind == OperationKind::send && std::exchange(account.send, true)) world_.defect("send in flight twice on socket", socket);
  // Cancels may overlap: nobody needs to tell their answers apart, as long as each is counted.
  if (kind != OperationKind::cancel && account.tokens.contains(token.pack()))
    world_.defect("token reuse: the same operation is in flight already on socket", socket);
  account.tokens.insert(token.pack());
}

void FakeLedger::silent_send_submitted(Socket socket) { silent_sends_.push_back(socket); }

void FakeLedger::end(Token token) {
  Account& account = account_of(token.slot);
  const auto found = account.tokens.find(token.pack());
  if (found == account.tokens.end()) world_.defect("model: completion of nothing in flight", token.slot);
  account.tokens.erase(found);
  if (is_input(token.kind)) account.receive = false;
  if (token.kind == OperationKind::send) {
    account.send = false;
    std::erase(silent_sends_, token.slot);
  }
}

void FakeLedger::settle() {
  for (const Socket socket : silent_sends_) {
    Account& account = accounts_[socket];
    account.send = false;
    account.tokens.erase(Token{OperationKind::send, socket, account.generation}.pack());
  }
  silent_sends_.clear();
}

std::uint64_t FakeLedger::in_flight_count() const {
  std::uint64_t count = 0;
  for (const Account& account : accounts_) count += account.tokens.size();
  return count;
}

}  // namespace ringgate::ring
