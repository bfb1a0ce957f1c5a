// Keeps an object alive while a send of the ring reads from it. The ring does not know the object's type.
#pragma once

#include <utility>

namespace ringgate::ring {

/// Owns one claim on `object` and gives the claim back with `drop`, once. Owner shard.
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

  /// Leaks the claim: `drop` never runs.
  void abandon() { object_ = nullptr; }

 private:
  const void* object_ = nullptr;
  Drop drop_ = nullptr;
};

}  // namespace ringgate::ring
