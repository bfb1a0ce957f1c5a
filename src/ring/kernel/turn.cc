// The turn: one enter that submits and waits, then reaping.
#include <linux/time_types.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "ring/kernel/abi.h"
#include "ring/kernel/backend.h"
#include "ring/kernel/errors.h"

namespace ringgate::ring {

namespace {

/// The kernel lost completions for lack of memory (EBADR). The state of their operations is unknown, so the gate cannot go on.
[[noreturn]] void stop_after_lost_completions() {
  std::fputs("ringgate: the kernel dropped completions for lack of memory; restart, and raise the memory limit\n", stderr);
  std::_Exit(1);
}

bool overflowed(const io_uring& uring) {
  return (__atomic_load_n(uring.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) != 0;
}

}  // namespace

/// Makes every prepared submission visible to the kernel; returns how many the kernel has not taken yet.
unsigned Ring::Backend::publish() {
  io_uring_sq& sq = uring.sq;
  if (sq.sqe_head != sq.sqe_tail) {
    sq.sqe_head = sq.sqe_tail;
    __atomic_store_n(sq.ktail, sq.sqe_tail, __ATOMIC_RELEASE);
  }
  return sq.sqe_tail - __atomic_load_n(sq.khead, __ATOMIC_ACQUIRE);
}

void Ring::Backend::flush_backlog() {
  while (!backlog.empty()) {
    io_uring_sqe* sqe = io_uring_get_sqe(&uring);
    if (sqe == nullptr) return;
    *sqe = backlog.front();
    backlog.pop_front();
  }
}

bool Ring::Backend::enter(const WaitPolicy& policy) {
  flush_backlog();
  const unsigned to_submit = publish();
  __kernel_timespec timeout{};
  abi::WaitArgument argument{};
  unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
  unsigned completions_min = 0;
  if (policy.may_sleep) {
    completions_min = policy.completions_min;
    if (features.idle_waits) flags |= abi::enter_no_iowait;
    if (policy.timeout != 0) {
      timeout.tv_sec = static_cast<long long>(policy.timeout / nanoseconds_per_second);
      timeout.tv_nsec = static_cast<long long>(policy.timeout % nanoseconds_per_second);
      argument.timeout_address = reinterpret_cast<std::uint64_t>(&timeout);
    }
    if (features.minimum_wait)
      argument.minimum_wait_microseconds = static_cast<std::uint32_t>(policy.minimum_wait / nanoseconds_per_microsecond);
  }
  return enter_kernel(to_submit, completions_min, flags, &argument);
}

/// Submits without asking for events, so that sends run and no receive does.
bool Ring::Backend::submit_alone() {
  flush_backlog();
  const unsigned to_submit = publish();
  return (to_submit == 0 && backlog.empty()) || enter_kernel(to_submit, 0, 0, nullptr);
}

/// The kernel delivers overflowed completions only in an enter that asks for events. That enter submits nothing, because the
/// kernel looks at no events after a failed submission. A turn must not end before: they may hold the failure of a silent send.
void Ring::Backend::fetch_overflow() {
  ++counters.overflows;
  while (io_uring_cq_ready(&uring) == 0 && overflowed(uring)) {
    abi::WaitArgument argument{};
    (void)enter_kernel(0, 0, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument);
  }
}

/// True if the kernel has taken every submission.
bool Ring::Backend::enter_kernel(unsigned to_submit, unsigned completions_min, unsigned flags, abi::WaitArgument* argument) {
  int descriptor = uring.ring_fd;
  if (descriptor_registered) {
    descriptor = uring.enter_ring_fd;
    flags |= IORING_ENTER_REGISTERED_RING;
  }
  ++counters.enters;
  const int result = io_uring_enter2(static_cast<unsigned>(descriptor), to_submit, completions_min, flags,
                                     reinterpret_cast<sigset_t*>(argument), argument == nullptr ? 0 : sizeof *argument);
  if (result == -EBADR) stop_after_lost_completions();
  // All other errors (ETIME, EINTR, EBUSY, EAGAIN, ENOMEM) show in the number of submissions that are left.
  const bool all_taken = publish() == 0 && backlog.empty();
  if (all_taken) {
    pieced_messages_used = 0;
    close_stopped_listeners();
  }
  return all_taken;
}

bool Ring::Backend::submit_and_wait(WaitPolicy policy) {
  // A submit that was partly taken does not cover buffers that are reaped before its next attempt.
  const bool first_attempt = !buffers_covered;
  if (first_attempt) {
    buffers_covered = {buffers.taken(), bulk_buffers.taken()};
    bytes_left = options.turn_bytes;
  }
  // Only submit while few buffers are left, since a receive that finds no buffer must be armed again; and while completions are
  // held back, so that they are answered before more is received.
  if (first_attempt && (buffers.mostly_lent() || !held_back.empty())) return submit_alone();
  if (!policy.may_sleep) return enter(policy);
  if (options.busy_poll != 0) {
    bool all_taken = enter({});
    const TimeNs until = monotonic_now() + options.busy_poll;
    while (io_uring_cq_ready(&uring) == 0 && monotonic_now() < until) all_taken = enter({});
    if (io_uring_cq_ready(&uring) != 0) return all_taken;
  }
  policy.may_sleep = backlog.empty();
  return enter(policy);
}

bool Ring::submit_and_wait(const WaitPolicy& policy) {
  Backend& b = *backend_;
  const bool all_taken = b.submit_and_wait(policy);
  if (all_taken) {
    b.buffers.mark_submitted(b.buffers_covered->streaming);
    b.bulk_buffers.mark_submitted(b.buffers_covered->bulk);
    b.buffers_covered.reset();
  }
  return all_taken;
}

/// Whether a completion may be held back. Not the result of a send; nor a receive_now, whose few buffers must come back in time.
static bool may_wait(OperationKind kind) {
  return kind != OperationKind::send && kind != OperationKind::zero_copy && kind != OperationKind::receive_now;
}

std::size_t Ring::reap(std::span<Completion> out) {
  Backend& b = *backend_;
  if (io_uring_cq_ready(&b.uring) == 0 && overflowed(b.uring)) b.fetch_overflow();
  std::size_t count = 0;
  while (count < out.size() && b.bytes_left > 0 && !b.held_back.empty()) {
    if (b.deliver(b.held_back.front(), out[count])) ++count;
    b.held_back.pop_front();
  }
  unsigned taken = 0;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&b.uring, head, cqe) {
    if (count == out.size()) break;
    ++taken;
    if (may_wait(Token::unpack(cqe->user_data).kind) && (b.bytes_left == 0 || !b.held_back.empty())) b.held_back.push_back(*cqe);
    else if (b.deliver(*cqe, out[count])) ++count;
  }
  io_uring_cq_advance(&b.uring, taken);
  b.counters.completions += taken;
  return count == 0 && taken > 0 ? reap(out) : count;
}

/// False if the completion stays inside the backend.
bool Ring::Backend::deliver(const io_uring_cqe& cqe, Completion& completion) {
  if (!translate_completion(cqe, completion)) return false;
  if (completion.has_buffer) bytes_left -= std::min(bytes_left, static_cast<std::size_t>(completion.result));
  return true;
}

bool Ring::Backend::translate_completion(const io_uring_cqe& cqe, Completion& completion) {
  completion = {};
  completion.token = Token::unpack(cqe.user_data);
  if ((cqe.flags & IORING_CQE_F_NOTIF) != 0) {  // its result is neither a count nor an error
    note_zero_copy_end(completion.token.slot, static_cast<std::uint32_t>(cqe.res));
    return false;
  }
  completion.more = (cqe.flags & IORING_CQE_F_MORE) != 0;
  if (cqe.res < 0) {
    completion.raw_error = -cqe.res;
    completion.error = translate(-cqe.res);
    if (completion.error == IoError::no_buffers) ++counters.starved;
  } else {
    completion.result = cqe.res;
  }
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    completion.has_buffer = true;
    completion.buffer_id = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
    completion.buffer_offset = buffers_of(completion.token.kind)
                                   .take(completion.buffer_id, static_cast<std::uint32_t>(completion.result),
                                         (cqe.flags & abi::completion_buffer_more) != 0);
  }
  switch (completion.token.kind) {
    case OperationKind::accept: translate_accept(completion); return true;
    case OperationKind::peer_name: translate_peer_name(completion); return true;
    case OperationKind::peer_process: translate_peer_process(completion); return true;
    case OperationKind::link: translate_link(completion); return true;
    case OperationKind::hang_up:
      if (completion.error == IoError::none && (completion.result & (POLLERR | POLLHUP)) != 0)
        completion.error = IoError::connection_ended;
      return true;
    case OperationKind::wake:
      arm_event_read();
      completion.token.kind = OperationKind::doorbell;
      return true;
    case OperationKind::borrow_descriptor: return shutdown_through_descriptor(completion);
    case OperationKind::zero_copy: return translate_zero_copy(completion);
    case OperationKind::ring_message: wake_from_any_thread({-1, static_cast<int>(completion.token.slot)}); return false;
    case OperationKind::close: return false;
    default: return true;
  }
}

/// The first of two completions: how many bytes the kernel took.
bool Ring::Backend::translate_zero_copy(Completion& completion) {
  const std::uint32_t number = completion.token.slot;
  completion.token = zero_copy.complete(number);
  if (!std::exchange(completion.more, false)) zero_copy.end(number);  // no second completion follows
  return true;
}

/// The second completion: the kernel has read the memory for the last time.
void Ring::Backend::note_zero_copy_end(std::uint32_t number, std::uint32_t usage) {
  ++counters.zero_copies;
  if ((usage & abi::notification_copied) != 0) ++counters.zero_copies_copied;
  zero_copy.end(number);
}

MutableBytes Ring::received(const Completion& completion) {
  return backend_->buffers_of(completion.token.kind)
      .bytes(completion.buffer_id, completion.buffer_offset, static_cast<std::uint32_t>(completion.result));
}

bool Ring::return_buffers() {
  const bool streaming = backend_->buffers.return_marked();
  return backend_->bulk_buffers.return_marked() || streaming;
}
bool Ring::has_more() const {
  constexpr unsigned more_flags = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
  const unsigned flags = __atomic_load_n(backend_->uring.sq.kflags, __ATOMIC_RELAXED);
  return (flags & more_flags) != 0 || !backend_->held_back.empty() || io_uring_cq_ready(&backend_->uring) != 0;
}
std::size_t Ring::held_back() const { return backend_->held_back.size(); }
std::uint32_t Ring::buffers_lent() const { return backend_->buffers.lent() + backend_->bulk_buffers.lent(); }
const Features& Ring::features() const { return backend_->features; }
const RingCounters& Ring::counters() const { return backend_->counters; }

}  // namespace ringgate::ring
