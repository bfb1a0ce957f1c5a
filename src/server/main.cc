// The binary: settings, start, signals, exit code. The gate itself is Server.
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>
#include <vector>

#include "base/log.h"
#include "ring/ring.h"
#include "ringgate/server.h"
#include "server/command_line.h"
#include "server/preflight.h"

namespace {

using ringgate::ExitCode;
using ringgate::Server;

int refuse(const ringgate::StartError& error) {
  std::fprintf(stderr, "%s\n", ringgate::to_line(error).c_str());
  return static_cast<int>(error.exit_code);
}

/// Blocks the signals that end the gate or reload it, before any other thread starts: this thread waits for them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

/// Ends the process whatever its threads do.
[[noreturn]] void exit_at_once(ExitCode code) {
  std::fflush(stderr);
  ringgate::log::stop();
  std::_Exit(static_cast<int>(code));
}

/// The first signal drains. A second one ends the process at once, and so does a shard that is stuck when the drain's time is
/// over.
void serve_until_signalled(Server& server, const sigset_t& signals) {
  using namespace std::chrono_literals;
  constexpr auto pause = 10ms;
  // A shard ends with a turn, which a busy machine may delay. Patience is counted in pauses, not in time: while the process is
  // stopped, time passes and shards cannot end.
  constexpr int late_pauses_max = 50;
  int signal_number = 0;
  while (sigwait(&signals, &signal_number) == 0 && signal_number == SIGHUP) (void)server.reload();  // it logs what it did
  const auto deadline = server.drain(signal_number == SIGINT ? Server::Grace::skipped : Server::Grace::respected);
  const timespec at_once{};
  for (int late_pauses = 0;;) {
    const auto now = std::chrono::steady_clock::now();
    const Server::Waited waited = server.wait(now + pause);
    if (waited.has_ended) return;
    if (const int second = sigtimedwait(&signals, nullptr, &at_once); second > 0 && second != SIGHUP) {
      ringgate::log::warning("stopping at once");
      exit_at_once(ExitCode::success);
    }
    if (waited.running.empty()) continue;  // webhooks are sent what is queued, for webhook.flush at most
    if (now < deadline || ++late_pauses < late_pauses_max) continue;
    for (const std::uint32_t shard : waited.running)
      ringgate::log::error("shard is stuck, stopping without it", {{"shard", shard}});
    exit_at_once(ExitCode::fault);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const sigset_t signals = block_signals();
  const auto environment = ringgate::server::process_environment();
  const std::span<const char* const> arguments(argv, static_cast<std::size_t>(argc));
  auto loaded = ringgate::server::run_command_line(arguments, environment, ringgate::ring::probe, {std::cout, std::cerr});
  if (!loaded) return static_cast<int>(loaded.error());

  const bool direct = loaded->config.ring.direct_descriptors == ringgate::FeatureUse::automatic;
  const auto fit = ringgate::server::preflight(*loaded, direct);
  if (!fit) return refuse(fit.error());

  auto server = Server::create(loaded->config);
  if (!server) return refuse(server.error());
  (*server)->reload_from([&]() -> std::expected<ringgate::Config, ringgate::StartError> {
    auto again = ringgate::server::read_settings_again(arguments, environment);
    if (!again) return std::unexpected(std::move(again.error()));
    // Numbers that were lowered to what the machine can hold are lowered again, so that they do not count as changed.
    if (const auto fits = ringgate::server::preflight(*again, direct); !fits) return std::unexpected(fits.error());
    return std::move(again->config);
  });
  if (const auto started = (*server)->start(); !started) return refuse(started.error());
  if (fit->warning) ringgate::log::warning(*fit->warning);  // after the start: a refused start prints one line only
  serve_until_signalled(**server, signals);
  server->reset();
  return static_cast<int>(ExitCode::success);
}
