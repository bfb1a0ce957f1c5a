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
  /// Checks the configuration against this machine and probes io_uring; opens nothing yet.
  static std::expected<std::unique_ptr<Server>, StartError> create(Config config);
  ~Server();  // as `stop_now`
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves `path` with `handler`, which must outlive the server; replaces what the configuration mounts there, or adds a route
  /// with the default origin policy. Before `start`.
  void mount(std::string_view path, Handler& handler);

  /// Opens listeners and starts the shards. On error nothing runs.
  std::expected<void, StartError> start();

  /// "HOST:PORT" as bound, after `start`; admin_address is empty if there is no admin listener.
  std::vector<std::string> device_addresses() const;
  std::string admin_address() const;

  /// Sends to the device with this id. Any thread; never blocks. `on_result` runs exactly once: on the caller's shard, on the
  /// owner's if the caller is no shard, or before `push` returns if the result is known at once. Payload and id are copied.
  void push(std::string_view device_id, MessageView message, PushCallback on_result);

  /// The same, for threads that are no shard: waits for the result. Must not be called on a shard (asserted).
  PushResult push_and_wait(std::string_view device_id, MessageView message);

  /// Sends to every device online; encoded once. Any thread; never blocks; `on_result` runs exactly once, on a shard.
  void broadcast(MessageView message, BroadcastCallback on_result);

  /// Runs `task` with the connection on its owner shard, if it still exists. Any thread; never blocks. False if a queue is full:
  /// then `task` will not run.
  bool with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task);

  /// Ends gracefully: readiness off, `drain.grace` still accepting (skipped with `at_once`), then 1001 to all at a pace, outboxes
  /// flushed. Returns at once; `wait` returns when the last connection is gone or the drain's time is over.
  enum class Grace : std::uint8_t { respected, skipped };
  void drain(Grace grace = Grace::respected);
  void wait();
  void stop();      // drain without grace, and wait
  void stop_now();  // ends shards and connections at once

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace ringgate
