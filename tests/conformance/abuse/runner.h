// Every row of the list as a GoogleTest case with its id for a name ("A_Request_line.A01"), and the closing count.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "delivery.h"
#include "list.h"
#include "world.h"

namespace ringgate::abuse {

struct Counts {
  std::uint64_t deliveries = 0;
  std::uint64_t variants = 0;
};

/// A row that is code: adds its own GoogleTest failures.
using Script = std::function<void()>;

struct RunPlan {
  std::vector<Section> sections;
  Place place = Place::simulated;  // where this program plays; cases of the other place are left to the other program
  std::function<void(const Case&, Random&)> run_case;
  std::map<std::string, Script, std::less<>> scripts;  // by row id
  std::uint64_t seed = 0;
};

/// Registers a test for each row that has something to do here. `plan` outlives the tests. A row whose code is missing is an
/// error, in words.
std::string register_rows(const RunPlan& plan);

/// Prints what stands elsewhere, what waits and what is left out, each with its reason, and the closing line.
void print_summary(const RunPlan& plan, const Counts& counts, int failures_count);

/// "FILE:LINE ROW [CASE], delivered DELIVERY".
std::string describe(const Case& one, const std::string& delivery);

/// `name` from "--name=VALUE" among the arguments, else `otherwise`.
std::string option(int argc, char** argv, const std::string& name, const std::string& otherwise);
/// The seed that was asked for, or one from the clock; printed.
std::uint64_t choose_seed(int argc, char** argv);

}  // namespace ringgate::abuse
