// One enter of a simulated ring, and reaping.
#include <algorithm>
#include <utility>

#include "fake_ring/fake_backend.h"

namespace ringgate::ring {

bool Ring::Backend::enter(const WaitPolicy& policy) {
  ++counters.enters;
  asleep = false;
  flush_overflow();
  const auto due = std::exchange(late, {});

  std::size_t to_take = std::min<std::size_t>(submissions.size(), options.submission_entries);
  if (to_take > 0 && world.chance(world.options().partial_submission_probability))
    to_take = world.random().below(to_take);
  for (; to_take > 0; --to_take) {
    const FakeSubmission submission = submissions.front();
    submissions.pop_front();
    run(submission);
  }

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
  for (; count < out.size() && !completions.empty(); ++count) {
    const Posted posted = completions.front();
    completions.pop_front();
    shown(posted);
    out[count] = posted.completion;
  }
  counters.completions += count;
  if (completions.empty() && overflow.empty()) ledger.settle();
  return count;
}

/// Accounts for a completion the caller now knows of.
void Ring::Backend::shown(const Posted& posted) {
  const Completion& completion = posted.completion;
  for (const std::uint64_t word : {completion.token.pack(), static_cast<std::uint64_t>(completion.result),
                                   static_cast<std::uint64_t>(completion.error), std::uint64_t{completion.more},
                                   std::uint64_t{completion.buffer_id}, std::uint64_t{completion.buffer_offset}})
    world.trace().add(word);
  if (completion.has_buffer) buffers.show(completion, turn);
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
  if (posted.in_ledger && !completion.more) ledger.end(completion.token);
}

}  // namespace ringgate::ring
