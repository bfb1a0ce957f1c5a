// One enter of a simulated ring, and reaping.
#include <algorithm>
#include <utility>

#include "fake_ring/fake_backend.h"

namespace ringgate::ring {

bool Ring::Backend::submit_and_wait(const WaitPolicy& policy) {
  const bool first_attempt = !std::exchange(submitting, true);
  if (first_attempt) {
    ++turn;
    bytes_left = options.turn_bytes;
  }
  const bool alone = first_attempt && (buffers.mostly_lent() || !held_back.empty());
  const bool all_taken = alone ? submit_alone() : enter(policy);
  submitting = !all_taken;
  return all_taken;
}

/// Runs what was submitted, and no deferred work.
bool Ring::Backend::submit_alone() {
  ++counters.enters;
  asleep = false;
  return take_submissions();
}

/// False: some are left.
bool Ring::Backend::take_submissions() {
  std::size_t to_take = std::min<std::size_t>(submissions.size(), options.submission_entries);
  if (to_take > 0 && world.chance(world.options().partial_submission_probability)) to_take = world.random().below(to_take);
  for (; to_take > 0; --to_take) {
    const FakeSubmission submission = submissions.front();
    submissions.pop_front();
    run(submission);
  }
  return submissions.empty();
}

bool Ring::Backend::enter(const WaitPolicy& policy) {
  ++counters.enters;
  asleep = false;
  flush_overflow();
  const auto due = std::exchange(late, {});
  (void)take_submissions();
  for (const Completion& completion : due) post(completion);
  const std::size_t items_max = world.options().work_items_per_enter_max;
  work(policy.may_sleep ? std::max<std::size_t>(items_max, policy.completions_min) : items_max);
  for (auto& [number, socket] : sockets.all()) socket.connection->deliver();
  flush_overflow();
  acknowledge();
  world.trace().add(world.now());

  if (policy.may_sleep && !work_waits()) {
    asleep = true;
    asleep_until = policy.timeout == 0 ? 0 : world.now() + policy.timeout;
  }
  return submissions.empty();
}

/// Lets go of memories that were sent without a copy, one an enter, the oldest first.
void Ring::Backend::acknowledge() {
  if (zero_copies.empty() || world.chance(0.5)) return;
  const ZeroCopy& oldest = zero_copies.front();
  if (!std::equal(oldest.then.begin(), oldest.then.end(), oldest.now.begin()))
    world.defect("memory of a send without a copy changed", oldest.then.size());
  zero_copies.pop_front();
  ++counters.zero_copies;
}

void Ring::Backend::flush_overflow() {
  while (!overflow.empty() && completions.size() < options.completion_entries) {
    completions.push_back(overflow.front());
    overflow.pop_front();
  }
}

bool Ring::Backend::post(Completion completion, bool in_ledger) {
  if (!overflow.empty() || completions.size() >= options.completion_entries) {
    completion.more = false;
    overflow.push_back({completion, in_ledger});
  } else {
    completions.push_back({completion, in_ledger});
  }
  return completion.more;
}

std::size_t Ring::Backend::reap(std::span<Completion> out) {
  if (completions.empty() && !overflow.empty()) {
    ++counters.overflows;
    (void)enter({});
  }
  std::size_t count = 0;
  const auto deliver = [&](const Posted& posted) {
    shown(posted);
    const Completion& completion = out[count++] = posted.completion;
    if (completion.has_buffer) bytes_left -= std::min(bytes_left, static_cast<std::size_t>(completion.result));
  };
  for (; count < out.size() && bytes_left > 0 && !held_back.empty(); held_back.pop_front()) deliver(held_back.front());
  for (; count < out.size() && !completions.empty(); completions.pop_front()) {
    ++counters.completions;
    const OperationKind kind = completions.front().completion.token.kind;
    const bool may_wait = kind != OperationKind::send && kind != OperationKind::receive_now;
    if (may_wait && (bytes_left == 0 || !held_back.empty())) held_back.push_back(completions.front());
    else deliver(completions.front());
  }
  if (count == 0 && !overflow.empty()) return reap(out);
  if (completions.empty() && overflow.empty()) ledger.settle();
  return count;
}

/// Accounts for a completion the caller now knows of.
void Ring::Backend::shown(const Posted& posted) {
  const Completion& completion = posted.completion;
  for (const std::uint64_t word :
       {completion.token.pack(), static_cast<std::uint64_t>(completion.result), static_cast<std::uint64_t>(completion.error),
        std::uint64_t{completion.more}, std::uint64_t{completion.buffer_id}, std::uint64_t{completion.buffer_offset}})
    world.trace().add(word);
  if (completion.has_buffer) buffers_of(completion).show(completion, turn);
  if (completion.token.kind == OperationKind::accept) {
    if (completion.error == IoError::none) ledger.opened(static_cast<Socket>(completion.result));
    Listener& listener = listeners[completion.token.slot];
    if (!completion.more) listener.accepting = listener.cancelling = false;
  }
  if (completion.token.kind == OperationKind::peer_name) {
    PeerAddress* out = std::exchange(names_wanted[completion.token.pack()], nullptr);
    if (completion.error == IoError::none) *out = names_found[completion.token.pack()];
    names_wanted.erase(completion.token.pack());
    names_found.erase(completion.token.pack());
  }
  if (completion.token.kind == OperationKind::link) {
    const auto asked = links_asked.find(completion.token.pack());
    if (completion.error == IoError::none) *asked->second.out = asked->second.found;
    if (asked->second.descriptor) world.close_process_descriptor(*asked->second.descriptor);
    links_asked.erase(asked);
  }
  if (posted.in_ledger && !completion.more) ledger.end(completion.token);
}

}  // namespace ringgate::ring
