#include "push_ledger.h"

#include <algorithm>

#include "base/assert.h"
#include "load/numbered_payload.h"

namespace ringgate::stress {

void PushTally::add(const PushTally& other) {
  asked += other.asked;
  delivered += other.delivered;
  refused += other.refused;
  unanswered += other.unanswered;
  received += other.received;
  lost += other.lost;
  duplicated += other.duplicated;
  reordered += other.reordered;
  misdelivered += other.misdelivered;
  corrupted += other.corrupted;
  refused_but_received += other.refused_but_received;
}

std::uint64_t PushLedger::ask(std::uint32_t device) {
  auto& rows = devices_[device - device_first_].rows;
  rows.push_back({});
  ++tally_.asked;
  return rows.size() - 1;
}

void PushLedger::answer(std::uint32_t device, std::uint64_t number, PushOutcome outcome) {
  auto& row = devices_[device - device_first_].rows[number];
  RINGGATE_ASSERT(row.outcome == PushOutcome::unanswered);
  row.outcome = outcome;
  if (outcome == PushOutcome::delivered) ++tally_.delivered;
  if (outcome == PushOutcome::refused) ++tally_.refused;
}

void PushLedger::receive(std::uint32_t device, ByteView payload) {
  ++tally_.received;
  const auto number = load::read_numbered_payload(payload);
  auto& entry = devices_[device - device_first_];
  if (!number) {
    ++tally_.corrupted;
  } else if (number->device != device || number->number >= entry.rows.size()) {
    ++tally_.misdelivered;
  } else if (auto& row = entry.rows[number->number]; row.is_received) {
    ++tally_.duplicated;
  } else {
    row.is_received = true;
    if (number->number < entry.next_expected) ++tally_.reordered;
    entry.next_expected = std::max(entry.next_expected, number->number + 1);
  }
}

PushTally PushLedger::tally() const {
  PushTally all = tally_;
  for (const auto& device : devices_) {
    for (const auto& row : device.rows) {
      const bool is_received = row.is_received;
      if (row.outcome == PushOutcome::unanswered) ++all.unanswered;
      if (row.outcome == PushOutcome::delivered && !is_received) ++all.lost;
      if (row.outcome == PushOutcome::refused && is_received) ++all.refused_but_received;
    }
  }
  return all;
}

}  // namespace ringgate::stress
