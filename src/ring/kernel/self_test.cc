#include "ring/kernel/self_test.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "ring/kernel/errors.h"

namespace ringgate::ring {

namespace {

constexpr DurationNs patience = nanoseconds_per_second;
constexpr DurationNs message_patience = 200 * nanoseconds_per_millisecond;  // a message arrives before the enter returns
constexpr std::uint32_t pattern_prime = 251;                                // not a power of two, so that a shifted block shows

std::uint8_t pattern_at(std::size_t position) { return static_cast<std::uint8_t>(position % pattern_prime); }

/// A plain client socket: the other end of every trial.
class Peer {
 public:
  Peer(const ListenAddress& server, int receive_buffer_bytes) {
    descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    sockaddr_in own{};
    socklen_t own_bytes = sizeof own;
    if (getsockname(descriptor_, reinterpret_cast<sockaddr*>(&own), &own_bytes) == 0) port_ = ntohs(own.sin_port);
  }
  ~Peer() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool connected() const { return connected_; }
  std::uint16_t port() const { return port_; }

  std::size_t send_some(ByteView bytes) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }

  /// Appends all that has arrived.
  void read_into(std::vector<std::uint8_t>& out) {
    std::uint8_t block[16 * 1024];
    for (ssize_t got = 0; (got = recv(descriptor_, block, sizeof block, MSG_DONTWAIT)) > 0;)
      out.insert(out.end(), block, block + got);
  }

  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_ = -1;
  bool connected_ = false;
  std::uint16_t port_ = 0;
};

/// One ring with one accepted connection.
class Trial {
 public:
  static constexpr Token receive_token{OperationKind::receive, 0, 1};
  static constexpr Token send_token{OperationKind::send, 0, 1};

  /// Options for a small ring.
  static RingOptions options(const Features& allowed) {
    RingOptions options;
    options.allowed = allowed;
    options.sockets_max = 8;
    options.submission_entries = 64;
    options.completion_entries = 512;
    return options;
  }

  static std::expected<std::unique_ptr<Trial>, SetupError> open(const Features& allowed) {
    auto ring = Ring::open(options(allowed));
    if (!ring) return std::unexpected(ring.error());
    auto trial = std::make_unique<Trial>(std::move(*ring));
    if (const auto started = trial->ring->start_on_this_thread(); !started) return std::unexpected(started.error());
    const auto address = trial->ring->listen(0, {"127.0.0.1", 0}, {.backlog = 8, .send_buffer_bytes = 8192});
    if (!address) return std::unexpected(address.error());
    trial->ring->accept(0);
    trial->peer.emplace(*address, 4096);
    trial->turn_until([&] { return trial->socket.has_value(); });
    if (!trial->peer->connected() || !trial->socket)
      return std::unexpected(
          SetupError{exit_ring_unavailable, "io_uring accepts no connection on loopback", "run: ringgate doctor"});
    return trial;
  }

  explicit Trial(std::unique_ptr<Ring> r) : ring(std::move(r)) {}

  /// Takes turns until `done` or until `patience` is over; returns `done()`.
  bool turn_until(const std::function<bool()>& done) {
    const TimeNs deadline = ring->now() + patience;
    while (!done() && ring->now() < deadline) turn({.may_sleep = true, .timeout = 5 * nanoseconds_per_millisecond});
    return done();
  }

  void turn(const WaitPolicy& policy) {
    (void)ring->submit_and_wait(policy);
    Completion completions[64];
    for (std::size_t count = 0; (count = ring->reap(completions)) > 0;)
      for (const Completion& completion : std::span(completions, count)) on_completion(completion);
    (void)ring->return_buffers();
  }

  std::unique_ptr<Ring> ring;
  std::optional<Peer> peer;
  std::optional<Socket> socket;
  std::vector<std::uint8_t> received;
  bool receive_armed = false;
  std::vector<Completion> sends;
  std::optional<Completion> peer_name;
  std::optional<Completion> unacknowledged;
  std::optional<Completion> link;
  LinkQuality link_quality;

 private:
  void on_completion(const Completion& completion) {
    switch (completion.token.kind) {
      case OperationKind::accept:
        if (completion.error == IoError::none) socket = static_cast<Socket>(completion.result);
        break;
      case OperationKind::receive:
        receive_armed = completion.more;
        if (completion.has_buffer) {
          const MutableBytes bytes = ring->received(completion);
          received.insert(received.end(), bytes.begin(), bytes.end());
        }
        break;
      case OperationKind::send: sends.push_back(completion); break;
      case OperationKind::peer_name: peer_name = completion; break;
      case OperationKind::unacknowledged: unacknowledged = completion; break;
      case OperationKind::link: link = completion; break;
      default: break;
    }
  }
};

bool is_pattern(const std::vector<std::uint8_t>& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != pattern_at(i)) return false;
  return true;
}

/// Sizes from 1 byte to more than a buffer arrive complete and in order.
bool receives_every_size(Trial& trial) {
  static constexpr std::size_t sizes[] = {1, 2, 63, 64, 65, 1000, 2047, 2048, 2049, 16'384, 65'535, 65'536, 65'537, 3, 200'000};
  std::vector<std::uint8_t> all;
  for (const std::size_t size : sizes)
    for (std::size_t i = 0; i < size; ++i) all.push_back(pattern_at(all.size()));
  std::size_t sent = 0;
  const bool complete = trial.turn_until([&] {
    if (!trial.receive_armed) {
      trial.receive_armed = true;
      trial.ring->receive(*trial.socket, Trial::receive_token);
    }
    sent += trial.peer->send_some(ByteView(all).subspan(sent));
    return trial.received.size() >= all.size();
  });
  return complete && trial.received.size() == all.size() && is_pattern(trial.received);
}

/// A silent send completes exactly if the kernel did not take everything, and its result is the number of bytes taken.
bool silence_means_sent(Trial& trial) {
  constexpr std::size_t block_bytes = 3000;
  constexpr int blocks_max = 200;
  std::vector<std::uint8_t> stream(block_bytes * blocks_max);
  for (std::size_t i = 0; i < stream.size(); ++i) stream[i] = pattern_at(i);

  std::size_t silent = 0;
  trial.sends.clear();
  while (trial.sends.empty() && silent < blocks_max) {
    const Piece block{stream.data() + silent * block_bytes, block_bytes};
    trial.ring->send(*trial.socket, {&block, 1}, Ring::Sending::silent, Trial::send_token);
    trial.turn({});
    if (trial.sends.empty()) ++silent;
  }
  if (trial.sends.size() != 1) return false;
  const Completion last = trial.sends.front();
  const bool is_short = last.error == IoError::none && last.result > 0 && last.result < static_cast<int>(block_bytes);
  if (!is_short && last.error != IoError::again) return false;

  const std::size_t expected = silent * block_bytes + (is_short ? static_cast<std::size_t>(last.result) : 0);
  std::vector<std::uint8_t> arrived;
  const bool complete = trial.turn_until([&] {
    trial.peer->read_into(arrived);
    return arrived.size() >= expected;
  });
  trial.turn({.may_sleep = true, .timeout = nanoseconds_per_millisecond});  // no completion may come late
  trial.peer->read_into(arrived);
  if (!complete || arrived.size() != expected || !is_pattern(arrived) || trial.sends.size() != 1) return false;

  trial.peer->reset();
  trial.sends.clear();
  const Piece block{stream.data(), block_bytes};
  // The reset may need a moment to arrive. After that every silent send must complete with an error.
  return trial.turn_until([&] {
    if (trial.sends.empty()) trial.ring->send(*trial.socket, {&block, 1}, Ring::Sending::silent, Trial::send_token);
    return !trial.sends.empty() && trial.sends.front().error == IoError::connection_ended;
  });
}

/// A send without a copy arrives, and its keeper is dropped.
bool copies_nothing(Trial& trial) {
  std::vector<std::uint8_t> memory(1000);  // the peer has room for all of it
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = pattern_at(i);
  bool kept = true;
  const auto drop = [](const void* flag) { *static_cast<bool*>(const_cast<void*>(flag)) = false; };
  if (!trial.ring->send_zero_copy(*trial.socket, memory, 0, {&kept, drop}, Trial::send_token)) return false;
  std::vector<std::uint8_t> arrived;
  const bool complete = trial.turn_until([&] {
    trial.peer->read_into(arrived);
    return !trial.sends.empty() && arrived.size() >= memory.size() && !kept;
  });
  return complete && trial.sends.size() == 1 && trial.sends[0].result == static_cast<int>(memory.size()) && arrived == memory;
}

bool reaches_other_ring(Trial& trial, const Features& allowed) {
  const auto other = Ring::open(Trial::options(allowed));
  if (!other || !(*other)->start_on_this_thread()) return false;
  // The doorbell lacks the event descriptor, so only a message can wake the other ring.
  return message_arrives(*trial.ring, **other, {.ring_descriptor = (*other)->doorbell().ring_descriptor});
}

bool names_peers(Trial& trial) {
  PeerAddress address;
  if (!trial.ring->peer_address(*trial.socket, &address, {OperationKind::peer_name, *trial.socket, 1})) return false;
  return trial.turn_until([&] { return trial.peer_name.has_value(); }) && trial.peer_name->error == IoError::none &&
         address.port == trial.peer->port();
}

/// A peer that has been sent nothing has acknowledged all of it.
bool tells_unacknowledged(Trial& trial) {
  trial.ring->unacknowledged(*trial.socket, {OperationKind::unacknowledged, *trial.socket, 1});
  return trial.turn_until([&] { return trial.unacknowledged.has_value(); }) && trial.unacknowledged->error == IoError::none &&
         trial.unacknowledged->result == 0;
}

/// Of a connection that has begun, the kernel knows the size of its segments.
bool knows_links(Trial& trial) {
  trial.ring->link(*trial.socket, &trial.link_quality, {OperationKind::link, *trial.socket, 1});
  return trial.turn_until([&] { return trial.link.has_value(); }) && trial.link->error == IoError::none &&
         trial.link_quality.mss > 0;
}

}  // namespace

bool message_arrives(Ring& from, Ring& to, const Ring::Doorbell& doorbell) {
  from.ring(doorbell);
  const TimeNs deadline = to.now() + message_patience;
  do {
    (void)from.submit_and_wait({});
    (void)to.submit_and_wait({.may_sleep = true, .timeout = nanoseconds_per_millisecond});
    Completion completion;
    while (from.reap({&completion, 1}) > 0) {
    }
    while (to.reap({&completion, 1}) > 0)
      if (completion.token.kind == OperationKind::doorbell) return true;
  } while (to.now() < deadline);
  return false;
}

std::expected<Features, SetupError> self_test(const Features& allowed) {
  auto trial = Trial::open(allowed);
  if (!trial) return std::unexpected(trial.error());
  Features proven = (*trial)->ring->features();

  if (!receives_every_size(**trial)) {
    if (!allowed.incremental_buffers && !allowed.multishot_receive)
      return std::unexpected(SetupError{exit_ring_unavailable, "io_uring loses or reorders bytes on loopback",
                                        "run a kernel without that defect (ringgate doctor)"});
    Features plainer = allowed;
    (allowed.incremental_buffers ? plainer.incremental_buffers : plainer.multishot_receive) = false;
    return self_test(plainer);
  }
  // Only direct descriptors need the command; for process descriptors there is getpeername(2).
  proven.peer_name_command = allowed.peer_name_command && proven.direct_descriptors && names_peers(**trial);
  proven.unacked_command = allowed.unacked_command && tells_unacknowledged(**trial);
  // Process descriptors are asked without it.
  proven.descriptor_install = allowed.descriptor_install && (!proven.direct_descriptors || knows_links(**trial));
  proven.message_ring = allowed.message_ring && reaches_other_ring(**trial, proven);
  proven.silent_sends = allowed.silent_sends && silence_means_sent(**trial);
  if (proven.zero_copy_sends) {  // on another connection, since the first is reset
    const auto second = Trial::open(proven);
    proven.zero_copy_sends = second && copies_nothing(**second);
  }
  return proven;
}

}  // namespace ringgate::ring
