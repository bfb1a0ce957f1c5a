// The binary: settings, start, signals, exit code.
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <iostream>
#include <thread>

#include "base/log.h"
#include "ring/ring.h"
#include "ringgate/server.h"
#include "server/command_line.h"
#include "server/preflight.h"

namespace {

using ringgate::ExitCode;
using ringgate::Server;

int refuse(const ringgate::StartError& error) {
  ringgate::log::stop();
  std::fprintf(stderr, "%s\n", ringgate::to_line(error).c_str());
  return static_cast<int>(error.exit_code);
}

/// The signals that end the gate are taken by this thread, synchronously: blocked before any other thread starts.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

/// The first signal drains, a second one ends at once.
void serve_until_signalled(Server& server, const sigset_t& signals) {
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  server.drain(signal_number == SIGINT ? Server::Grace::skipped : Server::Grace::respected);

  std::atomic<bool> drained{false};
  std::jthread waiter([&] {
    server.wait();
    drained.store(true);
    pthread_kill(pthread_self(), 0);
  });
  const timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
  while (!drained.load()) {
    if (sigtimedwait(&signals, nullptr, &pause) > 0) {
      ringgate::log::warning("stopping at once");
      std::fflush(stderr);
      ringgate::log::stop();
      std::_Exit(0);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const sigset_t signals = block_signals();
  const auto environment = ringgate::server::process_environment();
  auto loaded = ringgate::server::run_command_line({argv, static_cast<std::size_t>(argc)}, environment, ringgate::ring::probe,
                                                   {std::cout, std::cerr});
  if (!loaded) return static_cast<int>(loaded.error());

  const ringgate::LogConfig& log = loaded->config.log;
  ringgate::log::start(static_cast<ringgate::log::Level>(log.level), static_cast<ringgate::log::Format>(log.format));
  const bool direct = loaded->config.ring.direct_descriptors == ringgate::FeatureUse::automatic;
  const auto fit = ringgate::server::preflight(*loaded, direct);
  if (!fit) return refuse(fit.error());

  auto server = Server::create(loaded->config);
  if (!server) return refuse(server.error());
  if (const auto started = (*server)->start(); !started) return refuse(started.error());
  if (fit->warning) ringgate::log::warning(*fit->warning);  // not before: a refused start says one thing only
  serve_until_signalled(**server, signals);
  server->reset();
  ringgate::log::stop();
  return static_cast<int>(ExitCode::success);
}
