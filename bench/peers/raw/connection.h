// What raw_uring knows of a connection: where the bytes to be echoed lie, and what a short send left.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace peers {

/// What only a connection needs whose bytes lay in several places, or were not taken at once.
struct Overflow {
  std::vector<iovec> pieces;
  msghdr header{};
  std::string sending;  // untouched while in flight
  std::string rest;     // what came after it
};

struct Connection {
  iovec piece{};  // of this turn, or of the last one; unused if there are several
  std::unique_ptr<Overflow> overflow;
  bool dirty = false;
  bool receiving = false;
  bool blocked = false;  // an ordinary send of overflow->sending is in flight
  bool ended = false;

  bool has_pieces() const { return overflow && !overflow->pieces.empty(); }
  Overflow& need_overflow() {
    if (!overflow) overflow = std::make_unique<Overflow>();
    return *overflow;
  }

  /// Takes what was received; true: it is the first of this turn.
  bool add(iovec received) {
    if (blocked) [[unlikely]] {
      overflow->rest.append(static_cast<const char*>(received.iov_base), received.iov_len);
      return false;
    }
    if (!dirty) {
      dirty = true;
      piece = received;
      if (overflow) overflow->pieces.clear();
      return true;
    }
    iovec& last = has_pieces() ? overflow->pieces.back() : piece;
    if (static_cast<char*>(last.iov_base) + last.iov_len == received.iov_base) {
      last.iov_len += received.iov_len;
    } else {
      if (!has_pieces()) need_overflow().pieces.push_back(piece);
      overflow->pieces.push_back(received);
    }
    return false;
  }

  /// Copies the pieces of the last turn without their first `sent` bytes.
  void keep_rest(std::size_t sent) {
    std::string& sending = need_overflow().sending;
    sending.clear();
    if (!has_pieces()) overflow->pieces.push_back(piece);
    for (const iovec& each : overflow->pieces) sending.append(static_cast<const char*>(each.iov_base), each.iov_len);
    sending.erase(0, sent);
    overflow->pieces.clear();
  }
};

}  // namespace peers
