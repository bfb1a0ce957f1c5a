// Files of secrets: opening one with an error that names the cause, and reading all of a small one into memory that is wiped. Not the
// meaning of what is in it. For start, reload and the command line; any thread. May block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringgate/bytes.h"

namespace ringgate::auth {

/// Overwrites the bytes; the compiler does not leave that out.
void wipe(MutableBytes bytes);

/// Bytes that are wiped when their owner goes. Moved, not copied.
class SecretBytes {
 public:
  explicit SecretBytes(std::size_t size = 0) : bytes_(size) {}
  ~SecretBytes() { wipe(bytes_); }
  SecretBytes(SecretBytes&&) = default;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;

  MutableBytes bytes() { return bytes_; }
  ByteView bytes() const { return bytes_; }
  std::string_view text() const { return text_of(bytes_); }
  /// Keeps the first `size` bytes, and wipes the rest.
  void shrink(std::size_t size);

 private:
  std::vector<std::uint8_t> bytes_;
};

/// An open descriptor of a regular file.
class OpenFile {
 public:
  /// The error is a sentence for the operator: `FILE cannot be read: CAUSE`, `FILE is a directory`, `FILE is larger than N bytes`.
  static std::expected<OpenFile, std::string> open(const std::string& file, std::uint64_t bytes_max);
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        mode_(other.mode_),
        size_(other.size_),
        name_(std::move(other.name_)) {}
  OpenFile& operator=(OpenFile&&) = delete;

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }
  /// A sentence for the operator if everybody on the machine may read the file.
  std::optional<std::string> warning() const;
  /// Reads into `out` until it is full or the file ends; the number of bytes.
  std::expected<std::size_t, std::string> read(MutableBytes out);

 private:
  OpenFile(int descriptor, std::uint32_t mode, std::uint64_t size, std::string name)
      : descriptor_(descriptor), mode_(mode), size_(size), name_(std::move(name)) {}

  int descriptor_;
  std::uint32_t mode_;
  std::uint64_t size_;
  std::string name_;
};

struct SecretFile {
  SecretBytes content;
  std::optional<std::string> warning;
};

/// All of a file of at most `bytes_max` bytes.
std::expected<SecretFile, std::string> read_secret_file(const std::string& file, std::size_t bytes_max);

}  // namespace ringgate::auth
