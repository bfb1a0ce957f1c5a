#include <algorithm>

#include "load/measure/run_result.h"

namespace ringgate::measure {
namespace {

template <typename Value>
std::optional<Value> difference(const std::optional<Value>& later, const std::optional<Value>& earlier) {
  if (!later || !earlier) return std::nullopt;
  return *later - *earlier;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : std::min(1.0, static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

CpuWindow::Reading CpuWindow::read() const {
  Reading reading;
  if (cpu_ >= 0) reading.own = read_processor(cpu_);
  if (server_cpu_ >= 0) reading.server = read_processor(server_cpu_);
  if (server_pid_ >= 0) reading.process_ns = read_process_ns(server_pid_);
  reading.thread_ns = read_thread_ns();
  return reading;
}

void CpuWindow::start(TimeNs now) {
  started_ = now;
  first_ = read();
}

void CpuWindow::end(TimeNs now) {
  ended_ = now;
  last_ = read();
  if (server_pid_ >= 0) resident_bytes_ = read_resident_bytes(server_pid_);
}

// Idle time is that of the pinned processor or, without one, the time that this thread did not use.
ClientFigures CpuWindow::client() const {
  ClientFigures figures;
  figures.cpu_ns = last_.thread_ns - first_.thread_ns;
  figures.busy_share = share(figures.cpu_ns, length());
  const auto own = difference(last_.own, first_.own);
  figures.idle_share = own ? share(own->idle_ns, own->total_ns()) : 1 - figures.busy_share;
  if (own) figures.others_share = std::max(0.0, 1 - figures.idle_share - figures.busy_share);
  return figures;
}

ServerFigures CpuWindow::server() const {
  return {difference(last_.server, first_.server), difference(last_.process_ns, first_.process_ns), resident_bytes_};
}

double CpuWindow::server_busy_share() const {
  const auto server = difference(last_.server, first_.server);
  return server ? share(server->busy_ns(), server->total_ns()) : 0;
}

}  // namespace ringgate::measure
