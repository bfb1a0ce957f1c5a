#include "conn/input.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

namespace ringgate::conn {
namespace {

constexpr std::array armed_values{Armed::nothing, Armed::receive, Armed::once,    Armed::readable,
                                  Armed::hang_up, Armed::turn,    Armed::buffers, Armed::moment};
constexpr std::array wanted_values{Wanted::nothing, Wanted::hang_up,  Wanted::rest,   Wanted::silence,
                                   Wanted::receive, Wanted::readable, Wanted::in_turn};

Input input_of(Armed armed, Wanted wanted, bool cancelling = false) {
  Input input;
  input.armed = armed;
  input.wanted = wanted;
  input.cancelling = cancelling;
  return input;
}

TEST(Input, ArmsWhatIsWantedWhenNothingIsArmed) {
  const std::array<std::pair<Wanted, InputStep>, wanted_values.size()> table{{
      {Wanted::nothing, InputStep::none},
      {Wanted::hang_up, InputStep::wait_hang_up},
      {Wanted::rest, InputStep::receive},
      {Wanted::silence, InputStep::none},
      {Wanted::receive, InputStep::receive},
      {Wanted::readable, InputStep::wait_readable},
      {Wanted::in_turn, InputStep::wait_readable},
  }};
  for (const auto& [wanted, step] : table) EXPECT_EQ(input_of(Armed::nothing, wanted).step(), step) << static_cast<int>(wanted);
}

TEST(Input, CancelsOnlyWhatWaitsInTheKernelAndSuitsNoMore) {
  const std::set<std::pair<Armed, Wanted>> cancelled{
      {Armed::receive, Wanted::hang_up},  {Armed::receive, Wanted::silence},  {Armed::receive, Wanted::readable},
      {Armed::receive, Wanted::in_turn},  {Armed::readable, Wanted::hang_up}, {Armed::readable, Wanted::rest},
      {Armed::readable, Wanted::silence}, {Armed::hang_up, Wanted::rest},     {Armed::hang_up, Wanted::receive},
      {Armed::hang_up, Wanted::readable}, {Armed::hang_up, Wanted::in_turn},
  };
  for (const Armed armed : armed_values) {
    if (armed == Armed::nothing) continue;
    for (const Wanted wanted : wanted_values) {
      SCOPED_TRACE(std::to_string(static_cast<int>(armed)) + " armed, wanted " + std::to_string(static_cast<int>(wanted)));
      const InputStep expected = cancelled.contains({armed, wanted}) ? InputStep::cancel : InputStep::none;
      EXPECT_EQ(input_of(armed, wanted).step(), expected);
      EXPECT_EQ(input_of(armed, wanted, true).step(), InputStep::none) << "a cancel is on its way";
    }
  }
}

/// The machine with its surroundings: what is in the kernel as the kernel sees it, and what lists know.
struct World {
  Input input;
  bool terminated = false;

  auto key() const {
    return std::array<unsigned, 7>{static_cast<unsigned>(input.armed),
                                   static_cast<unsigned>(input.wanted),
                                   input.cancelling,
                                   input.peer_finished,
                                   input.bulk,
                                   input.bulkiness,
                                   terminated};
  }
};

/// Does what the transport does after every change: acts until nothing is left to do.
void settle(World& world) {
  const bool was_in_kernel = world.input.is_in_kernel();
  const InputStep step = world.input.step();
  const bool arms = step != InputStep::none && step != InputStep::cancel;
  EXPECT_FALSE(arms && was_in_kernel) << "armed twice";
  EXPECT_FALSE(step == InputStep::cancel && !was_in_kernel) << "nothing to cancel";
  world.input.took(step);
  EXPECT_EQ(world.input.step(), InputStep::none) << "one step settles it";
}

struct Happening {
  const char* name;
  bool (*possible)(const World&);
  void (*happen)(World&);
};

bool always(const World&) { return true; }
bool lives(const World& world) { return !world.terminated; }

const std::vector<Happening>& happenings() {
  static const std::vector<Happening> all{
      {"the operation ends", [](const World& w) { return w.input.is_in_kernel(); }, [](World& w) { w.input.ended(); }},
      {"the poll of a cold one completes", [](const World& w) { return w.input.armed == Armed::readable && w.input.is_cold(); },
       [](World& w) {
         w.input.ended();
         w.input.warm();
       }},
      {"the poll of a bulk one completes",
       [](const World& w) { return w.input.armed == Armed::readable && w.input.wanted == Wanted::in_turn; },
       [](World& w) {
         w.input.ended();
         w.input.armed = Armed::turn;
       }},
      {"its turn comes", [](const World& w) { return w.input.armed == Armed::turn; },
       [](World& w) {
         w.input.ended();
         if (w.input.wanted == Wanted::in_turn) w.input.armed = Armed::once;
       }},
      {"no buffers", [](const World& w) { return w.input.armed == Armed::receive && !w.input.is_paused() && !w.terminated; },
       [](World& w) { w.input.armed = Armed::buffers; }},
      {"no memory", [](const World& w) { return w.input.is_in_kernel() && !w.terminated; },
       [](World& w) {
         w.input.ended();
         w.input.armed = Armed::moment;
       }},
      {"the list is done", [](const World& w) { return w.input.armed == Armed::buffers || w.input.armed == Armed::moment; },
       [](World& w) { w.input.ended(); }},
      {"the cancel completes", [](const World& w) { return w.input.cancelling != 0; }, [](World& w) { w.input.cancel_ended(); }},
      {"a FIN is received",
       [](const World& w) { return (w.input.armed == Armed::receive || w.input.armed == Armed::once) && !w.terminated; },
       [](World& w) {
         w.input.ended();
         w.input.note_peer_finished();
       }},
      {"a FIN is seen, and the rest wanted", [](const World& w) { return w.input.armed == Armed::hang_up && !w.terminated; },
       [](World& w) {
         w.input.ended();
         w.input.note_hang_up(true);
       }},
      {"a FIN is seen, and no more", [](const World& w) { return w.input.armed == Armed::hang_up && !w.terminated; },
       [](World& w) {
         w.input.ended();
         w.input.note_hang_up(false);
       }},
      {"much is received", lives, [](World& w) { w.input.weigh(true); }},
      {"little is received", lives, [](World& w) { w.input.weigh(false); }},
      {"pause", lives,
       [](World& w) {
         w.input.warm();
         w.input.pause();
       }},
      {"resume", lives, [](World& w) { w.input.resume(); }},
      {"cool", lives, [](World& w) { (void)w.input.cool(); }},
      {"flush and close", lives,
       [](World& w) {
         w.input.warm();
         w.input.receive_to_end();
       }},
      {"terminate", always,
       [](World& w) {
         w.input.stop();
         w.terminated = true;
       }},
  };
  return all;
}

/// Every state that can be reached, by every happening that is possible there.
std::vector<World> reachable() {
  std::vector<World> worlds{World{}};
  settle(worlds.front());
  std::set<std::array<unsigned, 7>> seen{worlds.front().key()};
  for (std::size_t i = 0; i < worlds.size(); ++i) {
    for (const Happening& happening : happenings()) {
      if (!happening.possible(worlds[i])) continue;
      World next = worlds[i];
      happening.happen(next);
      SCOPED_TRACE(happening.name);
      settle(next);
      if (seen.insert(next.key()).second) worlds.push_back(next);
    }
  }
  return worlds;
}

TEST(Input, NeverArmsTwiceAndSettlesInOneStepWhateverHappens) {
  const std::vector<World> worlds = reachable();
  EXPECT_GT(worlds.size(), 150U);
  for (const World& world : worlds) {
    EXPECT_EQ(world.input.bulk != 0 && world.input.bulkiness == 0, false);
    EXPECT_FALSE(world.input.wanted == Wanted::in_turn && world.input.bulk == 0);
    if (world.terminated) {
      EXPECT_EQ(world.input.wanted, Wanted::nothing);
    }
  }
}

/// However a connection got there: once what is under way has ended, what is armed is what is wanted.
TEST(Input, ComesToWhatIsWantedFromEveryState) {
  for (World world : reachable()) {
    for (int rounds = 0; rounds < 4; ++rounds) {
      if (world.input.is_in_kernel() && (world.input.cancelling != 0 || world.input.armed == Armed::once)) {
        world.input.ended();
      } else if (world.input.armed == Armed::turn && world.input.wanted == Wanted::in_turn) {
        break;
      } else if (!world.input.is_in_kernel()) {
        world.input.ended();
      }
      settle(world);
    }
    switch (world.input.wanted) {
      case Wanted::nothing: break;
      case Wanted::silence: EXPECT_EQ(world.input.armed, Armed::nothing); break;
      case Wanted::hang_up: EXPECT_EQ(world.input.armed, Armed::hang_up); break;
      case Wanted::rest: EXPECT_EQ(world.input.armed, Armed::receive); break;
      case Wanted::receive:  // a poll leads on to a receive
        EXPECT_TRUE(world.input.armed == Armed::receive || world.input.armed == Armed::readable);
        break;
      case Wanted::readable: EXPECT_EQ(world.input.armed, Armed::readable); break;
      case Wanted::in_turn: EXPECT_TRUE(world.input.armed == Armed::readable || world.input.armed == Armed::turn); break;
    }
  }
}

/// A cancel that had no effect shows in what goes on; it is then sent again.
TEST(Input, CancelsAgainWhatALostCancelLeftArmed) {
  Input input;
  input.took(input.step());
  input.pause();
  EXPECT_EQ(input.step(), InputStep::cancel);
  input.took(InputStep::cancel);
  EXPECT_EQ(input.step(), InputStep::none);
  input.cancel_ended();
  EXPECT_EQ(input.step(), InputStep::cancel);
}

TEST(Input, KeepsABulkConnectionBulkThroughAPause) {
  Input input;
  input.took(input.step());
  input.weigh(true);
  EXPECT_FALSE(input.bulk);
  input.weigh(true);
  EXPECT_EQ(input.wanted, Wanted::in_turn);
  input.pause();
  input.resume();
  EXPECT_EQ(input.wanted, Wanted::in_turn);
  for (unsigned i = 0; i < Input::bulkiness_max; ++i) input.weigh(false);
  EXPECT_EQ(input.wanted, Wanted::receive);
}

}  // namespace
}  // namespace ringgate::conn
