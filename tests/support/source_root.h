#pragma once
// Where the sources lie, for tests that read a file of the repository. One object knows the path, so that all other objects are the
// same in every checkout and a compiler cache serves them all.
#include <string>
#include <string_view>

namespace ringgate {

/// @param path of a file from the repository's root. @return its absolute path.
std::string source_file(std::string_view path);

}  // namespace ringgate
