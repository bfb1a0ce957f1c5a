// The result of a run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "load/histogram.h"
#include "load/measure/processor_time.h"
#include "load/measure/run_options.h"

namespace ringgate::measure {

struct ClientFigures {
  std::uint64_t cpu_ns = 0;  // of the thread
  double busy_share = 0;     // of the window
  double idle_share = 0;
  double others_share = 0;  // of the pinned processor, taken by other programs; 0 when not pinned
  bool is_bottleneck = false;
  std::uint64_t enters = 0;
  std::uint64_t short_sends = 0;  // sends that the kernel did not take completely, in the whole run
};

struct ServerFigures {
  std::optional<ProcessorTime> processor;
  std::optional<std::uint64_t> process_ns;
  std::optional<std::uint64_t> resident_bytes;
};

/// The CPU readings between two points in time.
class CpuWindow {
 public:
  CpuWindow(int cpu, int server_cpu, int server_pid) : cpu_(cpu), server_cpu_(server_cpu), server_pid_(server_pid) {}
  void start(TimeNs now);
  void end(TimeNs now);

  DurationNs length() const { return ended_ - started_; }
  ClientFigures client() const;
  ServerFigures server() const;
  double server_busy_share() const;  // 0 without --server-cpu

 private:
  struct Reading {
    std::uint64_t thread_ns = 0;
    std::optional<ProcessorTime> own;
    std::optional<ProcessorTime> server;
    std::optional<std::uint64_t> process_ns;
  };
  Reading read() const;

  int cpu_;
  int server_cpu_;
  int server_pid_;
  TimeNs started_ = 0;
  TimeNs ended_ = 0;
  Reading first_;
  Reading last_;
  std::optional<std::uint64_t> resident_bytes_;
};

struct RunResult {
  DurationNs window = 0;
  std::uint64_t units = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  // of echoed payload
  load::Histogram latency;
  load::Histogram lateness;  // open loop: how late this program sent
  ClientFigures client;
  ServerFigures server;
  std::uint64_t connect_failures = 0;
  std::uint64_t errors = 0;
  std::string error_text;
  bool could_run = true;

  int exit_code() const { return !could_run ? 2 : errors != 0 ? 1 : 0; }
};

}  // namespace ringgate::measure
