#include "device/id_table.h"

#include <algorithm>
#include <bit>
#include <new>

namespace ringgate::device {

// Zero bytes are free, untouched entries, so a table starts on untouched pages.
static_assert(sizeof(IdTable::Entry) == 16 && std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(tag_word::free == 0 && value_word::untouched == 0);

std::unique_ptr<IdTable> IdTable::make(std::size_t capacity) {
  RINGGATE_ASSERT(std::has_single_bit(capacity) && capacity > move_slots_count);
  std::unique_ptr<ZeroPages> pages(new (std::nothrow) ZeroPages(capacity * sizeof(Entry)));
  if (pages == nullptr || pages->data() == nullptr) return nullptr;
  return std::unique_ptr<IdTable>(new (std::nothrow) IdTable(capacity, std::move(pages)));
}

IdTable::IdTable(std::size_t capacity, std::unique_ptr<ZeroPages> pages)
    : capacity_(capacity),
      shift_(64U - static_cast<unsigned>(std::countr_zero(capacity))),
      pages_(std::move(pages)),
      entries_(static_cast<Entry*>(pages_->data())) {}

IdTable::Entry& IdTable::probe(std::uint64_t index, std::uint64_t& tag) const {
  const std::size_t start = home(index);
  for (std::size_t step = 0; step < capacity_; ++step) {
    Entry& candidate = entry(start + step);
    tag = candidate.tag.load(std::memory_order_acquire);
    if (tag == index || tag == tag_word::free || tag == tag_word::sealed) return candidate;
  }
  RINGGATE_ASSERT(false && "a quarter of the table is kept free");
  __builtin_unreachable();
}

bool IdTable::claim(Entry& free_entry, std::uint64_t index) {
  std::uint64_t expected = tag_word::free;
  if (!free_entry.tag.compare_exchange_strong(expected, index, std::memory_order_release, std::memory_order_relaxed))
    return false;
  claimed_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool IdTable::start_move(IdTable* successor) {
  IdTable* expected = nullptr;
  return next_.compare_exchange_strong(expected, successor, std::memory_order_release, std::memory_order_relaxed);
}

void IdTable::move(Entry& entry) {
  std::uint64_t tag = tag_word::free;
  if (entry.tag.compare_exchange_strong(tag, tag_word::sealed, std::memory_order_acq_rel, std::memory_order_acquire)) return;
  if (tag == tag_word::sealed) return;
  std::uint64_t value = entry.value.load(std::memory_order_acquire);
  while (value != value_word::moved) {
    if (value_word::is_frozen(value)) {
      next()->place(tag, value & ~value_word::frozen_bit);
      entry.value.store(value_word::moved, std::memory_order_release);  // frozen never becomes anything else
      return;
    }
    const bool live = value_word::is_live(value);
    const std::uint64_t after = live ? value | value_word::frozen_bit : value_word::moved;
    if (entry.value.compare_exchange_weak(value, after, std::memory_order_acq_rel, std::memory_order_acquire)) value = after;
  }
}

// Only the first copy counts: a late helper finds the value touched and does not overwrite what a writer made of it.
void IdTable::place(std::uint64_t index, std::uint64_t value) {
  for (;;) {
    std::uint64_t tag = tag_word::free;
    Entry& entry = probe(index, tag);
    if (tag == tag_word::free && !claim(entry, index)) continue;
    if (tag == tag_word::sealed) return;  // late: this table is already being moved itself
    std::uint64_t expected = value_word::untouched;
    entry.value.compare_exchange_strong(expected, value, std::memory_order_acq_rel, std::memory_order_relaxed);
    return;
  }
}

bool IdTable::move_some() {
  const std::size_t from = move_cursor_.fetch_add(move_slots_count, std::memory_order_relaxed);
  if (from >= capacity_) return false;
  for (std::size_t slot = from; slot < from + move_slots_count; ++slot) move(entries_[slot]);
  return moved_.fetch_add(move_slots_count, std::memory_order_acq_rel) + move_slots_count == capacity_;
}

void IdTable::move_all() {
  std::for_each(entries_, entries_ + capacity_, [this](Entry& entry) { move(entry); });
}

}  // namespace ringgate::device
