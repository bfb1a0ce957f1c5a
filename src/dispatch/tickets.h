// Tickets: open questions to other shards, each with its waiter and its deadline. It asks nothing and calls nobody itself.
//
// Owned by the push service; owner shard. A ticket is named by index and generation, so a late answer matches no ticket.
// Invariant: a ticket is open from `open` until it is taken, once, by its answer or by its deadline.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "dispatch/parcel.h"

namespace ringgate::dispatch {

/// One question to several connections of a device.
struct CloseSum {
  CloseResult result;
  std::size_t parts_open = 0;
  CloseCallback on_result;
};

/// Asks to close a device, to extend its credential or to change its groups; follows it from owner to owner, or asks one connection by name.
struct CloseQuestion {
  device::IdKey key;
  CloseCode code = CloseCode::closed_by_backend;
  std::string reason;
  std::optional<std::int64_t> extend_to = {};  // Unix seconds
  std::optional<GroupChange> group = {};       // with neither the device is closed
  CloseCallback on_result;
  std::shared_ptr<CloseSum> sum;  // of which this is a part; else null, and `on_result` is called
  device::ConnectionRef asked;    // the connection that was asked last, or is the only one to be asked
  std::uint32_t owners_asked = 0;
  bool is_by_name = false;
};

/// Asks to describe a device; follows it from owner to owner.
struct DescribeQuestion {
  device::IdKey key;  // the map looks only at its index
  Detail detail = Detail::record;
  DescribeCallback on_result;
  device::ConnectionRef asked;
  std::uint32_t owners_asked = 0;
};

struct BroadcastSum {
  BroadcastResult total;
  std::uint32_t shards_open = 0;
  bool is_message = true;  // counted as a broadcast
  BroadcastCallback on_result;
};

struct RequestWaiter {
  RequestCallback on_result;
};

struct PushWaiter {
  PushCallback on_result;
  bool is_part = false;  // of a push to several connections, which is counted as a whole
};

using Waiter = std::variant<std::monostate, PushWaiter, std::unique_ptr<CloseQuestion>, std::unique_ptr<DescribeQuestion>,
                            RequestWaiter, std::shared_ptr<BroadcastSum>>;

struct Ticket {
  Waiter waiter;
  device::ConnectionRef target;  // its shard was asked; of a push, also the connection
  bool awaits_receipt = false;   // of a push that is answered when the message has come far enough
  TimeNs opened_at = 0;          // set by Tickets::open with a patience
};

class Tickets {
 public:
  /// How long an answer may take. Tickets of one patience expire in the order in which they were opened.
  enum class Patience : std::uint8_t { question, broadcast };

  /// Throws std::bad_alloc; then `ticket` is as it was.
  TicketName open(Ticket&& ticket, Patience patience, TimeNs now);

  /// The same with a deadline of its own.
  TicketName open(Ticket&& ticket, TimeNs deadline);

  /// Closes the ticket; nullopt if it is not open.
  std::optional<Ticket> take(TicketName name);

  bool is_open(TicketName name) const { return name.index < entries_.size() && entries_[name.index].is_open(name.generation); }

  /// Closes one ticket whose deadline has passed; nullopt if there is none.
  std::optional<Ticket> take_expired(TimeNs now);

  /// The next deadline; nullopt if no ticket is open.
  std::optional<TimeNs> next_deadline() const;

  std::size_t open_count() const { return open_count_; }

 private:
  static constexpr std::uint32_t none = TicketName::none;

  struct Entry {
    Ticket ticket;
    TimeNs deadline = 0;  // 0: not open
    std::uint32_t generation = 0;
    std::uint32_t before = none;       // the open ticket of this patience opened before this one
    std::uint32_t after = none;        // the one opened after it; in a free entry, the next free entry
    std::optional<Patience> patience;  // nullopt: the deadline is its own

    bool is_open(std::uint32_t of_generation) const { return deadline != 0 && generation == of_generation; }
  };
  struct Line {
    std::uint32_t oldest = none;
    std::uint32_t newest = none;
  };

  std::uint32_t find_free_entry();
  Entry& take_free_entry(Ticket&& ticket, TimeNs deadline);
  Ticket close(std::uint32_t index);

  std::vector<Entry> entries_;
  std::uint32_t free_ = none;
  std::array<Line, 2> lines_;                                 // by patience
  std::set<std::pair<TimeNs, std::uint32_t>> own_deadlines_;  // with the index
  std::size_t open_count_ = 0;
};

}  // namespace ringgate::dispatch
