#include "runner.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>

#include "list_reader.h"
#include "support/source_root.h"

namespace ringgate::abuse {

namespace {

std::string name_of(const Section& section) {
  std::string name = section.title;
  std::erase_if(name, [](char c) { return c == '.' || c == ',' || c == '-'; });
  std::ranges::replace(name, ' ', '_');
  return name;
}

/// The same for a row whatever other rows run.
Random random_for(const RunPlan& plan, const Row& row) {
  std::uint64_t seed = plan.seed;
  for (const char c : row.id) seed = seed * 1099511628211U + static_cast<std::uint8_t>(c);
  return Random(seed);
}

class RowTest : public ::testing::Test {
 public:
  RowTest(const RunPlan& plan, const Row& row) : plan_(plan), row_(row) {}

  void TestBody() override {
    if (row_.kind == Row::Kind::waits) GTEST_SKIP() << "waits: " << row_.note;
    if (const auto script = plan_.scripts.find(row_.id); script != plan_.scripts.end()) script->second();
    Random random = random_for(plan_, row_);
    for (const Case& one : row_.cases)
      if (one.place == Place::everywhere || one.place == plan_.place) plan_.run_case(one, random);
  }

 private:
  const RunPlan& plan_;
  const Row& row_;
};

bool has_part_here(const RunPlan& plan, const Row& row) {
  if (row.kind == Row::Kind::waits) return plan.place == Place::simulated;
  return plan.scripts.contains(row.id) || std::ranges::any_of(row.cases, [&](const Case& one) {
           return one.place == Place::everywhere || one.place == plan.place;
         });
}

/// `plan` outlives the tests. A row whose code is missing is an error, in words.
std::string register_rows(const RunPlan& plan) {
  const std::string here = plan.place == Place::simulated ? "simulated" : "real";
  for (const Section& section : plan.sections) {
    for (const Row& row : section.rows) {
      const bool has_code = row.kind == Row::Kind::code && row.note.contains(here);
      if (has_code != plan.scripts.contains(row.id)) return row.id + ": the list and the program disagree about its code";
      if (!has_part_here(plan, row)) continue;
      ::testing::RegisterTest(name_of(section).c_str(), row.id.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                              [&plan, &row]() -> RowTest* { return new RowTest(plan, row); });
    }
  }
  return "";
}

void print_summary(const RunPlan& plan, const Counts& counts, int failures_count) {
  int in_scope = 0;
  int implemented = 0;
  for (const Section& section : plan.sections) {
    for (const Row& row : section.rows) {
      if (row.kind != Row::Kind::waits) ++in_scope;
      if (row.kind == Row::Kind::waits) fmt::print("{} waits: {}\n", row.id, row.note);
      else if (row.kind == Row::Kind::left_out) fmt::print("{} left out: {}\n", row.id, row.note);
      else ++implemented;
      if (row.kind == Row::Kind::elsewhere) fmt::print("{} elsewhere: {}\n", row.id, row.note);
    }
  }
  fmt::print("abuse list: {} of {} rows in scope implemented, {} variants, {} deliveries, seed {}, {} failures\n", implemented,
             in_scope, counts.variants, counts.deliveries, plan.seed, failures_count);
}

}  // namespace

int play_list(int argc, char** argv, RunPlan& plan, const Program& program) {
  std::string fault;
  try {
    plan.sections = read_list(option(argc, argv, "rows", source_file("tests/conformance/abuse/rows")));
    fault = register_rows(plan);
  } catch (const std::exception& unreadable) {
    fault = unreadable.what();
  }
  if (!fault.empty()) {
    fmt::print(stderr, "{}: {}\n", program.name, fault);
    return 2;
  }
  program.begin();
  const int code = RUN_ALL_TESTS();
  print_summary(plan, program.counts(), ::testing::UnitTest::GetInstance()->failed_test_count());
  return code;
}

std::string describe(const Case& one, const std::string& delivery) {
  return fmt::format("line {}: {}\n  delivered {}", one.line, one.text.substr(0, 300), delivery);
}

std::string option(int argc, char** argv, const std::string& name, const std::string& otherwise) {
  const std::string prefix = "--" + name + "=";
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]).starts_with(prefix)) return argv[i] + prefix.size();
  return otherwise;
}

std::uint64_t choose_seed(int argc, char** argv) {
  const std::string text = option(argc, argv, "seed", "");
  const std::uint64_t seed =
      text.empty() ? static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) % 1'000'000'000
                   : std::stoull(text);
  fmt::print("seed {} (repeat with --seed={})\n", seed, seed);
  return seed;
}

}  // namespace ringgate::abuse
