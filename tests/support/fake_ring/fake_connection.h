// One TCP connection of the simulated world: what is under way in both directions, and how each direction ends.
// Not a protocol: no packets and no sequence numbers, only what the two ends of a Linux loopback connection can see.
// Owned by the peer, by the ring's socket table and by a listener's queue together; it stays after the gate closed its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/time.h"
#include "ring/ring.h"
#include "ringgate/bytes.h"

namespace ringgate::ring {

class FakeConnection {
 public:
  FakeConnection(const PeerAddress& peer_address, std::size_t send_buffer_bytes)
      : peer_address_(peer_address), send_buffer_bytes_(send_buffer_bytes) {}

  const PeerAddress& peer_address() const { return peer_address_; }

  // -- The gate's end.
  enum class Readable : std::uint8_t { nothing, bytes, end, failed };
  Readable readable(TimeNs now) const;
  /// What a poll for the peer's end sees: its FIN, though bytes may lie before it, or its reset.
  enum class HangUp : std::uint8_t { none, finished, gone };
  HangUp hang_up(TimeNs now) const;
  /// How many bytes the next read may take: those that have arrived, up to the next cut.
  std::size_t readable_bytes(TimeNs now) const;
  void read(MutableBytes out);  // exactly out.size() bytes, at most readable_bytes
  /// The error a call gets is gone afterwards, as in Linux: later reads see the end, later sends a broken pipe.
  void take_error() { error_waits_ = false; }

  bool send_fails(TimeNs now) const;  // reset, or our direction is shut down
  std::size_t send_room() const;
  std::size_t unacknowledged_bytes() const { return under_way_.size(); }
  const LinkQuality& link() const { return link_; }
  void set_link(const LinkQuality& link) { link_ = link; }
  void write(ByteView bytes, TimeNs now);  // at most send_room
  void hold_back() { held_back_ = true; }  // what is written does not travel before the FIN
  void shutdown_by_gate(TimeNs now);       // FIN, after what was written; reception goes on
  void close_by_gate(TimeNs now);          // FIN, or RST if bytes were left unread or are still to come
  void abort_by_gate();                    // RST
  bool is_reset(TimeNs now) const { return reset_at_ && *reset_at_ <= now; }

  /// The network moves: what the gate wrote reaches a peer that reads.
  void deliver();
  /// When `readable` may change next, after `now`.
  std::optional<TimeNs> next_arrival(TimeNs now) const;

  // -- The peer's end.
  void peer_send(ByteView bytes, TimeNs arrives_at, bool ends_read);
  void peer_finish(TimeNs arrives_at);
  void peer_close(TimeNs arrives_at);
  void peer_reset(TimeNs arrives_at);
  void refuse() { peer_saw_reset_ = peer_closed_ = true; }
  void peer_stop_reading(std::size_t room);
  void peer_resume_reading();
  ByteView received() const { return received_; }
  std::vector<std::uint8_t> take_received();
  bool peer_saw_end() const { return peer_saw_end_; }
  bool peer_saw_reset() const { return peer_saw_reset_; }

 private:
  struct Segment {
    std::vector<std::uint8_t> bytes;
    TimeNs arrives_at;
    bool ends_read;  // no read goes on beyond it
    std::size_t read_count = 0;
  };
  TimeNs in_order(TimeNs arrives_at);
  void refuse_late_arrivals(TimeNs now);

  PeerAddress peer_address_;
  std::size_t send_buffer_bytes_;
  LinkQuality link_{.rtt_us = 100, .cwnd = 10, .mss = 1448};

  // Towards the gate.
  std::deque<Segment> segments_;
  TimeNs last_arrival_ = 0;
  std::optional<TimeNs> end_at_;
  std::optional<TimeNs> reset_at_;
  bool error_waits_ = true;      // meaningful once reset_at_ is over
  bool gate_shut_down_ = false;  // sends no more
  bool gate_closed_ = false;     // reads no more either

  // Towards the peer.
  std::vector<std::uint8_t> under_way_;
  std::vector<std::uint8_t> received_;
  bool peer_reads_ = true;
  std::size_t room_while_stopped_ = 0;
  bool peer_closed_ = false;
  bool end_under_way_ = false;
  bool held_back_ = false;
  bool peer_saw_end_ = false;
  bool peer_saw_reset_ = false;
};

}  // namespace ringgate::ring
