// The books of a push run: what was asked, what the gate answered, and what each device got. From them every
// push is lost, duplicated, reordered, misdelivered, corrupted, or right.
//
// Thread: one loop's; ledgers of several loops are added up at the end. Invariant: every push has a row per
// device and number.
#pragma once

#include <cstdint>
#include <vector>

#include "ringgate/bytes.h"

namespace ringgate::stress {

enum class PushOutcome : std::uint8_t { unanswered, delivered, refused };

struct PushTally {
  std::uint64_t asked = 0;
  std::uint64_t delivered = 0;
  std::uint64_t refused = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t received = 0;
  std::uint64_t lost = 0;          // delivered by the gate's word, never received
  std::uint64_t duplicated = 0;    // received more than once
  std::uint64_t reordered = 0;     // received after a later one
  std::uint64_t misdelivered = 0;  // meant for another device
  std::uint64_t corrupted = 0;     // not as it was sent
  std::uint64_t refused_but_received = 0;

  void add(const PushTally& other);
  std::uint64_t faults() const { return lost + duplicated + reordered + misdelivered + corrupted + refused_but_received; }
};

class PushLedger {
 public:
  /// Devices are numbered from `device_first`.
  PushLedger(std::uint32_t device_first, std::size_t devices_count) : device_first_(device_first), devices_(devices_count) {}

  /// Opens a row; returns the number of this push among the device's.
  std::uint64_t ask(std::uint32_t device);
  void answer(std::uint32_t device, std::uint64_t number, PushOutcome outcome);
  /// `payload` arrived at `device`.
  void receive(std::uint32_t device, ByteView payload);

  std::uint64_t answered_count() const { return tally_.delivered + tally_.refused; }
  std::uint64_t received_count() const { return tally_.received; }
  std::uint64_t delivered_count() const { return tally_.delivered; }

  /// Closes the books: what is still missing now is lost.
  PushTally tally() const;

 private:
  struct Row {
    PushOutcome outcome = PushOutcome::unanswered;
    bool is_received = false;
  };
  struct Device {
    std::vector<Row> rows;
    std::uint64_t next_expected = 0;  // one above the latest number received
  };

  std::uint32_t device_first_;
  std::vector<Device> devices_;
  PushTally tally_;
};

}  // namespace ringgate::stress
