#include "server/shard.h"

#include <algorithm>
#include <ctime>

#include "base/limits.h"

namespace ringgate::server {

namespace {
/// One shard's part of limits.output_memory: at least the most that two slow devices can make it hold.
std::uint64_t output_part(const ShardPlan& plan) {
  const LimitsConfig& limits = plan.settings.config.limits;
  return ShardBudget::part_of(limits.output_bytes_max, plan.gate.shards_count,
                              2 * (limits.send_queue_bytes_max + limits.push_bytes_max));
}
}  // namespace

Shard::Shard(std::uint8_t index, const ShardPlan& plan, std::unique_ptr<ring::Ring> ring, ShardCounters& counters)
    : index_(index),
      plan_(plan),
      ring_(std::move(ring)),
      counters_(counters),
      transport_(
          *ring_, counters,
          {.slots_count = plan.slots_count,
           .close_timeout = plan.settings.config.limits.close_timeout_ns,
           .zero_copy_bytes = plan.settings.config.ring.zero_copy_bytes,
           .output_bytes_max = output_part(plan),
           .arrival_time = std::min<DurationNs>(plan.settings.config.limits.handshake_timeout_ns, 5 * nanoseconds_per_second),
           .bulk_bytes = plan.settings.config.ring.bulk_bytes}),
      settings_(plan.settings.config, plan.settings.mounts, plan.settings.verifiers),
      counting_observer_(counters),
      departure_notes_(plan.gate.departed, plan.gate.hash, *ring_),
      devices_(index, settings_, plan.gate, *ring_, transport_, counters),
      push_(index, plan.gate, *ring_, devices_, transport_, counters),
      admin_(plan.admin_settings, plan.gate, push_, transport_, counters, plan.all_counters, plan.services),
      drain_(plan.settings.config, plan.gate, *ring_, transport_, devices_, push_, admin_),
      batch_(plan.settings.config.ring.gather_ns, ring_->now()) {
  devices_.add_observer(log_observer_);
  devices_.add_observer(counting_observer_);
  if (plan.events != nullptr) devices_.add_observer(event_observer_.emplace(*plan.events, index, *ring_));
  devices_.add_observer(departure_notes_);
  plan.gate.doorbells[index] = ring_->doorbell();
}

void Shard::serve_listeners(std::uint32_t devices, std::uint32_t admin, std::uint32_t backlog, TlsOfListeners tls) {
  device_listeners_ = devices;
  tls.resize(devices + admin);
  for (std::uint32_t i = 0; i < devices; ++i)
    transport_.start_accepting(i, {.session = &devices_,
                                   .slots_left_free = limits::admin_slots_per_shard,
                                   .backlog = backlog,
                                   .asks_at_end = plan_.gate.departed.keeps_any(),
                                   .counts_output = true,
                                   .tls = std::move(tls[i]),
                                   .proxies = net::policy_of(plan_.settings.config.listeners[i].proxy)});
  for (std::uint32_t i = devices; i < devices + admin; ++i) {
    transport_.start_accepting(
        i, {.session = &admin_,
            .backlog = backlog,
            .connections_max = static_cast<std::uint32_t>(plan_.admin_settings.connections_max) + limits::spare_admin_connections,
            .takes_reserve = true,
            .names_processes = true,
            .tls = std::move(tls[i]),
            .proxies = net::policy_of(plan_.settings.config.admin.proxy)});
  }
}

Shard::~Shard() { delete fresh_.load(); }

void Shard::renew(Renewal fresh) { delete fresh_.exchange(new Renewal(std::move(fresh)), std::memory_order_acq_rel); }

/// Before anything of this turn is judged. The session keeps no view of its settings from one call to the next, and goes on with the
/// same object.
void Shard::take_renewal() {
  const std::unique_ptr<Renewal> fresh(fresh_.exchange(nullptr, std::memory_order_acq_rel));
  if (fresh == nullptr) return;
  for (std::uint32_t i = 0; i < fresh->tls.size(); ++i)
    if (fresh->tls[i] != nullptr) transport_.renew_tls(i, std::move(fresh->tls[i]));
  const Config& config = *fresh->config;
  for (std::uint32_t i = 0; i < device_listeners_; ++i) transport_.renew_proxies(i, net::policy_of(config.listeners[i].proxy));
  if (config.admin.bind != "off") transport_.renew_proxies(device_listeners_, net::policy_of(config.admin.proxy));
  auto mounts = settings_.mounts;
  std::destroy_at(&settings_);
  std::construct_at(&settings_, config, std::move(mounts), std::move(fresh->verifiers));
}

void Shard::run() {
  push_.bind_to_this_thread();
  while (!plan_.gate.stopping.load(std::memory_order_acquire) && turn()) {
  }
  // After a drain usually no connection is left, and the time of the drain is over.
  end_everything(plan_.gate.stopping.load(std::memory_order_acquire) ? end_patience : end_patience_drained);
  counters_.turn_began.set(0);
}

/// Resets every connection, so that each handler gets its on_close and the kernel releases all memory.
void Shard::end_everything(DurationNs patience) {
  conn::ConnectionTable& table = transport_.table();
  const TimeNs until = ring_->now() + patience;
  while (table.used_count() > 0 && ring_->now() < until) {
    for (std::uint32_t slot = 0; slot < table.high_water(); ++slot)
      transport_.terminate(table.at(slot), conn::EndCause::aborted, conn::Farewell::reset);
    more_parcels_ = true;  // no sleep
    (void)turn();
  }
}

bool Shard::turn() {
  submit_and_reap();
  const TimeNs now = ring_->now();
  counters_.turn_began.set(now);
  batch_.came(completions_, ring_->held_back(), now);
  transport_.set_now(now);
  if (fresh_.load(std::memory_order_relaxed) != nullptr) take_renewal();
  transport_.run(completions_);
  if (plan_.services.off_shard != nullptr) plan_.services.off_shard->give_answers(index_);
  more_parcels_ = push_.drain_mailbox(mailbox_budget);
  more_broadcasts_ = push_.continue_broadcasts();
  more_links_ = push_.continue_links();
  devices_.read_on();
  devices_.enforce_denials();
  transport_.expire_timers();
  if (event_observer_) event_observer_->take_news();  // before the streams look
  devices_.settle_pushes();                           // likewise: a result may be a line of theirs
  more_streams_ = admin_.run_streams();
  const std::uint32_t listeners = device_listeners_ + (plan_.settings.config.admin.bind == "off" ? 0 : 1);
  const bool done = drain_.advance(device_listeners_, listeners);
  transport_.finish_turn();
  push_.ring_doorbells();
  if (event_observer_) event_observer_->finish_turn();
  plan_.gate.map.reclaim();
  publish_counters();
  note_turn(now);
  return !done;
}

/// Sleeps only if no work is left that no completion announces.
ring::WaitPolicy Shard::wait_policy() {
  ring::WaitPolicy policy;
  if (more_parcels_ || more_broadcasts_ || more_links_ || more_streams_ || transport_.wants_turn() || devices_.wants_turn())
    return policy;
  if (!plan_.gate.mailboxes.of(index_).may_sleep()) return policy;
  if (event_observer_ && event_observer_->has_news()) {
    plan_.gate.mailboxes.of(index_).awake();
    return policy;
  }
  policy.may_sleep = true;
  const auto timer = transport_.next_timer();
  policy.timeout = timer ? std::max<DurationNs>(*timer, 1) : 0;
  if (const DurationNs pause = drain_.pause(); pause != 0 && (policy.timeout == 0 || pause < policy.timeout))
    policy.timeout = pause;
  if (const auto wait = push_.sleep_max(); wait && (policy.timeout == 0 || *wait < policy.timeout)) policy.timeout = *wait;
  if (const auto wait = event_observer_ ? event_observer_->sleep_max() : std::nullopt;
      wait && (policy.timeout == 0 || *wait < policy.timeout))
    policy.timeout = *wait;
  if (const auto wait = devices_.sleep_max(); wait && (policy.timeout == 0 || *wait < policy.timeout)) policy.timeout = *wait;
  if (const auto due = devices_.next_push_due(); due && (policy.timeout == 0 || *due < policy.timeout)) policy.timeout = *due;
  if (batch_.count() > 1 && ring_->features().minimum_wait) {
    policy.completions_min = batch_.count();
    policy.minimum_wait = batch_.wait();
  }
  return policy;
}

void Shard::submit_and_reap() {
  ring::WaitPolicy policy = wait_policy();
  completions_.clear();
  if (policy.may_sleep) counters_.turn_began.set(0);
  for (bool all_taken = false; !all_taken;) {
    all_taken = ring_->submit_and_wait(policy);
    // Operations that the kernel did not take must be submitted before any buffer is reused. The kernel lacked memory, or room in
    // the completion queue: the reaping below makes room.
    policy = {};
    while (const std::size_t count = ring_->reap(reaped_))
      completions_.insert(completions_.end(), reaped_.begin(), reaped_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  plan_.gate.mailboxes.of(index_).awake();
}

/// The one more look at the clock that a turn takes for the metrics.
void Shard::note_turn(TimeNs began) {
  const TimeNs ended = ring_->now();
  const DurationNs lasted = ended - began;
  counters_.turn_duration.record(lasted);
  push_.note_turn(lasted);
  counters_.busy_ns.add(lasted);
  const DurationNs since = ended - counters_.busy_since.get();
  if (since < nanoseconds_per_second) return;
  counters_.busy_millionths.set(counters_.busy_ns.get() * 1'000 / (since / 1'000));
  counters_.busy_since.set(ended);
  counters_.busy_ns.set(0);
}

void Shard::publish_counters() {
  const ring::RingCounters& ring = ring_->counters();
  counters_.uring_enters.set(ring.enters);
  counters_.uring_submissions.set(ring.submissions);
  counters_.uring_completions.set(ring.completions);
  counters_.uring_overflows.set(ring.overflows);
  counters_.uring_starved.set(ring.starved);
  counters_.zero_copies.set(ring.zero_copies);
  counters_.zero_copies_copied.set(ring.zero_copies_copied);
  counters_.buffers_lent.set(ring_->buffers_lent());
  counters_.turns.add(1);
}

}  // namespace ringgate::server
