// The gate as a library: configure it, mount handlers, start it, push.
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
#include "ringgate/device_filter.h"
#include "ringgate/error.h"
#include "ringgate/handler.h"
#include "ringgate/prepared_message.h"
#include "ringgate/presence.h"
#include "ringgate/push.h"
#include "ringgate/reload.h"

namespace ringgate {

class Server {
 public:
  /// Checks the configuration by the rules of the file loader, probes io_uring, and checks what this machine can hold. Opens no
  /// port. If the machine cannot hold `limits.connections_max`, the default is lowered; any other number is an error.
  /// `Config::log` applies from here until the server is destroyed. The process has one log: of two servers the first decides.
  static std::expected<std::unique_ptr<Server>, StartError> create(Config config);
  ~Server();  // as `stop_now`
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves `path` with `handler`, which must outlive the server. Replaces the handler of a route with that path, or adds a route
  /// with default settings. Call it before `start` (asserted), which returns an error for an invalid path or more than 256
  /// routes.
  void mount(std::string_view path, Handler& handler);

  /// The same on `route.path`, with these settings in place of those that a route with that path had. `route.handler` is not looked
  /// at.
  void mount(const RouteConfig& route, Handler& handler);

  /// Opens the listeners and starts the shards. A second call is an error that changes nothing. After any other error no shard
  /// runs, and the server cannot be used. Before `start` and after such an error, pushes and broadcasts find no device, and
  /// `drain`, `wait` and `stop` return at once.
  std::expected<void, StartError> start();

  /// Where `reload` finds the settings. The first settings that `source` gives are compared with those of `create`. Before `start`.
  void reload_from(ConfigSource source);

  /// Reads the settings again, from `reload_from`'s source or as they were given, and the files that they name: certificates, keys,
  /// secrets, tokens. If all of it is good, it is in force from each shard's next turn on; open connections are not touched.
  /// Settings that need a restart are reported and stay as they were. After an error everything of before is in force. Reads files,
  /// so call it from a thread that is no shard, after a successful `start`; of two threads that call, one waits for the other.
  std::expected<ReloadReport, StartError> reload();
  /// The same with `fresh` settings, which are compared with those given before; routes that were mounted are not among them.
  std::expected<ReloadReport, StartError> reload(const Config& fresh);

  /// "HOST:PORT" as bound by a successful `start`, empty before it; `admin_address` is also empty without an admin listener.
  std::vector<std::string> device_addresses() const;
  std::string admin_address() const;

  /// Sends a message to the device with this id. Any thread; never blocks; copies the id and the payload. A text must be UTF-8,
  /// otherwise the outcome is invalid_utf8. `on_result` may be null; it runs exactly once:
  ///   - before `push` returns, if the result is known at once;
  ///   - else, if a shard of this server called, on that shard, within 5 seconds: unknown_outcome if the owner shard is stuck;
  ///   - else on the owner shard, as soon as that shard takes a turn;
  ///   - or, if the server ends first, on the thread that waits for the end.
  void push(std::string_view device_id, MessageView message, PushCallback on_result);

  /// As `push`, but waits for the result for 5 seconds at most; then it is unknown_outcome. Any thread but the shards of any
  /// server (asserted).
  PushResult push_and_wait(std::string_view device_id, MessageView message);

  /// The same with a message that is encoded already. Of a message to one device the compressed form is shared with others.
  void push(std::string_view device_id, const PreparedMessage& message, PushCallback on_result);

  /// The same with options. With PushOptions::wait above `queued`, the result comes once the message has come so far, at most
  /// `timeout_ns` (300 seconds) and 5 seconds later; of each shard's pushes to other shards at most 1024 wait so, and one more is refused
  /// with backpressure. `push_and_wait` waits as long.
  void push(std::string_view device_id, MessageView message, const PushOptions& options, PushCallback on_result);
  void push(std::string_view device_id, const PreparedMessage& message, const PushOptions& options, PushCallback on_result);
  PushResult push_and_wait(std::string_view device_id, MessageView message, const PushOptions& options);

  /// Sends a message to every device online; encodes it once. Any thread; never blocks; copies the payload. Each device gets the
  /// broadcasts of one thread in the order of the calls. `on_result` may be null; it runs exactly once: before `broadcast`
  /// returns if the result is known at once, else on the calling shard, or on a shard of this server if another thread called. If
  /// the server ends first, `on_result` runs on the thread that waits for the end. If a shard does not report within 30 seconds,
  /// the outcome is unknown_outcome. At most 64 broadcasts of a shard are under way, and at most 64 of other threads wait for a
  /// shard; one more is refused with backpressure.
  void broadcast(MessageView message, BroadcastCallback on_result);
  void broadcast(const PreparedMessage& message, BroadcastCallback on_result);

  /// The same to the devices that meet `filter`, in one order with all broadcasts. A filter whose members name what there is not reaches
  /// nobody, and is no error. Copies the filter.
  void broadcast(const DeviceFilter& filter, MessageView message, BroadcastCallback on_result);
  void broadcast(const DeviceFilter& filter, const PreparedMessage& message, BroadcastCallback on_result);

  /// Starts the closing handshake of the device with this id, on all its connections if it has several. `reason` is UTF-8 and is cut to 123 bytes; the gate sends 1011
  /// instead of a code that a Close frame may not carry. Any thread; never blocks; copies its texts. `on_result` may be null; it
  /// runs exactly once, on the threads that `push` names.
  void close(std::string_view device_id, CloseCode code, std::string_view reason, CloseCallback on_result);

  /// Describes the device with this id. Any thread; never blocks. `on_result`: as of `close`.
  void find(std::string_view device_id, DescribeCallback on_result);

  /// Describes a page of at most `limit` (1 to 1000) devices of all shards. The first page begins at {}, each other one at
  /// ListResult::next of the page before. A device that is online throughout all pages appears at least once. Any thread; never
  /// blocks. `on_result`: as of `close`. At most 64 pages wait at one shard; one more is unavailable.
  void list(DeviceCursor cursor, std::size_t limit, ListCallback on_result);

  /// The same, but they wait for the result, for 5 seconds at most; then it is unknown_outcome or unavailable. Any thread but the
  /// shards of any server (asserted).
  CloseOutcome close_and_wait(std::string_view device_id, CloseCode code, std::string_view reason);
  DescribeResult find_and_wait(std::string_view device_id);
  ListResult list_and_wait(DeviceCursor cursor, std::size_t limit);

  /// Runs `task` on the owner shard of `connection`, if the connection still exists then. Any thread; never blocks. False, and
  /// `task` never runs, if `task` is null, `connection` names nobody, the server does not run, or a queue is full.
  bool with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task);

  /// Brings the verdict that `Handler::on_upgrade` put off for the connection UpgradeRequest::ref. Any thread; never blocks.
  /// `on_result` runs exactly once: before `decide` returns if the decision cannot be passed on, else on the shard of the
  /// connection, or, if the server ends first, on the thread that waits for the end. The first decision counts.
  void decide(ConnectionRef connection, UpgradeDecision decision, DecideCallback on_result);

  /// Ends gracefully: readiness goes off; for `drain.grace` (unless `skipped`) the gate still accepts; then it closes all devices
  /// with 1001, at a pace, and flushes their output. Returns at once, with the moment by which every shard that is not stuck has
  /// ended: `drain.duration` and `limits.close_timeout` after the grace. Connections that are open shortly before that moment are
  /// reset. A later call can only hasten the end.
  using Time = std::chrono::steady_clock::time_point;
  enum class Grace : std::uint8_t { respected, skipped };
  Time drain(Grace grace = Grace::respected);

  /// Returns when every shard has ended, after a `drain` or `stop_now` called earlier or by another thread, and webhooks were sent
  /// what was queued (`webhook.flush`). By then every push has its result. One thread at a time.
  void wait();
  struct Waited {
    bool has_ended = false;
    std::vector<std::uint32_t>
        running{};  // shards, such as one whose handler does not return; none if only webhooks are waited for
  };
  /// As `wait`, but gives up at `deadline`. May be called again, and must be until the server has ended: webhooks are sent what is
  /// queued only between a call that found no running shard and `stop_now`.
  [[nodiscard]] Waited wait(Time deadline);

  void stop();      // drains without grace, and waits
  void stop_now();  // ends shards and connections at once, and waits

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace ringgate
