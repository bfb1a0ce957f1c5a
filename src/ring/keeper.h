// Keeps an object alive for the ring, which does not know its type: what a send reads long after its caller has turned to other work.
#pragma once

#include <utility>

namespace ringgate::ring {

/// Owns one claim on `object` and gives it back with `drop`, once. Owner shard, as everything of a ring.
class Keeper {
 public:
  using Drop = void (*)(const void* object);

  Keeper() = default;
  Keeper(const void* object, Drop drop) : object_(object), drop_(drop) {}
  Keeper(Keeper&& other) noexcept : object_(std::exchange(other.object_, nullptr)), drop_(other.drop_) {}
  Keeper& operator=(Keeper other) noexcept {
    std::swap(object_, other.object_);
    std::swap(drop_, other.drop_);
    return *this;
  }
  ~Keeper() {
    if (object_ != nullptr) drop_(object_);
  }

  /// The object is never given back.
  void abandon() { object_ = nullptr; }

 private:
  const void* object_ = nullptr;
  Drop drop_ = nullptr;
};

}  // namespace ringgate::ring
