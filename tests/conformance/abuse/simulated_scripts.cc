#include "simulated_scripts.h"

namespace ringgate::abuse {

std::map<std::string, Script, std::less<>> simulated_scripts(SimulatedWorld&, std::uint64_t) { return {}; }

}  // namespace ringgate::abuse
