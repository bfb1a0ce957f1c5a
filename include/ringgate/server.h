// The gate as a library: configure, mount handlers, run, push.
//
//   ringgate::Config config;
//   auto server = ringgate::Server::create(config);
//   if (!server) return fail(server.error());
//   (*server)->mount("/ws", handler);
//   auto running = (*server)->start();
//   ...
//   (*server)->stop();
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringgate/config.h"
#include "ringgate/error.h"
#include "ringgate/handler.h"
#include "ringgate/push.h"

namespace ringgate {

class Server {
 public:
  /// Checks the configuration as the loader of files does, then against this machine, and probes io_uring; opens no port yet.
  /// A number of connections other than the default is refused if the machine cannot hold it; the default is lowered.
  /// `Config::log` holds from here until the server is destroyed. The log is the process's: of two servers the first decides.
  static std::expected<std::unique_ptr<Server>, StartError> create(Config config);
  ~Server();  // as `stop_now`
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves `path` with `handler`, which must outlive the server; replaces what the configuration mounts there, or adds a route
  /// with the default origin policy. Before `start` (asserted), which refuses a path that is none and more than 256 routes.
  void mount(std::string_view path, Handler& handler);

  /// Opens listeners and starts the shards. Once per server. On error nothing runs.
  /// Before it, and after it has failed: addresses are empty, nobody is online for pushes and broadcasts, and `drain`, `wait` and
  /// `stop` return at once.
  std::expected<void, StartError> start();

  /// "HOST:PORT" as bound, after `start`; admin_address is empty if there is no admin listener.
  std::vector<std::string> device_addresses() const;
  std::string admin_address() const;

  /// Sends to the device with this id. Any thread; never blocks. `on_result` runs exactly once: before `push` returns if the result is
  /// known at once, else on the caller's shard, or on the owner's if the caller is no shard of this server; and on the thread that
  /// waits for the server's end if that comes first. It may be null. A shard is answered after 5 seconds at the latest, with
  /// unknown_outcome if the owner's shard is stuck; a thread that is none once that shard goes on. Payload and id are copied. Text must
  /// be UTF-8 (invalid_utf8 otherwise).
  void push(std::string_view device_id, MessageView message, PushCallback on_result);

  /// The same, for threads that are no shard: waits for the result, for 5 seconds at the most, then it is unknown_outcome. Must not
  /// be called on a shard, of any server (asserted).
  PushResult push_and_wait(std::string_view device_id, MessageView message);

  /// Sends to every device online; encoded once. Any thread; never blocks. Each device gets the broadcasts of one thread in the order
  /// in which it asked for them. `on_result` runs exactly once: before `broadcast` returns if the result is known at once, else on the
  /// caller's shard, or on any of the server's if the caller is no shard of it; and on the thread that waits for the server's end if
  /// that comes first. It may be null. A shard that does not report for 30 seconds makes the outcome unknown. At most 64 are under way
  /// on a shard, and 64 of other threads wait for one: more are refused with backpressure.
  void broadcast(MessageView message, BroadcastCallback on_result);

  /// Runs `task` with the connection on its owner shard, if it still exists. Any thread; never blocks. False if a queue is full or
  /// `task` is null: then nothing will run.
  bool with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task);

  /// Ends gracefully: readiness off, `drain.grace` still accepting (or `skipped`), then 1001 to all at a pace, outboxes
  /// flushed. Returns at once, with the moment by which every shard has ended unless it is stuck: `drain.duration` and
  /// `limits.close_timeout` after the grace. What devices still hold open shortly before is reset. A later call can only hasten it.
  using Time = std::chrono::steady_clock::time_point;
  enum class Grace : std::uint8_t { respected, skipped };
  Time drain(Grace grace = Grace::respected);

  /// Returns when every shard has ended: after `drain` or `stop_now`, called before or by another thread. Pushes that still waited
  /// have their results then. One thread at a time.
  void wait();
  /// The same, but gives up at `deadline`. Returns the shards that still run, by number: a handler that does not return is what
  /// holds one. None: the server has ended. May be called again.
  [[nodiscard]] std::vector<std::uint32_t> wait(Time deadline);

  void stop();      // drain without grace, and wait
  void stop_now();  // ends shards and connections at once, and waits

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace ringgate
