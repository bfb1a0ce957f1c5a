// A gate started for a test: a child process on ports of the kernel's choice, its log read and remembered.
//
// Thread: the main one; the log is read by a thread of its own. Invariant: the child is gone when this object
// is.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "load/endpoint.h"

namespace ringgate::load {

struct GateOptions {
  std::string binary;
  unsigned shards = 1;
  std::vector<std::string> settings;  // "limits.max_message=16MiB"
  std::vector<std::string> command;   // instead of `serve` with the above: what to run, for embedders
  std::string log_file;               // a copy of the log; empty: none
};

/// One disconnect as the gate logged it.
struct DisconnectLine {
  int code = 0;
  std::string reason;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
};

class GateProcess {
 public:
  /// Starts the gate and waits until it listens on both ports; the error is what it said instead.
  static std::expected<std::unique_ptr<GateProcess>, std::string> start(const GateOptions& options);
  ~GateProcess();
  GateProcess(const GateProcess&) = delete;
  GateProcess& operator=(const GateProcess&) = delete;

  const Endpoint& devices() const { return devices_; }
  const Endpoint& admin() const { return admin_; }
  pid_t pid() const { return pid_; }

  void signal(int number) const;

  /// Waits for the end; the exit code, 128 + N for signal N, or nothing when `limit` passes.
  std::optional<int> wait(DurationNs limit);

  /// SIGTERM, then SIGKILL when that does not end it within `limit`. The exit code as above.
  int stop(DurationNs limit = 30 * nanoseconds_per_second);

  /// Resident memory in bytes; 0 when the process is gone.
  std::uint64_t resident_bytes() const;

  /// The disconnects logged so far, by device id (the last one of each).
  std::map<std::string, DisconnectLine> disconnects() const;
  /// How many disconnects were logged with each "code reason".
  std::map<std::string, std::uint64_t> disconnect_counts() const;
  /// The last lines of the log, for a report.
  std::string log_tail() const;

 private:
  GateProcess() = default;
  std::expected<void, std::string> spawn(const GateOptions& options);
  std::expected<void, std::string> wait_until_listening();
  void read_log(int descriptor, const std::string& log_file);
  void take_line(const std::string& line);

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  Endpoint devices_;
  Endpoint admin_;
  std::thread reader_;

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::string devices_text_;
  std::string admin_text_;
  bool log_ended_ = false;
  std::deque<std::string> tail_;
  std::map<std::string, DisconnectLine> disconnects_;
  std::map<std::string, std::uint64_t> disconnect_counts_;
};

}  // namespace ringgate::load
