// Names one request of the admin port.
#pragma once

#include <compare>
#include <cstdint>

namespace ringgate::admin {

/// Generation and sequence make sure that a stale name matches no request.
struct AnswerTicket {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint32_t sequence = 0;

  friend auto operator<=>(const AnswerTicket&, const AnswerTicket&) = default;
};

}  // namespace ringgate::admin
