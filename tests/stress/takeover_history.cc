#include "takeover_history.h"

#include <algorithm>
#include <array>
#include <limits>

namespace ringgate::stress {
namespace {

constexpr TimeNs never = std::numeric_limits<TimeNs>::max();
constexpr int replaced_code = 4409;
constexpr int normal_code = 1000;  // the run itself ends the last ones so

// When the earliest connection that is certainly newer had its 101. Sorted by connect_started, with the
// minimum of `opened` over each suffix, one search answers.
class Successors {
 public:
  Successors(const ClientHistory& a, const ClientHistory& b) {
    for (const auto* client : {&a, &b}) {
      for (const auto& connection : client->connections) {
        if (connection.opened != 0) entries_.push_back({connection.connect_started, connection.opened});
      }
    }
    std::ranges::sort(entries_, {}, &Entry::connect_started);
    for (std::size_t i = entries_.size(); i > 1; --i)
      entries_[i - 2].opened_first = std::min(entries_[i - 2].opened_first, entries_[i - 1].opened_first);
  }

  TimeNs superseded_at(const ConnectionRecord& connection) const {
    const auto newer = std::ranges::upper_bound(entries_, connection.opened, {}, &Entry::connect_started);
    return newer == entries_.end() ? never : newer->opened_first;
  }

 private:
  struct Entry {
    TimeNs connect_started = 0;
    TimeNs opened_first = 0;  // of this and all that started later
  };
  std::vector<Entry> entries_;
};

void judge_connections(const ClientHistory& client, TakeoverTally& tally) {
  for (const auto& connection : client.connections) {
    if (connection.opened == 0) continue;
    ++tally.connections;
    const bool is_replaced = connection.code == replaced_code;
    if (is_replaced) ++tally.replaced;
    if (!connection.fault.empty() || (!is_replaced && connection.code != normal_code)) ++tally.ended_otherwise;
  }
  tally.corrupted += client.corrupted;
}

void judge_receipts(const ClientHistory& client, const Successors& successors, const std::vector<PushRecord>& pushes,
                    std::vector<std::uint8_t>& received, TakeoverTally& tally) {
  const ReceiptRecord* before = nullptr;
  for (const auto& receipt : client.receipts) {
    if (receipt.number >= pushes.size()) {
      ++tally.corrupted;
      continue;
    }
    if (received[receipt.number]++ > 0) ++tally.duplicated;
    if (before != nullptr && before->connection == receipt.connection && before->number > receipt.number) ++tally.reordered;
    const auto& connection = client.connections[receipt.connection];
    if (pushes[receipt.number].asked > successors.superseded_at(connection)) ++tally.to_old_owner;
    before = &receipt;
  }
}

}  // namespace

void TakeoverTally::add(const TakeoverTally& other) {
  connections += other.connections;
  replaced += other.replaced;
  ended_otherwise += other.ended_otherwise;
  pushes += other.pushes;
  delivered += other.delivered;
  refused += other.refused;
  lost += other.lost;
  duplicated += other.duplicated;
  reordered += other.reordered;
  to_old_owner += other.to_old_owner;
  corrupted += other.corrupted;
  refused_but_received += other.refused_but_received;
}

TakeoverTally judge_takeover(const ClientHistory& a, const ClientHistory& b, const std::vector<PushRecord>& pushes) {
  TakeoverTally tally;
  const Successors successors(a, b);
  std::vector<std::uint8_t> received(pushes.size(), 0);
  for (const auto* client : {&a, &b}) {
    judge_connections(*client, tally);
    judge_receipts(*client, successors, pushes, received, tally);
  }
  for (std::size_t number = 0; number < pushes.size(); ++number) {
    const auto outcome = pushes[number].outcome;
    ++tally.pushes;
    if (outcome == PushRecord::Outcome::delivered) ++tally.delivered;
    if (outcome == PushRecord::Outcome::refused) ++tally.refused;
    if (outcome == PushRecord::Outcome::delivered && received[number] == 0) ++tally.lost;
    if (outcome == PushRecord::Outcome::refused && received[number] > 0) ++tally.refused_but_received;
  }
  return tally;
}

}  // namespace ringgate::stress
