// The further connections of ids that may be connected more than once (route.duplicate = "allow"). The device map holds the newest
// connection of each id; the older ones stand here.
//
// Shared by all shards. A key belongs to one of a few stripes, each with a mutex that is held for a change or a copy. Invariants: an id
// that has companions has an owner in the map; both change together, under the lock of the key. While no id ever had a companion, nobody
// takes a lock.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "device/id_key.h"
#include "device/reference.h"

namespace ringgate::device {

class Companions {
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<std::uint64_t, std::vector<ConnectionRef>> by_index;  // never an empty list; the newest last
  };

 public:
  Companions() = default;
  Companions(const Companions&) = delete;
  Companions& operator=(const Companions&) = delete;

  /// The companions of one id, locked as long as this lives. Also lock it to change the id's owner in the map once `is_used`.
  class Locked {
   public:
    ~Locked() {
      if (list_ != stripe_.by_index.end()) drop_if_empty();
    }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;
    std::size_t count() const { return list_ == stripe_.by_index.end() ? 0 : list_->second.size(); }
    std::vector<ConnectionRef> list() const {
      return list_ == stripe_.by_index.end() ? std::vector<ConnectionRef>{} : list_->second;
    }
    /// Nothing is left behind if none is added. `add` then needs no memory.
    void reserve_one() {
      list_ = stripe_.by_index.try_emplace(key_.index).first;
      list_->second.reserve(list_->second.size() + 1);
    }
    void add(ConnectionRef companion) {
      stripe_.by_index[key_.index].push_back(companion);
      list_ = stripe_.by_index.find(key_.index);
    }
    /// False if it is not among them.
    bool erase(ConnectionRef companion) {
      if (list_ == stripe_.by_index.end() || std::erase(list_->second, companion) == 0) return false;
      drop_if_empty();
      return true;
    }
    std::optional<ConnectionRef> take_newest() {
      if (list_ == stripe_.by_index.end()) return std::nullopt;
      const ConnectionRef newest = list_->second.back();
      list_->second.pop_back();
      drop_if_empty();
      return newest;
    }
    std::vector<ConnectionRef> take_all() {
      if (list_ == stripe_.by_index.end()) return {};
      std::vector<ConnectionRef> all = std::move(list_->second);
      stripe_.by_index.erase(list_);
      list_ = stripe_.by_index.end();
      return all;
    }

   private:
    friend class Companions;
    Locked(Stripe& stripe, IdKey key) : stripe_(stripe), lock_(stripe.mutex), key_(key), list_(stripe.by_index.find(key.index)) {}
    void drop_if_empty() {
      if (!list_->second.empty()) return;
      stripe_.by_index.erase(list_);
      list_ = stripe_.by_index.end();
    }

    Stripe& stripe_;
    std::lock_guard<std::mutex> lock_;
    const IdKey key_;
    std::unordered_map<std::uint64_t, std::vector<ConnectionRef>>::iterator list_;
  };

  /// From now on, for good, ids may have companions.
  void use() { is_used_.store(true, std::memory_order_release); }
  bool is_used() const { return is_used_.load(std::memory_order_acquire); }

  Locked lock(IdKey key) { return {stripe_of(key), key}; }

  /// A copy; empty for nearly all ids.
  std::vector<ConnectionRef> of(IdKey key) const {
    if (!is_used()) return {};
    const Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.by_index.find(key.index);
    return found == stripe.by_index.end() ? std::vector<ConnectionRef>{} : found->second;
  }

 private:
  static constexpr std::size_t stripes_count = 64;
  Stripe& stripe_of(IdKey key) { return stripes_[key.index % stripes_count]; }
  const Stripe& stripe_of(IdKey key) const { return stripes_[key.index % stripes_count]; }

  std::array<Stripe, stripes_count> stripes_;
  std::atomic<bool> is_used_{false};
};

}  // namespace ringgate::device
