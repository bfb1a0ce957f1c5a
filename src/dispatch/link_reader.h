// Asks the kernel about the links of this shard's devices, some each turn, so that no device waits for it. It finds no devices.
//
// Owned by the push service; owner shard. While nobody asks it does nothing. Invariants: a job's `on_each` is called once for each of
// its devices, and then its `on_done`, never within `read`; at most limits::link_readings_per_turn questions are with the kernel.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/counters.h"
#include "conn/transport.h"
#include "device/reference.h"
#include "ringgate/link_quality.h"

namespace ringgate::dispatch {

class LinkReader {
 public:
  using OnEach = std::move_only_function<void(device::ConnectionRef, const LinkReading&)>;
  using OnDone = std::move_only_function<void()>;

  enum class Haste : std::uint8_t {
    question,  // before all surveys; LinkStatus::busy while limits::link_questions_max wait
    survey,    // one after the other
  };

  LinkReader(conn::Transport& transport, ShardCounters& counters) : transport_(transport), counters_(counters) {}
  LinkReader(const LinkReader&) = delete;
  LinkReader& operator=(const LinkReader&) = delete;

  /// Reads the links of `devices`, at least one (asserted). Connections that are not open any more have ended.
  void read(std::vector<device::ConnectionRef> devices, Haste haste, OnEach on_each, OnDone on_done);

  /// Tells what is known and asks what is due. True if work is left that no completion announces.
  bool continue_reading() { return has_work() && continue_some(); }

  /// Answers all that is open with LinkStatus::busy, once no shard runs any more; returns how many devices that were.
  std::size_t close_down();

 private:
  struct Job {
    std::vector<device::ConnectionRef> devices;
    std::size_t asked_count = 0;
    std::size_t told_count = 0;
    OnEach on_each;
    OnDone on_done;
  };
  struct Question {
    std::shared_ptr<Job> job;
    device::ConnectionRef device;
    LinkReading reading = {};
  };
  using Jobs = std::deque<std::shared_ptr<Job>>;

  bool has_waiting() const { return !waiting_[0].empty() || !waiting_[1].empty(); }
  bool has_work() const { return !finished_.empty() || has_waiting(); }
  bool continue_some();
  bool ask_next(Jobs& jobs);
  bool ask(Question question);
  void on_read(device::ConnectionRef device, const LinkReading& reading);
  void tell_finished();

  conn::Transport& transport_;
  ShardCounters& counters_;
  std::array<Jobs, 2> waiting_;      // by haste: with devices that were not asked for yet
  std::vector<Question> under_way_;  // with the kernel
  std::vector<Question> finished_;   // to be told
};

}  // namespace ringgate::dispatch
