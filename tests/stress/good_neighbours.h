// The devices of the limits run that do nothing wrong: they echo at a steady rate, and the latency of every
// echo is measured from the moment its message was due (open loop), so a stall of the gate shows in every
// message it delayed.
//
// Thread: the loop's. Invariant: echoes come in order, so the oldest due time belongs to the next echo.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "load/device_client.h"
#include "load/histogram.h"
#include "load/paced_opening.h"

namespace ringgate::stress {

class GoodNeighbours {
 public:
  GoodNeighbours(load::Loop& loop, const load::DeviceTarget& target, std::size_t count, DurationNs interval);
  ~GoodNeighbours();

  bool open_all(DurationNs limit);
  void start();  // sends from now on
  void stop() { is_stopped_ = true; }
  void close_all(DurationNs limit);

  /// Latencies go here from now on; the histogram outlives the measuring.
  void measure_into(load::Histogram& latencies) { latencies_ = &latencies; }

  std::uint64_t echoed() const { return echoed_; }
  const std::string& fault() const { return fault_; }  // a lost, wrong or ended one; empty when all are well

 private:
  class Device;
  void tick();

  load::Loop& loop_;
  std::vector<std::unique_ptr<Device>> devices_;
  load::PacedOpening opening_;
  DurationNs interval_;
  TimeNs next_due_ = 0;
  std::size_t next_ = 0;
  bool is_stopped_ = false;
  load::Histogram* latencies_ = nullptr;
  std::uint64_t echoed_ = 0;
  std::string fault_;
};

}  // namespace ringgate::stress
