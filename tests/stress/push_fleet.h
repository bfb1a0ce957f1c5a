// Many devices of one loop that are pushed to, the ledger of their pushes, and the admin lines that push.
//
// A message whose first byte is a hexadecimal digit is a push and goes to the ledger; anything else goes to
// the fleet's owner. Thread: the loop's. Invariant: all pushes to one device go through one line, so their
// order is defined.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/admin_line.h"
#include "load/device_client.h"
#include "load/paced_opening.h"
#include "push_ledger.h"

namespace ringgate::stress {

class PushFleet;

class PushDevice final : public load::DeviceClient {
 public:
  PushDevice(PushFleet& fleet, load::Loop& loop, const load::DeviceTarget& target, std::uint32_t number)
      : DeviceClient(loop, target), fleet_(fleet), number_(number) {}

  std::uint32_t number() const { return number_; }

 private:
  void on_open() override;
  void on_message(const MessageView& message) override;
  void on_close(const load::Ending& ending) override;
  void on_failed(const load::OpeningFailure& failure) override;

  PushFleet& fleet_;
  std::uint32_t number_;
};

struct FleetOptions {
  std::string id_prefix = "push";
  std::uint32_t device_first = 0;
  std::size_t devices_count = 0;
  std::size_t opening_at_once = 256;
};

class PushFleet {
 public:
  PushFleet(load::Loop& loop, const load::DeviceTarget& target, const FleetOptions& options);

  std::function<void(PushDevice&, const MessageView&)> on_other_message;
  std::function<void(PushDevice&, const load::Ending&)> on_device_closed;

  /// Opens all devices; true when every one was opened within `limit`.
  bool open_all(DurationNs limit);
  /// Ends all connections that are left, with closing handshakes where possible.
  void close_all(DurationNs limit);

  std::string id_of(std::uint32_t device) const { return options_.id_prefix + "-" + std::to_string(device); }
  PushDevice& device(std::size_t index) { return *devices_[index]; }
  std::size_t size() const { return devices_.size(); }
  std::size_t open_count() const { return open_; }
  const std::string& first_failure() const { return first_failure_; }

  load::Loop& loop() const { return loop_; }
  PushLedger& ledger() { return ledger_; }
  const PushLedger& ledger() const { return ledger_; }

 private:
  friend class PushDevice;

  load::Loop& loop_;
  FleetOptions options_;
  PushLedger ledger_;
  std::vector<std::unique_ptr<PushDevice>> devices_;
  load::PacedOpening opening_;
  std::size_t open_ = 0;
  std::string first_failure_;
};

/// What push_embedder.cc answers to a request for pushes: the first push and a letter for each. No letters: unreadable.
struct EmbedderResult {
  std::uint32_t target = 0;
  std::uint64_t first = 0;
  std::string_view letters;  // borrowed from the text
};
EmbedderResult read_embedder_result(std::string_view text);

/// A payload for push `number` to `device`: mostly small, sometimes some kilobytes.
std::string make_push_payload(std::uint32_t device, std::uint64_t number, load::Random& random);

struct HttpPushOptions {
  unsigned lines = 8;
  std::size_t window = 16;        // pushes without an answer per line
  std::uint64_t pushes = 0;       // in all; 0: until `stop`
  DurationNs pause = 0;           // between an answer and the next push in its place
  std::size_t payload_bytes = 0;  // 0: mixed sizes
};

/// Pushes to a fleet's devices in turn, over several pipelined admin connections.
class HttpPusher {
 public:
  HttpPusher(PushFleet& fleet, const load::Endpoint& admin, const HttpPushOptions& options);
  ~HttpPusher();

  void start();
  void stop() { is_stopped_ = true; }
  bool has_answers() const;  // nothing is on its way
  /// Admin connections may end from now on, with pushes unanswered: the gate is going.
  void expect_the_end() { is_end_expected_ = true; }
  void close(DurationNs limit);

  const std::map<int, std::uint64_t>& statuses() const { return statuses_; }
  const std::string& fault() const { return fault_; }
  std::uint64_t asked() const { return asked_; }

 private:
  class Line;
  PushFleet& fleet_;
  HttpPushOptions options_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::uint64_t asked_ = 0;
  bool is_stopped_ = false;
  bool is_end_expected_ = false;
  std::map<int, std::uint64_t> statuses_;
  std::string fault_;
};

}  // namespace ringgate::stress
