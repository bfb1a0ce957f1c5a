// A reader of everything that the devices of a simulated gate say, through rings, merger and log, at a pace that the dice choose.
//
// Compares what it read with what the handler heard: with patience (route.on_overflow = "pause") both are the same; without, what is missing was
// counted as dropped, and what came is in order.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "events/event_observer.h"
#include "fake_ring/fake_random.h"
#include "simulated_gate/simulated_gate.h"

namespace ringgate::simulated {

/// What was said, in order, by connection.
using Said = std::map<std::string, std::vector<std::string>>;

class EventWatch {
 public:
  /// Listens to all shards of `gate`, which ends first.
  EventWatch(Gate& gate, ring::FakeRandom& dice, bool is_patient);

  /// The route of the devices that are listened to.
  static RouteConfig route(bool is_patient);

  /// The ends of some shards' turns, and perhaps a pass of the merger and a bite of the reader.
  void work();
  /// Until all that was offered is read.
  void catch_up();
  void check(const Said& heard) const;

 private:
  bool read_some();
  void take_line(std::string_view line);

  Gate& gate_;
  ring::FakeRandom& dice_;
  const bool is_patient_;
  events::EventHub hub_;
  std::deque<events::EventObserver> observers_;
  std::shared_ptr<events::EventReader> reader_;
  std::string text_;
  Said said_;
};

}  // namespace ringgate::simulated
