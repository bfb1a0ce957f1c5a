// What the fuzz targets share: promises, choices made by the input, and memory that ends where a piece ends.
//
// A target is run a hundred million times, so nothing here allocates once it has been used: under AddressSanitizer
// an allocation costs as much as parsing a short request.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define RINGGATE_FUZZ_POISONS 1
#elif defined(__has_feature)
#define RINGGATE_FUZZ_POISONS __has_feature(address_sanitizer)
#else
#define RINGGATE_FUZZ_POISONS 0
#endif
#if RINGGATE_FUZZ_POISONS
#include <sanitizer/asan_interface.h>
#endif

#include "ringgate/bytes.h"

namespace ringgate::fuzz {

inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

/// Takes choices from the front of an input; an input that has run out chooses 0.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }
  std::size_t number16() {
    const std::size_t low = byte();
    return low | std::size_t{byte()} << 8U;
  }

  /// What no choice was taken from yet.
  ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

/// Holds a copy of one piece at a time. Everything around the piece is out of bounds, and so is the piece itself
/// once it is taken back: AddressSanitizer sees each step outside and each look back.
class PieceRoom {
 public:
  PieceRoom() = default;
  ~PieceRoom() { allow(bytes_); }
  PieceRoom(const PieceRoom&) = delete;
  PieceRoom& operator=(const PieceRoom&) = delete;

  MutableBytes lend(ByteView piece) {
    if (bytes_.size() < piece.size()) {
      allow(bytes_);
      bytes_.assign(piece.size() + 4096, 0);
      forbid(bytes_);
    }
    lent_ = MutableBytes(bytes_).first(piece.size());
    allow(lent_);
    if (!piece.empty()) std::memcpy(lent_.data(), piece.data(), piece.size());
    return lent_;
  }
  void take_back() { forbid(lent_); }

#if RINGGATE_FUZZ_POISONS
  static void allow(MutableBytes bytes) { __asan_unpoison_memory_region(bytes.data(), bytes.size()); }
  static void forbid(MutableBytes bytes) { __asan_poison_memory_region(bytes.data(), bytes.size()); }
#else
  static void allow(MutableBytes) {}
  static void forbid(MutableBytes) {}
#endif

 private:
  std::vector<std::uint8_t> bytes_;
  MutableBytes lent_;
};

}  // namespace ringgate::fuzz
