// One gate of a cluster: answers what other gates ask of its devices, claims ids for them, and asks others for what is not here.
//
// Each online device is a subject that its gate listens on. A gate that gets a device listens first and then says "take" to whoever
// else listens: of two claims the higher rank wins, and the gate of the lower one closes its connection with 4409. The engine brings no
// gate its own letters back, so "nobody listens" means that nobody else has the id.
//
// Owned by the bridge, on its thread alone; also by simulations. Time comes with each call. Invariant: a subject is listened to exactly
// while the device has a connection here that has not yielded.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "cluster/engine.h"
#include "cluster/local_gate.h"
#include "cluster/names.h"
#include "cluster/questions.h"
#include "cluster/wire.h"

namespace ringgate::cluster {

struct NodeCounters {
  std::uint64_t pushes_sent = 0;      // to other gates
  std::uint64_t pushes_served = 0;    // of other gates
  std::uint64_t yielded = 0;          // connections that another gate's claim ended
  std::uint64_t letters_refused = 0;  // malformed, or of no device here
  std::uint64_t clocks_refused = 0;   // too far ahead to be followed
};

class Node {
 public:
  static constexpr DurationNs hello_interval = 5 * nanoseconds_per_second;
  static constexpr DurationNs peer_silence_max = 3 * hello_interval;  // then a gate is taken as gone
  static constexpr std::size_t peers_max = 4096;
  static constexpr DurationNs namesake_pause = 60 * nanoseconds_per_second;  // between its log lines
  static constexpr DurationNs yield_pause = 10 * nanoseconds_per_millisecond;

  /// Brings work to this object's thread, from any other: the callbacks of LocalGate need it.
  using Post = std::function<void(std::move_only_function<void(TimeNs now)>)>;

  Node(Names names, DurationNs patience, Engine& engine, LocalGate& local, Post post);

  // -- From this gate
  void claimed(const std::string& device_id, ConnectionRef connection, std::uint64_t epoch, bool shares, TimeNs now);
  void released(const std::string& device_id, ConnectionRef connection);
  void push(const std::string& device_id, MessageView message, const PushOptions& options, const dispatch::Selection* reach,
            TimeNs now, PushCallback on_result);
  void close(const std::string& device_id, const CloseTerms& terms, TimeNs now, CloseCallback on_result);
  void describe(const std::string& device_id, TimeNs now, DescribeCallback on_result);

  // -- From the engine
  void on_letter(const Letter& letter, TimeNs now);
  void on_state(bool is_up, TimeNs now);

  void run(TimeNs now);
  /// Answers all that is open: what becomes of it is not known, or it was not asked.
  void give_up_all() { questions_.give_up_all(); }
  /// When `run` has something to do.
  TimeNs due_at() const;

  bool is_up() const { return is_up_; }
  std::size_t devices() const { return claims_.size(); }
  const NodeCounters& counters() const { return counters_; }
  const Questions& questions() const { return questions_; }
  struct Peer {
    std::string boot;
    TimeNs heard_at = 0;
    std::uint64_t connections = 0;
  };
  /// Other gates that were heard of lately.
  std::size_t peers_count() const { return peers_.size(); }

 private:
  struct Holder {
    ConnectionRef connection;
    std::uint64_t epoch = 0;
  };
  // Of one device.
  struct Claim {
    std::vector<Holder> holders;  // more than one while a connection replaces another, or if they share the id
    bool shares = false;
    unsigned takes = 0;  // in a row that did not end it
    std::uint64_t epoch() const { return holders.back().epoch; }
  };

  /// Nobody else listens, but the device has moved here meanwhile: it is not offline.
  bool has_come_here(const std::string& device_id) const { return claims_.contains(device_id); }
  void take(const std::string& device_id, TimeNs now);
  bool yield(const std::string& device_id, std::uint64_t upto);
  void take_again(TimeNs now);
  void serve(const std::string& device_id, const Letter& letter);
  void serve_take(const std::string& device_id, const Letter& letter);
  void answer(const Letter& letter, std::string body);
  void on_hello(const Letter& letter, TimeNs now);
  void note_namesake(TimeNs now);
  void say_hello(TimeNs now, bool wants_answer);
  bool follow(std::uint64_t clock);

  const Names names_;
  const DurationNs patience_;
  Engine& engine_;
  LocalGate& local_;
  Post post_;
  Questions questions_;
  std::unordered_map<std::string, Claim> claims_;
  std::unordered_map<std::string, Peer> peers_;
  std::set<std::pair<TimeNs, std::string>> untold_;             // devices whose claim is to be said again, by when
  std::deque<std::pair<std::string, ConnectionRef>> to_yield_;  // that found no room at their shard
  TimeNs hello_at_ = 0;
  TimeNs namesake_at_ = 0;
  TimeNs yield_at_ = 0;
  std::uint64_t started_ = 0;
  bool is_up_ = false;
  NodeCounters counters_;
};

}  // namespace ringgate::cluster
