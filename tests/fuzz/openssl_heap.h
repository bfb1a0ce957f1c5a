// A heap for OpenSSL that costs little: a handshake allocates hundreds of times, and AddressSanitizer takes some 300 ns for each.
//
// Sizes are rounded up to 64 bytes, and freed blocks are given out again. A block that is free is poisoned, its header included, and so is
// what lies between the end of one in use and the next, so that a step outside, or into what was freed, is still seen. What is above the largest size is left to
// malloc. One thread.
#pragma once

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "fuzz_case.h"

namespace ringgate::fuzz {

class OpensslHeap {
 public:
  /// Before OpenSSL has allocated anything.
  static void install() { require(CRYPTO_set_mem_functions(allocate, reallocate, release) == 1, "OpenSSL takes our heap"); }

  /// Blocks that are given out, with their margins; those of malloc aside.
  static std::size_t bytes_in_use() { return in_use_; }
  /// Taken from malloc for blocks, in use or not.
  static std::size_t bytes_held() { return chunks_.size() * chunk_bytes; }

 private:
  static constexpr std::size_t step = 64, classes_count = 64, header_bytes = 16, chunk_bytes = 256 * 1024;
  static constexpr std::size_t of_malloc = 0;
  struct Header {
    std::size_t size;        // as asked for
    std::size_t size_class;  // in steps; or of_malloc
  };
  static_assert(sizeof(Header) == header_bytes);

  static MutableBytes bytes_at(std::uint8_t* at, std::size_t size) { return {at, size}; }
  static Header read_header(std::uint8_t* block) {
    Header header;
    std::memcpy(&header, block, sizeof header);
    require(header.size_class < classes_count, "what is freed was allocated, and not freed before");
    return header;
  }

  static void* allocate(std::size_t size, const char*, int) {
    if (size == 0) return nullptr;
    std::size_t size_class = (size + header_bytes + step - 1) / step;
    std::uint8_t* block = nullptr;
    if (size_class < classes_count) {
      std::vector<std::uint8_t*>& blocks = free_[size_class];
      if (blocks.empty()) carve(size_class);
      block = blocks.back();
      blocks.pop_back();
      in_use_ += size_class * step;
      PieceRoom::allow(bytes_at(block, header_bytes + size));
    } else {
      size_class = of_malloc;
      block = static_cast<std::uint8_t*>(std::malloc(size + header_bytes));
      if (block == nullptr) return nullptr;
    }
    const Header header{size, size_class};
    std::memcpy(block, &header, sizeof header);
    return block + header_bytes;
  }
  static void release(void* memory, const char*, int) {
    if (memory == nullptr) return;
    std::uint8_t* const block = static_cast<std::uint8_t*>(memory) - header_bytes;
    const Header header = read_header(block);
    if (header.size_class == of_malloc) return std::free(block);
    PieceRoom::forbid(bytes_at(block, header.size_class * step));
    free_[header.size_class].push_back(block);
    in_use_ -= header.size_class * step;
  }
  static void* reallocate(void* memory, std::size_t size, const char* file, int line) {
    if (memory == nullptr) return allocate(size, file, line);
    const std::size_t old_size = read_header(static_cast<std::uint8_t*>(memory) - header_bytes).size;
    void* const fresh = allocate(size, file, line);
    if (fresh != nullptr) std::memcpy(fresh, memory, std::min(size, old_size));
    if (fresh != nullptr || size == 0) release(memory, file, line);
    return fresh;
  }
  static void carve(std::size_t size_class) {
    auto* const chunk = static_cast<std::uint8_t*>(std::aligned_alloc(step, chunk_bytes));  // for as long as the process runs
    require(chunk != nullptr, "there is memory");
    chunks_.push_back(chunk);
    PieceRoom::forbid(bytes_at(chunk, chunk_bytes));
    for (std::size_t at = 0; at + size_class * step <= chunk_bytes; at += size_class * step)
      free_[size_class].push_back(chunk + at);
  }

  // Never destroyed: OpenSSL frees at the end of the process, and LeakSanitizer looks for what points to the chunks after that.
  static inline auto& free_ = *new std::array<std::vector<std::uint8_t*>, classes_count>;
  static inline auto& chunks_ = *new std::vector<std::uint8_t*>;
  static inline std::size_t in_use_ = 0;
};

}  // namespace ringgate::fuzz
