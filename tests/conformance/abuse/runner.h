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

/// What the two programs have of their own: to do once the list is read, and to say when all was played.
struct Program {
  std::string name;
  std::function<void()> begin;
  std::function<Counts()> counts;
};

/// Reads the list into `plan` (from --rows=FOLDER, else where it stands), registers a test for each row that has something to do
/// here, runs them, and prints what stands elsewhere, waits or is left out with its reason, and the closing line. Returns the exit
/// code: 2, with a line that says why, for a list that cannot be played.
int play_list(int argc, char** argv, RunPlan& plan, const Program& program);

/// "FILE:LINE ROW [CASE], delivered DELIVERY".
std::string describe(const Case& one, const std::string& delivery);

/// `name` from "--name=VALUE" among the arguments, else `otherwise`.
std::string option(int argc, char** argv, const std::string& name, const std::string& otherwise);
/// The seed that was asked for, or one from the clock; printed.
std::uint64_t choose_seed(int argc, char** argv);

}  // namespace ringgate::abuse
