// A model of NATS for one thread: subjects, interest that spreads late, "nobody listens", letters in order for each pair of gates.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cluster/engine.h"
#include "cluster/node.h"

namespace ringgate::cluster {

class ModelBus {
 public:
  struct Client {
    std::map<std::string, TimeNs> interest;  // subject -> since when others' letters find it
    std::function<void(const Letter&)> deliver;
    bool is_up = true;
  };

  explicit ModelBus(std::uint64_t seed) : random_(seed) {}

  Client& join() { return clients_.emplace_back(); }
  TimeNs now = 1'000 * nanoseconds_per_millisecond;
  DurationNs spread_max = 0;  // interest spreads within this time
  std::size_t payload_max = 1'000'000;
  DurationNs transit_max = 0;  // a letter takes up to this long
  std::function<bool(const Letter&)> loses = [](const Letter&) { return false; };

  void listen(Client& client, const std::string& subject) { client.interest.emplace(subject, now + some(spread_max)); }

  Sent send(Client& from, const Letter& letter) {
    if (!from.is_up) return Sent::down;
    if (letter.body.size() > payload_max) return Sent::too_large;
    std::vector<Client*> hearers;
    for (Client& to : clients_)
      if (&to != &from && to.is_up && hears(to, letter.subject)) hearers.push_back(&to);
    const bool is_heard = !hearers.empty();
    // A queue group: one of those who hold a device.
    if (is_heard && letter.subject.find(".d.") != std::string::npos) hearers = {hearers[random_() % hearers.size()]};
    for (Client* const to : hearers)
      if (!loses(letter)) post(from, *to, letter);
    if (is_heard || letter.answer_to.empty()) return Sent::sent;
    // The server answers where nobody listens; the asker hears its own inbox.
    post(from, from, {.subject = letter.answer_to, .nobody_listens = true});
    return Sent::sent;
  }

  /// The time of the next letter.
  std::optional<TimeNs> next() const { return letters_.empty() ? std::nullopt : std::optional(letters_.front().at); }
  /// Delivers what is due at `now`.
  void run() {
    while (!letters_.empty() && letters_.front().at <= now) {
      Posted one = std::move(letters_.front());
      letters_.pop_front();
      if (one.to->is_up) one.to->deliver(one.letter);
    }
  }

 private:
  struct Posted {
    TimeNs at;
    std::uint64_t serial;
    Client* to;
    Letter letter;
  };

  DurationNs some(DurationNs most) { return most == 0 ? 0 : random_() % (most + 1); }
  bool hears(const Client& client, const std::string& subject) const {
    const auto found = client.interest.find(subject);
    if (found != client.interest.end()) return found->second <= now;
    const auto wild = client.interest.find(subject.substr(0, subject.rfind('.') + 1) + "*");
    return wild != client.interest.end();  // inboxes are known since long
  }
  void post(Client& from, Client& to, Letter letter) {
    TimeNs& last = last_[{&from, &to}];
    last = std::max(last, now + some(transit_max));  // one connection, so in order
    Posted posted{last, serial_++, &to, std::move(letter)};
    const auto behind = std::ranges::upper_bound(letters_, std::pair(posted.at, posted.serial), {},
                                                 [](const Posted& one) { return std::pair(one.at, one.serial); });
    letters_.insert(behind, std::move(posted));
  }

  std::mt19937_64 random_;
  std::deque<Client> clients_;
  std::deque<Posted> letters_;
  std::map<std::pair<Client*, Client*>, TimeNs> last_;
  std::uint64_t serial_ = 0;
};

class ModelEngine final : public Engine {
 public:
  explicit ModelEngine(ModelBus& bus) : bus_(bus), client_(bus.join()) {}
  void start(EngineListener&) override {}
  bool tend(TimeNs) override { return client_.is_up; }
  TimeNs due_at() const override { return UINT64_MAX; }
  void listen(const std::string& subject, Hearing) override { bus_.listen(client_, subject); }
  void unlisten(const std::string& subject) override { client_.interest.erase(subject); }
  Sent send(const Letter& letter) override { return bus_.send(client_, letter); }
  ModelBus::Client& client() { return client_; }

 private:
  ModelBus& bus_;
  ModelBus::Client& client_;
};

/// A gate of the model: devices by id, epochs from a clock that may be wrong, and its node.
class ModelGate final : public LocalGate {
 public:
  ModelGate(ModelBus& bus, const std::string& name, std::int64_t clock_error_ms = 0)
      : bus_(bus),
        clock_error_ms_(clock_error_ms),
        engine_(bus),
        node(Names("test", name, 1), 250 * nanoseconds_per_millisecond, engine_, *this,
             [this](std::move_only_function<void(TimeNs)> work) { work_.push_back(std::move(work)); }) {
    engine_.client().deliver = [this](const Letter& letter) { node.on_letter(letter, bus_.now); };
  }

  /// A device opens a connection here; an older one here is replaced, as the gate does it.
  ConnectionRef connect(const std::string& id) {
    const auto older = holders.find(id);
    last_ = std::max(last_ + 128, time());
    const ConnectionRef connection{++connections_};
    const std::optional<ConnectionRef> replaced = older == holders.end() ? std::nullopt : std::optional(older->second);
    holders[id] = connection;
    node.claimed(id, connection, last_, false, bus_.now);
    if (replaced) node.released(id, *replaced);
    return connection;
  }
  void disconnect(const std::string& id) {
    const auto found = holders.find(id);
    if (found == holders.end()) return;
    const ConnectionRef connection = found->second;
    holders.erase(found);
    node.released(id, connection);
  }

  void push(const std::string& id, MessageView message, PushTerms, PushCallback on_result) override {
    const auto found = holders.find(id);
    if (found == holders.end()) return on_result({.outcome = PushOutcome::unknown_device});
    received.emplace_back(id, std::string(text_of(message.payload)));
    on_result({.outcome = PushOutcome::delivered, .connection = found->second});
  }
  void close(const std::string& id, const CloseTerms&, CloseCallback on_result) override {
    const bool is_here = holders.contains(id);
    disconnect(id);
    on_result(is_here ? CloseOutcome::closed : CloseOutcome::unknown_device);
  }
  void describe(const std::string& id, DescribeCallback on_result) override {
    if (!holders.contains(id)) return on_result({});
    auto device = std::make_unique<DeviceInfo>();
    device->device_id = id;
    on_result({DescribeOutcome::found, std::move(device)});
  }
  bool yield(const std::string& id, ConnectionRef connection) override {
    if (is_stuck) return false;
    const auto found = holders.find(id);
    if (found != holders.end() && found->second == connection) holders.erase(found);
    ++replaced_count;
    return true;
  }
  std::uint64_t clock() override { return std::max(last_, time()); }
  bool follow(std::uint64_t clock) override {
    const std::uint64_t mine = machine_time();
    if (clock > mine && clock - mine > (std::uint64_t{15 * 60 * 1000} << 16)) return false;
    last_ = std::max(last_, clock);
    if (clock > mine) lead_ = std::max(lead_, clock - mine);
    return true;
  }

  void set_up(bool is_up) {
    engine_.client().is_up = is_up;
    node.on_state(is_up, bus_.now);
  }
  void run() {
    node.run(bus_.now);
    for (auto& work : std::exchange(work_, {})) work(bus_.now);
  }
  bool has_work() const { return !work_.empty(); }

 private:
  std::uint64_t machine_time() const {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(bus_.now / nanoseconds_per_millisecond) + 3'600'000 +
                                      clock_error_ms_)
           << 16;
  }
  std::uint64_t time() const { return machine_time() + lead_; }

  ModelBus& bus_;
  const std::int64_t clock_error_ms_;
  ModelEngine engine_;
  std::vector<std::move_only_function<void(TimeNs)>> work_;
  std::uint64_t last_ = 0, lead_ = 0, connections_ = 0;

 public:
  Node node;
  std::map<std::string, ConnectionRef> holders;
  std::vector<std::pair<std::string, std::string>> received;
  std::size_t replaced_count = 0;
  bool is_stuck = false;  // its shards take nothing
};

}  // namespace ringgate::cluster
