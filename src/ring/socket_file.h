// Owns the file of a Unix socket that the gate listens on. Moves. Start-up and end only.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "ring/ring.h"

namespace ringgate::ring {

/// Its end removes the file, unless another one has the name by then: that is the socket of a gate started since.
class SocketFile {
 public:
  /// `address`: of a Unix socket that is bound.
  explicit SocketFile(const ListenAddress& address);
  ~SocketFile();
  SocketFile(SocketFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_), made_at_(other.made_at_) {}
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  SocketFile& operator=(SocketFile&&) = delete;

 private:
  bool is_named() const;

  std::string path_;  // empty: nothing to remove
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::pair<std::int64_t, std::int64_t> made_at_;  // seconds, nanoseconds
};

}  // namespace ringgate::ring
