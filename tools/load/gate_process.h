// A gate started for a test: a child process on ports that the kernel picks. It reads and keeps the gate's log.
//
// Main thread; its own thread reads the log. Invariant: the child does not outlive this object.
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
  std::vector<std::string> command;   // for embedders: the command to run instead of `serve`
  std::string log_file;               // a copy of the log; empty: none
};

/// One disconnect in the gate's log.
struct DisconnectLine {
  int code = 0;
  std::string reason;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
};

class GateProcess {
 public:
  /// Starts the gate and waits until it listens on both ports. The error is the end of its log.
  static std::expected<std::unique_ptr<GateProcess>, std::string> start(const GateOptions& options);
  ~GateProcess();
  GateProcess(const GateProcess&) = delete;
  GateProcess& operator=(const GateProcess&) = delete;

  const Endpoint& devices() const { return devices_; }
  const Endpoint& admin() const { return admin_; }
  pid_t pid() const { return pid_; }

  void signal(int number) const;

  /// Waits for the end. Returns the exit code, 128 + N for signal N, or nothing if `limit` passes first.
  std::optional<int> wait(DurationNs limit);

  /// Sends SIGTERM, and SIGKILL if the gate does not end within `limit`. Returns the exit code as `wait`.
  int stop(DurationNs limit = 30 * nanoseconds_per_second);

  /// Resident memory in bytes; 0 if the process has ended.
  std::uint64_t resident_bytes() const;

  /// The last logged disconnect of each device id.
  std::map<std::string, DisconnectLine> disconnects() const;
  /// The number of logged disconnects by "code reason".
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
