// Is what was seen what a case wants?
#pragma once

#include <string>
#include <vector>

#include "list.h"
#include "wire_view.h"

namespace ringgate::abuse {

/// Everything one delivery led to.
struct Outcome {
  WireView view;
  bool answered_probe = false;      // the connection was alive at the end
  std::vector<std::string> pushes;  // what reached the witness
};

/// What is wrong with `outcome` by `verdict`; empty: nothing. The answer to a case's `opening` is not in it any more.
std::string mismatch(const Verdict& verdict, const Outcome& outcome);

/// The same for all verdicts of `one`: empty if any holds.
std::string mismatch(const Case& one, const Outcome& outcome);

/// True if nothing that `verdict` wants is still missing, but for a probe: whoever waits may stop.
bool is_complete(const Verdict& verdict, const WireView& view);

/// True if the verdict refuses what was sent: an HTTP error that closes, or a Close that is no answer to a Close.
bool is_refusal(const Verdict& verdict);

}  // namespace ringgate::abuse
