// What the tests of both directions share: an Inflater over a pool, asked for text.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <string>

#include "deflate_samples.h"
#include "support/reference_inflater.h"
#include "ws/inflater.h"

namespace ringgate::ws {

/// What the slow reference makes of a message.
struct Reference {
  bool valid = false;
  std::string bytes;
  std::size_t farthest = 0;  // that it refers back
};

inline Reference inflate_by_reference(ByteView payload, std::string_view history = {}) {
  test::ReferenceInflater inflater;
  Reference reference;
  const auto verdict = inflater.inflate(payload, bytes_of(history), std::size_t{1} << 30, reference.bytes);
  reference.valid = verdict == test::ReferenceInflater::Verdict::good;
  reference.farthest = inflater.farthest();
  return reference;
}

/// Bytes that are there by address alone: to be counted, not read.
class AddressSpace {
 public:
  explicit AddressSpace(std::size_t size)
      : bytes_(mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)), size_(size) {
    EXPECT_NE(bytes_, MAP_FAILED);
  }
  ~AddressSpace() { munmap(bytes_, size_); }
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  ByteView view() const { return {static_cast<const std::uint8_t*>(bytes_), size_}; }

 private:
  void* bytes_;
  std::size_t size_;
};

class Inflating : public testing::Test {
 protected:
  static constexpr std::uint64_t no_ceiling = 1 << 30;

  /// The inflated text, or the reason for refusing it in angle brackets.
  static std::string inflate_with(Inflater& inflater, AssemblyPool& pool, ByteView payload, const InflateRules& rules,
                                  InflateHistory* history) {
    const auto result = inflater.inflate(payload, rules, history);
    if (!result) return "<" + std::string(facts_of(result.error()).reason) + ">";
    std::string text(text_of(result->payload));
    pool.recycle(result->buffer);
    return text;
  }
  std::string inflate(ByteView payload, const InflateRules& rules = {.bytes_max = no_ceiling},
                      InflateHistory* history = nullptr) {
    return inflate_with(inflater_, pool_, payload, rules, history);
  }

  static constexpr const char* invalid = "<compressed data is invalid>";
  static constexpr const char* too_big = "<message too big>";
  static constexpr const char* out_of_memory = "<out of memory>";

  AssemblyPool pool_{std::size_t{1} << 31};
  Inflater inflater_{pool_};
};

}  // namespace ringgate::ws
