#include "sim/gate_sim.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include "dispatch/entry.h"
#include "dispatch/outcome_counters.h"

namespace ringgate::simulated {

namespace {

using ws::Opcode;

ring::FakeOptions world_options(ring::FakeRandom& dice, const SimulationOptions& options) {
  ring::FakeOptions result = options.hostile ? ring::FakeOptions::hostile() : ring::FakeOptions{};
  result.features = options.features;
  result.send_buffer_bytes = 64 + dice.below(4000);
  return result;
}

GateOptions gate_options(ring::FakeRandom& dice, Handler& handler, SlowPolicy slow_policy, bool is_patient) {
  GateOptions options;
  options.settings.routes.push_back(EventWatch::route(is_patient));
  options.handler = &handler;
  options.shards_count = static_cast<std::uint32_t>(1 + dice.below(3));
  options.slots_count = 192;
  options.settings.limits.slow_policy = slow_policy;
  options.settings.limits.send_queue_bytes_max = 2000 + dice.below(4000);
  options.settings.ring.cold_after_ns = dice.chance(0.5) ? (10 + dice.below(300)) * nanoseconds_per_millisecond : 0;
  options.settings.ring.bulk_bytes = dice.chance(0.5) ? 20 + dice.below(300) : SIZE_MAX;
  options.settings.ring.zero_copy_bytes = 1500;
  options.settings.limits.ping_interval_ns = 300 * nanoseconds_per_millisecond;
  options.settings.limits.pong_timeout_ns = dice.chance(0.5) ? 2 * nanoseconds_per_second : 0;
  options.settings.drain.duration_ns = nanoseconds_per_second;
  options.ring.classic_buffers_count = 8;
  options.ring.classic_buffer_bytes = 128;
  options.ring.incremental_buffers_count = 4;
  options.ring.incremental_buffer_bytes = 512;
  return options;
}

std::size_t number_in(std::string_view text) {
  std::size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

UpgradeVerdict SimulatedHandler::on_upgrade(const UpgradeRequest& request) {
  if (dice_.chance(0.6)) return UpgradeAccept{};
  undecided.push_back(request.ref());
  return UpgradeLater{};
}

void SimulatedHandler::on_open(Connection& connection) {
  ++open_count;
  connection.send_text("H" + connection.ref().text());
}

void SimulatedHandler::on_message(Connection& connection, MessageView message) {
  heard[connection.ref().text()].emplace_back(text_of(message.payload));
  if (dice_.chance(0.5)) connection.echo();
  else connection.send(message);
  if (!dice_.chance(pause_probability)) return;
  paused.push_back(connection.ref());
  connection.pause();
}

Simulation::Simulation(std::uint64_t seed, const SimulationOptions& options)
    : dice_(seed * 2 + 1),
      world_(seed, world_options(dice_, options)),
      handler_(dice_),
      slow_policy_(static_cast<SlowPolicy>(dice_.below(4))),
      is_patient_(dice_.chance(0.5)),
      gate_(world_, gate_options(dice_, handler_, slow_policy_, is_patient_)),
      events_(gate_, dice_, is_patient_),
      steps_count_(options.steps_count) {}

void Simulation::run() {
  for (int i = 0; i < steps_count_ && !::testing::Test::HasFailure(); ++i) {
    step();
    for (std::uint64_t turns = dice_.below(4); turns > 0; --turns)
      if (const std::size_t shard = dice_.below(gate_.shards_count()); gate_.is_awake(shard)) gate_.turn(shard);
    if (dice_.chance(0.3)) world_.advance(dice_.below(2 * nanoseconds_per_millisecond));
    if (dice_.chance(0.02)) world_.advance(dice_.below(400 * nanoseconds_per_millisecond));
    events_.work();
    read_all();
  }
  become_kind();
  check_live_devices();
  end_all();
  check_pushes();
  check_broadcasts();
  check_books();
  events_.check(handler_.heard);
}

void Simulation::step() {
  const std::uint64_t act = dice_.below(20);
  if (devices_.empty() || (act == 0 && devices_.size() < 25)) return connect();
  SimulatedDevice& device = devices_[dice_.below(devices_.size())];
  if (act <= 7) {
    if (device.is_live()) speak(device);
    send_some(device, 1 + dice_.below(600));
  } else if (act <= 11) {
    push();
  } else if (act == 12) {
    dice_.chance(0.5) ? broadcast() : ask();
  } else if (act == 13) {
    device.client.peer().stop_reading(dice_.below(300));
    device.has_stopped_reading = true;
  } else if (act <= 15) {
    device.client.peer().resume_reading();
    device.has_stopped_reading = false;
  } else if (act == 16) {
    if (dice_.chance(0.3)) end(device);
  } else if (act == 17) {
    resume_paused();
    decide();
  } else {
    send_some(device, 2000);
  }
}

// -- What devices do

ring::FakePeer& Simulation::connect_peer() {
  const std::size_t shard = dice_.below(gate_.shards_count());
  return dice_.chance(0.5) ? gate_.connect(shard) : gate_.connect_from_afar(shard);
}

std::uint64_t Simulation::zero_copies_count() const {
  std::uint64_t count = 0;
  for (std::size_t shard = 0; shard < gate_.shards_count(); ++shard) count += gate_.counters(shard).zero_copies.get();
  return count;
}

void Simulation::connect() {
  const std::string id = "d" + std::to_string(dice_.below(10));  // few, so that they meet
  SimulatedDevice& device = devices_.emplace_back(SimulatedDevice{.client = DeviceClient(connect_peer()), .id = id});
  device.number = devices_.size() - 1;
  device.unsent = DeviceClient::request(id, "/handler/up");
}

void Simulation::speak(SimulatedDevice& device) {
  if (device.unsent.size() > 20'000) return;
  const Opcode opcode = dice_.chance(0.5) ? Opcode::text : Opcode::binary;
  std::string payload = "E" + std::to_string(dice_.next() % 100'000) + ":";
  payload.append(dice_.below(dice_.chance(0.1) ? 3000 : 130), static_cast<char>('a' + dice_.below(26)));
  if (dice_.chance(0.2)) {
    const std::size_t cut = dice_.below(payload.size());
    device.unsent += DeviceClient::frame(opcode, payload.substr(0, cut), false);
    device.unsent += DeviceClient::frame(Opcode::continuation, payload.substr(cut));
  } else {
    device.unsent += DeviceClient::frame(opcode, payload);
  }
  device.echoes_due.push_back(std::move(payload));
  if (!dice_.chance(0.2)) return;
  device.pongs_due.push_back(std::to_string(dice_.next()));
  device.unsent += DeviceClient::frame(Opcode::ping, device.pongs_due.back());
}

void Simulation::send_some(SimulatedDevice& device, std::size_t bytes_max) {
  if (device.has_finished || device.has_cut) return;
  const std::string bytes = device.unsent.substr(0, bytes_max);
  device.unsent.erase(0, bytes.size());
  if (bytes.size() > 1 && dice_.chance(0.3)) {
    const std::array cuts{1 + static_cast<std::size_t>(dice_.below(bytes.size() - 1))};
    device.client.peer().send_in_pieces(bytes_of(bytes), cuts);
  } else {
    device.client.peer().send(bytes);
  }
}

void Simulation::end(SimulatedDevice& device) {
  if (device.has_finished || device.has_cut) return;
  const std::uint64_t how = dice_.below(4);
  if (how <= 1) {
    send_some(device, device.unsent.size());
    if (how == 0 && device.client.status() == 101 && !device.client.close_code()) device.client.close(1000);
    device.client.peer().half_close();
    device.has_finished = true;
  } else {
    device.has_cut = true;
    how == 2 ? device.client.peer().reset() : device.client.peer().close();
  }
}

// -- What backends do

/// A shard, or after the last of them a thread that is none.
std::size_t Simulation::some_producer() { return dice_.below(gate_.shards_count() + 1); }

/// Half of all pushes ask for nothing.
PushOptions Simulation::some_options() {
  PushOptions options;
  if (dice_.chance(0.5)) return options;
  if (dice_.chance(0.3)) options.ttl_ns = dice_.below(4) * 20 * nanoseconds_per_millisecond;
  if (dice_.chance(0.2)) options.coalesce_key = dice_.chance(0.5) ? "a" : "b";
  options.wait = static_cast<PushLevel>(dice_.below(5));
  options.timeout_ns = (1 + dice_.below(100)) * 20 * nanoseconds_per_millisecond;
  return options;
}

void Simulation::push() {
  const std::size_t number = pushes_.size();
  SimulatedPush& push = pushes_.emplace_back();
  push.producer = some_producer();
  push.id = "d" + std::to_string(dice_.below(11));
  std::string payload = "P" + std::to_string(number) + ":";
  payload.append(dice_.below(dice_.chance(0.1) ? 3000 : 60), 'p');
  push.asked = some_options();
  auto on_result = [&push](const PushResult& result) {
    ++push.answers_count;
    push.result = result;
  };
  if (push.producer == gate_.shards_count())
    return dispatch::Entry(gate_.state(), 2500).push(push.id, {MessageType::text, bytes_of(payload)}, push.asked, on_result);
  gate_.on_shard(push.producer, [&](dispatch::PushService& pushes) {
    pushes.push(push.id, ws::MessageRef::encode(MessageType::text, bytes_of(payload)), push.asked, on_result);
  });
}

void Simulation::broadcast() {
  std::string payload = "B" + std::to_string(broadcasts_.size()) + ":";
  if (dice_.chance(0.2)) payload.append(dice_.below(3000), 'b');
  SimulatedBroadcast& broadcast = broadcasts_.emplace_back();
  broadcast.producer = some_producer();
  auto on_result = [&broadcast](const BroadcastResult& result) {
    ++broadcast.answers_count;
    broadcast.result = result;
  };
  if (broadcast.producer == gate_.shards_count())
    return dispatch::Entry(gate_.state(), 2500).broadcast({MessageType::binary, bytes_of(payload)}, on_result);
  gate_.on_shard(broadcast.producer, [&](dispatch::PushService& pushes) {
    pushes.broadcast(ws::MessageRef::encode(MessageType::binary, bytes_of(payload)), on_result);
  });
}

void Simulation::ask() {
  SimulatedQuestion& question = questions_.emplace_back();
  const std::string id = "d" + std::to_string(dice_.below(11));
  gate_.on_shard(dice_.below(gate_.shards_count()), [&](dispatch::PushService& pushes) {
    if (dice_.chance(0.5))
      return pushes.describe(gate_.state().hash(id), dice_.chance(0.5) ? dispatch::Detail::link : dispatch::Detail::record,
                             [&question, id](const dispatch::DescribeResult& result) {
                               ++question.answers_count;
                               EXPECT_EQ(result.device != nullptr, result.outcome == dispatch::DescribeOutcome::found);
                               if (result.device != nullptr) {
                                 EXPECT_EQ(result.device->device_id, id);
                               }
                             });
    pushes.close_device(id, CloseCode::closed_by_backend, "asked to", [&question](dispatch::CloseOutcome outcome) {
      ++question.answers_count;
      question.has_closed = outcome == dispatch::CloseOutcome::closed;
    });
  });
}

void Simulation::resume_paused() {
  for (const ConnectionRef ref : handler_.paused) gate_.with_connection(ref, [](Connection& connection) { connection.resume(); });
  handler_.paused.clear();
}

/// Some decisions come twice; the second one finds nobody.
void Simulation::decide() {
  const auto bring = [this](ConnectionRef ref, UpgradeDecision decision) {
    ++decisions_count_;
    gate_.decide(ref, std::move(decision), [this](DecideOutcome outcome) {
      ++decisions_answered_;
      decisions_opened_ += outcome == DecideOutcome::opened ? 1 : 0;
    });
  };
  for (const ConnectionRef ref : handler_.undecided) {
    if (dice_.chance(0.15)) bring(ref, UpgradeRefusal{.status = 401, .reason = "simulated"});
    else bring(ref, UpgradeAccept{});
    if (dice_.chance(0.1)) bring(ref, UpgradeAccept{});
  }
  handler_.undecided.clear();
}

// -- What devices see

void Simulation::read_all() {
  for (SimulatedDevice& device : devices_) read(device);
}

void Simulation::read(SimulatedDevice& device) {
  device.client.read();
  while (!device.client.frames().empty()) {
    const ServerFrame frame = std::move(device.client.frames().front());
    device.client.frames().pop_front();
    if (frame.opcode == Opcode::ping) {
      if (device.is_live()) device.unsent += DeviceClient::frame(Opcode::pong, frame.payload);
    } else if (frame.opcode == Opcode::pong) {
      ASSERT_FALSE(device.pongs_due.empty());
      ASSERT_EQ(frame.payload, device.pongs_due.front()) << "device " << device.number;
      device.pongs_due.pop_front();
    } else {
      on_message(device, frame.payload);
    }
  }
  if (!device.client.close_code() || device.has_answered_close || device.has_finished || device.has_cut) return;
  // Whatever it has not said by now, it will not say; but a frame that was begun has to be ended before the Close.
  device.has_answered_close = true;
  send_some(device, device.unsent.size());
  device.client.close(1000);
}

void Simulation::on_message(SimulatedDevice& device, const std::string& payload) {
  switch (payload.at(0)) {
    case 'H': device.ref = payload.substr(1); break;
    case 'E':
      ASSERT_FALSE(device.echoes_due.empty());
      ASSERT_EQ(payload, device.echoes_due.front()) << "device " << device.number;
      device.echoes_due.pop_front();
      break;
    case 'P': on_push(device, payload); break;
    case 'B': on_broadcast(device, payload); break;
    default: FAIL() << "nobody sent this: " << payload;
  }
}

void Simulation::on_push(SimulatedDevice& device, std::string_view payload) {
  const std::size_t number = number_in(payload.substr(1));
  SimulatedPush& push = pushes_.at(number);
  EXPECT_EQ(push.id, device.id) << "push " << number << " came to a wrong device";
  EXPECT_EQ(++push.receipts_count, 1) << "push " << number << " came twice";
  const auto latest = device.latest_push.find(push.producer);
  const bool in_order = latest == device.latest_push.end() || latest->second < number;
  EXPECT_TRUE(in_order) << "pushes of shard " << push.producer << " were reordered";
  device.latest_push[push.producer] = number;
}

void Simulation::on_broadcast(SimulatedDevice& device, std::string_view payload) {
  const std::size_t number = number_in(payload.substr(1));
  SimulatedBroadcast& broadcast = broadcasts_.at(number);
  if (device.broadcasts_seen.size() <= number) device.broadcasts_seen.resize(number + 1);
  EXPECT_FALSE(device.broadcasts_seen[number]) << "a broadcast came twice";
  device.broadcasts_seen[number] = true;
  ++broadcast.receipts_count;
  const auto latest = device.latest_broadcast.find(broadcast.producer);
  const bool in_order = latest == device.latest_broadcast.end() || latest->second < number;
  EXPECT_TRUE(in_order) << "broadcasts of producer " << broadcast.producer << " were reordered";
  device.latest_broadcast[broadcast.producer] = number;
}

// -- The end

/// No more faults, everybody reads and finishes what it began.
void Simulation::become_kind() {
  const ring::FakeOptions before = world_.options();
  world_.options() = {.features = before.features, .send_buffer_bytes = before.send_buffer_bytes};
  handler_.pause_probability = 0;
  for (SimulatedDevice& device : devices_) device.client.peer().resume_reading();
  for (int round = 0; round < 60 && !::testing::Test::HasFailure(); ++round) {
    for (SimulatedDevice& device : devices_) send_some(device, device.unsent.size());
    resume_paused();
    decide();
    for (int part = 0; part < 10; ++part) {
      gate_.pass(2 * nanoseconds_per_millisecond);
      events_.catch_up();
    }
    read_all();
  }
}

void Simulation::check_live_devices() {
  for (const SimulatedDevice& device : devices_) {
    SCOPED_TRACE("device " + std::to_string(device.number) + " " + device.id);
    // Who ended its own sending politely is owed the same as who is still there.
    const bool is_owed = device.is_live() || (device.has_finished && !device.is_lossy() && !device.client.close_code());
    if (!is_owed || device.client.status() != 101) continue;
    EXPECT_TRUE(device.echoes_due.empty()) << device.echoes_due.size() << " echoes never came; finished " << device.has_finished;
    EXPECT_TRUE(device.pongs_due.empty()) << device.pongs_due.size() << " pongs never came";
    if (!device.is_live()) continue;
    const auto owner = gate_.state().map.find_from_outside(gate_.state().hash(device.id));
    ASSERT_TRUE(owner.has_value()) << "online, but nobody can reach it";
    EXPECT_EQ(dispatch::to_public(*owner).text(), device.ref) << "an older connection was left open";
  }
}

void Simulation::end_all() {
  const bool drains = dice_.chance(0.5);
  if (drains) gate_.start_draining();
  for (SimulatedDevice& device : devices_) {
    if (drains || !device.is_live()) continue;
    device.client.peer().half_close();
    device.has_finished = true;
  }
  for (int round = 0; round < 20; ++round) {
    gate_.pass(500 * nanoseconds_per_millisecond);
    events_.catch_up();
    read_all();
    for (SimulatedDevice& device : devices_)
      if (!device.has_cut && !device.has_finished && device.has_answered_close && device.client.saw_end())
        device.client.peer().half_close();
  }
  EXPECT_EQ(gate_.is_drained(), drains);
  gate_.expect_nothing_left();
  EXPECT_EQ(handler_.open_count, 0);
}

SimulatedDevice* Simulation::find(const std::string& ref) {
  const auto found = std::ranges::find(devices_, ref, &SimulatedDevice::ref);
  return found == devices_.end() ? nullptr : &*found;
}

void Simulation::check_pushes() {
  for (std::size_t number = 0; number < pushes_.size(); ++number) {
    const SimulatedPush& push = pushes_[number];
    SCOPED_TRACE("push " + std::to_string(number) + " to " + push.id);
    EXPECT_EQ(push.answers_count, 1);
    const PushOutcome outcome = push.result.outcome;
    if (outcome == PushOutcome::timed_out || outcome == PushOutcome::connection_ended) continue;  // it may have arrived
    if (outcome == PushOutcome::delivered && push.asked.wait > PushLevel::queued) {
      EXPECT_EQ(push.result.receipt.reached >= push.asked.wait, true) << name_of(push.result.receipt.reached);
      if (push.asked.wait == PushLevel::ponged) {
        EXPECT_EQ(push.receipts_count, 1) << "the device has answered for it";
      }
    }
    const bool can_be_withdrawn = withdraws() || push.asked.ttl_ns != PushOptions::no_ttl || !push.asked.coalesce_key.empty();
    if (outcome == PushOutcome::delivered && push.asked.wait <= PushLevel::queued && can_be_withdrawn) continue;
    if (outcome != PushOutcome::delivered) {
      EXPECT_EQ(push.receipts_count, 0) << "refused as " << name_of(push.result.outcome);
      continue;
    }
    const SimulatedDevice* device = find(push.result.connection.text());
    if (device != nullptr && !device->is_lossy()) {
      EXPECT_EQ(push.receipts_count, 1) << "lost on the way to device " << device->number;
    }
  }
}

void Simulation::check_broadcasts() {
  const auto lossy_count = static_cast<std::uint64_t>(std::ranges::count_if(devices_, &SimulatedDevice::is_lossy));
  for (const SimulatedBroadcast& broadcast : broadcasts_) {
    EXPECT_EQ(broadcast.answers_count, 1);
    EXPECT_EQ(broadcast.result.matched, broadcast.result.delivered + broadcast.result.refused);
    EXPECT_LE(broadcast.receipts_count, broadcast.result.delivered);
    if (!withdraws()) {
      EXPECT_LE(broadcast.result.delivered - broadcast.receipts_count, lossy_count);
    }
  }
}

std::uint64_t Simulation::total_of(Counter ShardCounters::* counter) const {
  std::uint64_t total = 0;
  for (std::size_t shard = 0; shard < gate_.shards_count(); ++shard) total += (gate_.counters(shard).*counter).get();
  return total;
}

/// Everything that was asked for, and everybody who came, is counted once.
void Simulation::check_books() {
  const auto sum_of = [](const auto& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& count) { return sum + count.load(); });
  };
  std::uint64_t pushes = sum_of(gate_.state().outside.pushes);
  for (const auto counter : dispatch::push_counters) pushes += total_of(counter);
  EXPECT_EQ(pushes, pushes_.size() + gate_.tasks_count());
  std::uint64_t broadcasts = sum_of(gate_.state().outside.broadcasts);
  for (const auto counter : dispatch::broadcast_counters) broadcasts += total_of(counter);
  EXPECT_EQ(broadcasts, broadcasts_.size());
  // A task of this test arrives as a push that no entry has counted.
  EXPECT_EQ(total_of(&ShardCounters::push_asked) + gate_.state().outside.pushes_asked.load() + gate_.tasks_count(), pushes);
  EXPECT_EQ(total_of(&ShardCounters::broadcast_asked) + gate_.state().outside.broadcasts_asked.load(), broadcasts);

  const std::uint64_t accepted = total_of(&ShardCounters::handshakes_accepted);
  EXPECT_EQ(total_of(&ShardCounters::accepted), accepted + total_of(&ShardCounters::handshakes_refused) +
                                                    total_of(&ShardCounters::handshakes_abandoned) +
                                                    total_of(&ShardCounters::health_answers));
  EXPECT_EQ(accepted, total_of(&ShardCounters::closed_by_peer) + total_of(&ShardCounters::closed_by_gate) +
                          total_of(&ShardCounters::vanished));

  EXPECT_EQ(decisions_answered_, decisions_count_);
  EXPECT_LE(decisions_opened_, static_cast<int>(accepted));
  for (const SimulatedQuestion& question : questions_) EXPECT_EQ(question.answers_count, 1);
  EXPECT_EQ(handler_.closed_by_backend_count, std::ranges::count(questions_, true, &SimulatedQuestion::has_closed));
}

}  // namespace ringgate::simulated
