// The content of an SQE's user_data: the kind of operation, the slot and its generation.
//
//   kind 8 | slot 24 | generation 32
#pragma once

#include <cstdint>

namespace ringgate::load {

enum class OperationKind : std::uint8_t { connect, receive, send, cancel, close };

struct Operation {
  OperationKind kind = OperationKind::connect;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};

constexpr std::uint64_t pack(const Operation& operation) {
  return (static_cast<std::uint64_t>(operation.kind) << 56) | (std::uint64_t{operation.slot} << 32) | operation.generation;
}

constexpr Operation unpack(std::uint64_t word) {
  return {static_cast<OperationKind>(word >> 56), static_cast<std::uint32_t>((word >> 32) & 0xffffff),
          static_cast<std::uint32_t>(word)};
}

}  // namespace ringgate::load
