// Compiled once for all tests of a library. Only what no change of ours touches: the standard library and GoogleTest.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>
