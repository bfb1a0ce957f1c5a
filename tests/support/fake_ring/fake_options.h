// What the model of the world may do to a ring: the features it offers, its sizes, and how often it misbehaves.
// Everything here is legal behaviour of Linux; with the defaults the world is kind and in order.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "ring/features.h"
#include "ring/ring.h"

namespace ringgate::ring {

/// Which free slot of the direct table an accepted connection gets.
enum class SlotOrder : std::uint8_t {
  as_kernel,    // the first free one at or after the slot handed out or freed last
  lowest_free,  // the way process descriptors are handed out
};

struct FakeOptions {
  /// What the kernel offers; masked by RingOptions::allowed as in the product.
  Features features{true, true, true, true, true, true, true, true, true, true, true, true};
  SlotOrder slot_order = SlotOrder::as_kernel;

  // -- Sizes.
  std::size_t send_buffer_bytes = 2'621'440;    // what one socket takes while its peer reads, per enter
  std::uint32_t reads_per_enter_max = 32;       // completions of one receive in one enter
  std::uint32_t work_items_per_enter_max = 20;  // ready operations run in one enter, or completions_min if larger
  std::uint32_t process_descriptors_max =
      1024;  // of the process: for sockets that are no direct descriptors, and for questions about links

  // -- Disorder. Probabilities are per opportunity, in 0..1.
  bool shuffle_completions = false;           // order between sockets, and between a cancel and what it cancelled
  DurationNs arrival_delay_max = 0;           // bytes, ends and resets of a peer arrive up to this much later
  double short_read_probability = 0;          // a receive takes only a part of what is there
  double short_send_probability = 0;          // a send takes only a part, perhaps nothing, though there is room
  double multishot_end_probability = 0;       // accept or receive ends with a good result and more = false
  double cancel_race_probability = 0;         // bytes arrive, or the operation ends, just before the cancel
  double late_completion_probability = 0;     // a cancelled operation completes one enter after its cancel
  double lost_cancel_probability = 0;         // a cancel completes, and nothing was cancelled
  double zero_copy_refusal_probability = 0;   // a send cannot go without a copy
  double partial_submission_probability = 0;  // an enter takes only the first few submissions, perhaps none

  // -- Time. The clock stands still while a shard works, but for this: each look at it costs so much.
  DurationNs clock_look_cost = 0;

  // -- Shortages, for as long as they are set.
  IoError accept_error = IoError::none;  // every accept ends with it, and nobody is accepted
  bool memory_is_short = false;          // every receive, and every send that completes, fails
  IoError link_error = IoError::none;    // of every question about a link

  // -- The n-th failure: this operation of the world (counted from 1 over all rings; 0: none) fails with this error,
  // without having had any effect. Counted: accept, receive, poll, send, shutdown, peer_name, link.
  std::uint64_t failing_operation_number = 0;
  IoError failing_operation_error = IoError::no_memory;

  /// Every kind of disorder at once, each often enough to be met within a few hundred operations.
  static FakeOptions hostile() {
    FakeOptions options;
    options.shuffle_completions = true;
    options.arrival_delay_max = 200 * nanoseconds_per_microsecond;
    options.short_read_probability = 0.2;
    options.short_send_probability = 0.1;
    options.multishot_end_probability = 0.05;
    options.cancel_race_probability = 0.5;
    options.late_completion_probability = 0.3;
    options.lost_cancel_probability = 0.05;
    options.zero_copy_refusal_probability = 0.2;
    options.partial_submission_probability = 0.05;
    return options;
  }
};

}  // namespace ringgate::ring
