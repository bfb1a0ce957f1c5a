// Adversarial neighbours of a case: letter cases, lines doubled and swapped, bytes off by one, bits flipped.
//
// Their verdicts are not written down. What must hold: every cut of a variant leads to the same outcome; where it says so, the
// verdict is that of the case, or at least no acceptance.
#pragma once

#include <string>
#include <vector>

#include "delivery.h"
#include "list.h"

namespace ringgate::abuse {

struct Variant {
  enum class Promise : std::uint8_t {
    same_verdict,  // as the case
    refused,       // no 101, no 2xx
    consistent,    // nothing but one outcome for all cuts
  };
  std::string name;
  Promise promise = Promise::consistent;
  Case changed;
};

/// The neighbours of `one`; none if it is not plain bytes, or too large to be worth it.
std::vector<Variant> variants_of(const Case& one, Random& random);

}  // namespace ringgate::abuse
