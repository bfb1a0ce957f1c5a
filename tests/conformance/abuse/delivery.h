// How the bytes of a case are cut into segments. All cuts of one case must lead to one outcome.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "list.h"

namespace ringgate::abuse {

using Random = std::mt19937_64;

/// A number in [0, bound); the bias does not matter here.
inline std::size_t below(Random& random, std::size_t bound) { return random() % bound; }

struct Delivery {
  std::string name;               // "whole", "byte by byte", "cut at 17"
  std::vector<std::size_t> cuts;  // ascending offsets into the case's bytes, counted over all its steps
  bool opening_in_front = false;  // the handshake in one segment with what follows it, without waiting for the 101
  std::string tail;               // behind everything else, and never to be interpreted
};

/// Whole, byte by byte, and cut at every offset; above 2 KiB at each field boundary +-1 and at 64 offsets from `random`.
/// Then, where it makes sense: with the handshake in the same segment; with a good handshake behind what is refused.
std::vector<Delivery> all_deliveries(const Case& one, Random& random);

/// Whole, byte by byte, and cut at up to `count` offsets from `random`.
std::vector<Delivery> some_deliveries(const Case& one, std::size_t count, Random& random);

}  // namespace ringgate::abuse
