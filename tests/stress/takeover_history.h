// What happened to one id during the takeover run, as its two clients saw it, and the judgement over it.
//
// All times come from one monotonic clock. Only what is certain is judged: a connection D is newer than C
// when D started to connect after C had its 101; a push went to an old owner when it was asked for after D
// had its 101 and C got it. Invariant: a history is judged once, after both clients have ended.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace ringgate::stress {

struct ConnectionRecord {
  TimeNs connect_started = 0;
  TimeNs opened = 0;  // its 101 arrived
  int code = 0;       // of the end; 0 while it is open
  std::string fault;
};

struct PushRecord {
  TimeNs asked = 0;
  enum class Outcome : std::uint8_t { unanswered, delivered, refused } outcome = Outcome::unanswered;
};

/// A push that arrived: its number and the connection (index into the same client's connections).
struct ReceiptRecord {
  std::uint64_t number = 0;
  std::uint32_t connection = 0;
};

/// One client's view of one id.
struct ClientHistory {
  std::vector<ConnectionRecord> connections;
  std::vector<ReceiptRecord> receipts;
  std::uint64_t corrupted = 0;  // or meant for another id
};

struct TakeoverTally {
  std::uint64_t connections = 0;
  std::uint64_t replaced = 0;  // ended with 4409
  std::uint64_t ended_otherwise = 0;
  std::uint64_t pushes = 0;
  std::uint64_t delivered = 0;
  std::uint64_t refused = 0;
  std::uint64_t lost = 0;  // delivered by the gate's word, never received
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;  // within one connection
  std::uint64_t to_old_owner = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t refused_but_received = 0;

  void add(const TakeoverTally& other);
  std::uint64_t faults() const {
    return ended_otherwise + lost + duplicated + reordered + to_old_owner + corrupted + refused_but_received;
  }
};

/// Judges one id: `a` and `b` are its two clients, `pushes` all pushes to it by number.
TakeoverTally judge_takeover(const ClientHistory& a, const ClientHistory& b, const std::vector<PushRecord>& pushes);

}  // namespace ringgate::stress
