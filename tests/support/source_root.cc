#include "source_root.h"

namespace ringgate {

std::string source_file(std::string_view path) { return std::string(RINGGATE_SOURCE_ROOT "/").append(path); }

}  // namespace ringgate
