// Pushes by a handler of a whole gate on the kernel's ring: the cost of a turn with one or many pushes to a device on the same
// shard or on another one.
//
// In a round a trigger device sends one small message, and the handler answers it with pushes of 20 bytes to one other device.
// The round ends when the last push has arrived and the last result is reported. The time is the CPU time of the gate's shards
// per round, the kernel's work for them included. Rounds wait for each other, so a shard that gets a push from another shard was
// asleep: its waking counts here, but not in the mailbox benchmarks, where both shards are busy.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ringgate/server.h"

namespace ringgate {
namespace {

constexpr std::string_view payload = "twenty bytes pushed";
constexpr std::size_t frame_bytes = 2 + payload.size();

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// A device that polls until bytes arrive: if it slept, the shard would pay for waking it.
class Device {
 public:
  Device(const std::string& address, const std::string& id) {
    const std::size_t colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) give_up("connect");
    send("GET /ws?deviceId=" + id + " HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    std::string head;
    while (!head.ends_with("\r\n\r\n")) head += receive(1);
    if (!head.starts_with("HTTP/1.1 101 ")) give_up("upgrade");
  }
  ~Device() { ::close(socket_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void send(std::string_view bytes) {
    if (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) give_up("send");
  }
  std::string receive(std::size_t bytes) {
    std::string bytes(bytes, '\0');
    for (std::size_t got = 0; got < bytes;) {
      const ssize_t more = ::recv(socket_, bytes.data() + got, bytes - got, MSG_DONTWAIT);
      if (more == 0 || (more < 0 && errno != EAGAIN && errno != EINTR)) give_up("recv");
      if (more > 0) got += static_cast<std::size_t>(more);
    }
    return bytes;
  }

 private:
  int socket_;
};

class Pusher final : public Handler {
 public:
  void use(Server& server) { server_ = &server; }

  void on_open(Connection& connection) override {
    const std::lock_guard lock(mutex_);
    shards_[std::string(connection.device_id())] = pthread_self();
  }
  void on_message(Connection&, MessageView message) override {
    const unsigned pushes = message.payload[0];
    for (unsigned i = 0; i < pushes; ++i)
      server_->push("target", {MessageType::binary, bytes_of(payload)}, [this](const PushResult& result) {
        if (result.outcome != PushOutcome::delivered) std::abort();
        told_.fetch_add(1, std::memory_order_release);
      });
  }

  std::uint64_t told() const { return told_.load(std::memory_order_acquire); }
  pthread_t shard_of(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return shards_.at(id);
  }

 private:
  Server* server_ = nullptr;
  std::atomic<std::uint64_t> told_{0};
  std::mutex mutex_;
  std::map<std::string, pthread_t> shards_;
};

double seconds_of(pthread_t thread) {
  clockid_t clock{};
  timespec time{};
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &time) != 0) give_up("thread clock");
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void push(benchmark::State& state, std::uint32_t shards_count, bool across) {
  Pusher handler;
  Config config;
  config.listeners[0].bind = "127.0.0.1:0";
  config.admin.bind = "off";
  config.server.shards_count = shards_count;
  config.log.level = LogLevel::error;
  auto server = Server::create(config);
  if (!server) return state.SkipWithError("no gate here");
  handler.use(**server);
  (*server)->mount("/ws", handler);
  if (!(*server)->start()) return state.SkipWithError("the gate does not start");
  const std::string address = (*server)->device_addresses().front();
  {
    Device target(address, "target");
    std::unique_ptr<Device> trigger;
    do {  // the kernel spreads connections by their ports
      trigger = std::make_unique<Device>(address, "trigger");
    } while ((handler.shard_of("trigger") != handler.shard_of("target")) != across);

    const auto pushes = static_cast<unsigned>(state.range(0));
    const std::string message{'\x82', '\x81', 0, 0, 0, 0, static_cast<char>(pushes)};
    const pthread_t from = handler.shard_of("trigger");
    const pthread_t to = handler.shard_of("target");
    const auto spent = [&] { return seconds_of(from) + (across ? seconds_of(to) : 0); };
    double before = spent();
    for (auto _ : state) {
      const std::uint64_t wanted = handler.told() + pushes;
      trigger->send(message);
      benchmark::DoNotOptimize(target.receive(pushes * frame_bytes));
      while (handler.told() != wanted) sched_yield();
      const double now = spent();
      state.SetIterationTime(now - before);  // includes the end of the previous turn, which no round waits for
      before = now;
    }
  }
  (*server)->stop_now();
}

void to_own_shard(benchmark::State& state) { push(state, 1, false); }
void to_other_shard(benchmark::State& state) { push(state, 2, true); }

BENCHMARK(to_own_shard)->Arg(1)->Arg(8)->Arg(16)->Arg(64)->UseManualTime();
BENCHMARK(to_other_shard)->Arg(1)->Arg(16)->Arg(64)->UseManualTime();

}  // namespace
}  // namespace ringgate

BENCHMARK_MAIN();
