#include "dispatch/tickets.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace ringgate::dispatch {

namespace {

constexpr DurationNs time_of(Tickets::Patience patience) {
  const std::uint64_t seconds =
      patience == Tickets::Patience::question ? limits::answer_seconds : limits::broadcast_answer_seconds;
  return seconds * nanoseconds_per_second;
}

}  // namespace

std::uint32_t Tickets::find_free_entry() {
  if (free_ == none) {
    entries_.emplace_back();
    free_ = static_cast<std::uint32_t>(entries_.size() - 1);
  }
  return free_;
}

/// The one that `find_free_entry` has found. Needs no memory.
Tickets::Entry& Tickets::take_free_entry(Ticket&& ticket, TimeNs deadline) {
  Entry& entry = entries_[free_];
  free_ = entry.after;
  ++open_count_;
  entry.ticket = std::move(ticket);
  entry.deadline = deadline;
  return entry;
}

TicketName Tickets::open(Ticket&& ticket, Patience patience, TimeNs now) {
  const std::uint32_t index = find_free_entry();
  Entry& entry = take_free_entry(std::move(ticket), now + time_of(patience));
  entry.ticket.opened_at = now;
  entry.patience = patience;
  Line& line = lines_[static_cast<std::size_t>(patience)];
  entry.before = std::exchange(line.newest, index);
  entry.after = none;
  (entry.before == none ? line.oldest : entries_[entry.before].after) = index;
  return {index, entry.generation};
}

TicketName Tickets::open(Ticket&& ticket, TimeNs deadline) {
  const std::uint32_t index = find_free_entry();
  own_deadlines_.emplace(deadline, index);
  Entry& entry = take_free_entry(std::move(ticket), deadline);
  entry.patience = std::nullopt;
  return {index, entry.generation};
}

std::optional<Ticket> Tickets::take(TicketName name) {
  if (!is_open(name)) return std::nullopt;
  return close(name.index);
}

std::optional<Ticket> Tickets::take_expired(TimeNs now) {
  for (const Line& line : lines_)
    if (line.oldest != none && entries_[line.oldest].deadline <= now) return close(line.oldest);
  if (!own_deadlines_.empty() && own_deadlines_.begin()->first <= now) return close(own_deadlines_.begin()->second);
  return std::nullopt;
}

std::optional<TimeNs> Tickets::next_deadline() const {
  std::optional<TimeNs> next;
  for (const Line& line : lines_)
    if (line.oldest != none) next = std::min(next.value_or(UINT64_MAX), entries_[line.oldest].deadline);
  if (!own_deadlines_.empty()) next = std::min(next.value_or(UINT64_MAX), own_deadlines_.begin()->first);
  return next;
}

/// The ticket is closed before its waiter is called, because the waiter may open new tickets.
Ticket Tickets::close(std::uint32_t index) {
  Entry& entry = entries_[index];
  if (entry.patience) {
    Line& line = lines_[static_cast<std::size_t>(*entry.patience)];
    (entry.before == none ? line.oldest : entries_[entry.before].after) = entry.after;
    (entry.after == none ? line.newest : entries_[entry.after].before) = entry.before;
  } else {
    own_deadlines_.erase({entry.deadline, index});
  }
  entry.deadline = 0;
  ++entry.generation;
  entry.after = std::exchange(free_, index);
  --open_count_;
  return std::move(entry.ticket);
}

}  // namespace ringgate::dispatch
