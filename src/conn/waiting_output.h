// The account of all outboxes of one shard: how much memory they hold together, and which of them holds the most.
//
// Owned by the transport; owner shard; used only while output waits. It has a budget because others decide how much output waits
// for a slow peer. Lists by size find the largest outbox, or one at most a quarter smaller, without a search. A message that
// waits in many outboxes counts once. Invariant: the budget counts exactly the memory of the counted outboxes.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "base/assert.h"
#include "base/shard_budget.h"

namespace ringgate::ws {
class PreparedMessage;
}

namespace ringgate::conn {

class WaitingOutput {
 public:
  /// An outbox's place in the lists; part of the outbox.
  struct Link {
    Link* before = nullptr;
    Link* after = nullptr;
    std::uint32_t slot = 0;       // the connection's
    std::uint8_t size_class = 0;  // 0: not listed
  };

  explicit WaitingOutput(ShardBudget& budget) : budget_(budget) {}
  WaitingOutput(const WaitingOutput&) = delete;
  WaitingOutput& operator=(const WaitingOutput&) = delete;

  void add(std::size_t bytes) { budget_.add(bytes); }
  void subtract(std::size_t bytes) { budget_.subtract(bytes); }
  /// An outbox refers to a message of `bytes`, or no longer refers to it.
  void add_message(const ws::PreparedMessage& message, std::size_t bytes) {
    if (++messages_[&message] == 1) add(bytes);
  }
  void subtract_message(const ws::PreparedMessage& message, std::size_t bytes) {
    const auto found = messages_.find(&message);
    RINGGATE_ASSERT(found != messages_.end());
    if (--found->second > 0) return;
    messages_.erase(found);
    subtract(bytes);
  }

  /// This outbox now holds `bytes`.
  void resize(Link& link, std::size_t bytes) {
    const std::uint8_t size_class = class_of(bytes);
    if (size_class == link.size_class) return;
    remove(link);
    Link*& first = first_[size_class];
    link.after = first;
    if (first != nullptr) first->before = &link;
    first = &link;
    link.size_class = size_class;
    listed_[size_class / 64U] |= std::uint64_t{1} << size_class % 64U;
  }
  /// Does nothing if it is not listed.
  void remove(Link& link) {
    if (link.size_class == 0) return;
    (link.before != nullptr ? link.before->after : first_[link.size_class]) = link.after;
    if (link.after != nullptr) link.after->before = link.before;
    if (first_[link.size_class] == nullptr) listed_[link.size_class / 64U] &= ~(std::uint64_t{1} << link.size_class % 64U);
    link.before = link.after = nullptr;
    link.size_class = 0;
  }

  bool is_over_budget() const { return budget_.is_over(); }
  /// Null if nothing waits.
  Link* largest() {
    for (std::size_t word = listed_.size(); word-- > 0;)
      if (listed_[word] != 0) return first_[word * 64 + 63 - static_cast<std::size_t>(std::countl_zero(listed_[word]))];
    return nullptr;
  }

 private:
  static constexpr std::size_t classes_count = 192;

  /// Four classes for each power of two, from 1 on.
  static std::uint8_t class_of(std::size_t bytes) {
    const std::size_t size = bytes + 4;
    const auto exponent = static_cast<unsigned>(std::bit_width(size) - 1);
    const auto quarter = static_cast<unsigned>(size >> (exponent - 2U) & 3U);
    const unsigned size_class = (exponent - 2U) * 4U + quarter + 1U;
    return static_cast<std::uint8_t>(size_class < classes_count ? size_class : classes_count - 1);
  }

  ShardBudget& budget_;
  std::array<Link*, classes_count> first_{};
  std::array<std::uint64_t, classes_count / 64> listed_{};  // bits of the classes that are not empty
  std::unordered_map<const ws::PreparedMessage*, std::uint32_t>
      messages_;  // outboxes that hold a message; bounded by their nodes
};

}  // namespace ringgate::conn
