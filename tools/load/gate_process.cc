#include "load/gate_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace ringgate::load {
namespace {

constexpr std::size_t tail_lines = 20;
constexpr auto start_limit = std::chrono::seconds(15);

std::vector<std::string> arguments_of(const GateOptions& options) {
  if (!options.command.empty()) return options.command;
  std::vector<std::string> arguments{options.binary, "serve",       "--listen", "127.0.0.1:0",
                                     "--admin",      "127.0.0.1:0", "--shards", std::to_string(options.shards),
                                     "--log-format", "json"};
  // Loads reconnect their devices as fast as they can.
  const auto is_flap = [](const std::string& setting) { return setting.starts_with("limits.flap_connects="); };
  if (std::ranges::none_of(options.settings, is_flap)) arguments.insert(arguments.end(), {"--set", "limits.flap_connects=off"});
  for (const auto& setting : options.settings) {
    arguments.push_back("--set");
    arguments.push_back(setting);
  }
  return arguments;
}

// Runs in the child between fork and exec: makes only calls that are safe there.
[[noreturn]] void become(const std::vector<char*>& arguments, int log_descriptor) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // so that it never outlives the test
  dup2(log_descriptor, STDERR_FILENO);
  execv(arguments.front(), arguments.data());
  _exit(127);
}

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

std::expected<std::unique_ptr<GateProcess>, std::string> GateProcess::start(const GateOptions& options) {
  std::unique_ptr<GateProcess> gate(new GateProcess);
  if (auto done = gate->spawn(options); !done) return std::unexpected(done.error());
  if (auto done = gate->wait_until_listening(); !done) return std::unexpected(done.error());
  return gate;
}

std::expected<void, std::string> GateProcess::spawn(const GateOptions& options) {
  const auto arguments = arguments_of(options);
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);

  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return std::unexpected(std::string("pipe: ") + std::strerror(errno));
  pid_ = fork();
  if (pid_ == 0) become(pointers, pipe_ends[1]);
  ::close(pipe_ends[1]);
  if (pid_ < 0) {
    ::close(pipe_ends[0]);
    return std::unexpected(std::string("fork: ") + std::strerror(errno));
  }
  reader_ = std::thread([this, descriptor = pipe_ends[0], file = options.log_file] { read_log(descriptor, file); });
  return {};
}

std::expected<void, std::string> GateProcess::wait_until_listening() {
  std::unique_lock lock(mutex_);
  const auto has_both = [this] { return !devices_text_.empty() && !admin_text_.empty(); };
  changed_.wait_for(lock, start_limit, [&] { return has_both() || log_ended_; });
  if (!has_both()) {
    lock.unlock();
    return std::unexpected("the gate did not start: " + log_tail());
  }
  const auto devices = parse_endpoint(devices_text_);
  const auto admin = parse_endpoint(admin_text_);
  if (!devices || !admin) return std::unexpected("unreadable listening address: " + devices_text_ + ", " + admin_text_);
  devices_ = *devices;
  admin_ = *admin;
  return {};
}

GateProcess::~GateProcess() {
  if (pid_ > 0 && !exit_code_) {
    kill(pid_, SIGKILL);
    wait(10 * nanoseconds_per_second);
  }
  if (reader_.joinable()) reader_.join();
}

void GateProcess::signal(int number) const {
  if (pid_ > 0 && !exit_code_) kill(pid_, number);
}

std::optional<int> GateProcess::wait(DurationNs limit) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(limit);
  while (!exit_code_) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_code_ = exit_code_of(status);
    } else if (std::chrono::steady_clock::now() >= end) {
      break;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  return exit_code_;
}

int GateProcess::stop(DurationNs limit) {
  signal(SIGTERM);
  if (!wait(limit)) signal(SIGKILL);
  const int code = wait(10 * nanoseconds_per_second).value_or(-1);
  if (reader_.joinable()) reader_.join();
  return code;
}

std::uint64_t GateProcess::resident_bytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  std::uint64_t all_pages = 0;
  std::uint64_t resident_pages = 0;
  statm >> all_pages >> resident_pages;
  return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void GateProcess::read_log(int descriptor, const std::string& log_file) {
  FILE* const log = fdopen(descriptor, "r");
  std::ofstream copy;
  if (!log_file.empty()) copy.open(log_file, std::ios::app);
  char* line = nullptr;
  std::size_t capacity = 0;
  for (ssize_t size = 0; (size = getline(&line, &capacity, log)) >= 0;) {
    const std::string text(line, static_cast<std::size_t>(size));
    if (copy.is_open()) copy << text << std::flush;
    take_line(text);
  }
  std::free(line);
  std::fclose(log);
  const std::lock_guard lock(mutex_);
  log_ended_ = true;
  changed_.notify_all();
}

void GateProcess::take_line(const std::string& line) {
  const auto fields = nlohmann::json::parse(line, nullptr, false);
  const std::lock_guard lock(mutex_);
  const std::string message = fields.is_object() ? fields.value("msg", "") : "";
  if (message == "device disconnected") {
    const DisconnectLine entry{fields.value("code", 0), fields.value("reason", ""), fields.value("messages_in", std::uint64_t{0}),
                               fields.value("messages_out", std::uint64_t{0})};
    ++disconnect_counts_[std::to_string(entry.code) + " " + entry.reason];
    disconnects_[fields.value("device_id", "")] = entry;
    return;
  }
  if (message == "device connected") return;
  if (message == "listening") {
    (fields.value("listener", "") == "admin" ? admin_text_ : devices_text_) = fields.value("address", "");
    changed_.notify_all();
  }
  tail_.push_back(line);
  if (tail_.size() > tail_lines) tail_.pop_front();
}

std::map<std::string, DisconnectLine> GateProcess::disconnects() const {
  const std::lock_guard lock(mutex_);
  return disconnects_;
}

std::map<std::string, std::uint64_t> GateProcess::disconnect_counts() const {
  const std::lock_guard lock(mutex_);
  return disconnect_counts_;
}

std::string GateProcess::log_tail() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const auto& line : tail_) all += line;
  return all;
}

}  // namespace ringgate::load
