// Reads rows/*.rows.
#pragma once

#include <string>
#include <vector>

#include "list.h"

namespace ringgate::abuse {

/// All sections in the order of their files' names. A fault throws ListFault ("FILE:LINE: what").
std::vector<Section> read_list(const std::string& directory);

}  // namespace ringgate::abuse
