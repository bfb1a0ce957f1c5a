// The door: class Ring of ring/ring.h, over a simulated backend.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "fake_ring/fake_backend.h"

namespace ringgate::ring {

namespace {

constexpr std::int64_t wall_clock_start_seconds = 1'800'000'000;

Features both(const Features& a, const Features& b) {
  return {a.multishot_receive && b.multishot_receive,
          a.direct_descriptors && b.direct_descriptors,
          a.silent_sends && b.silent_sends,
          a.incremental_buffers && b.incremental_buffers,
          a.message_ring && b.message_ring,
          a.minimum_wait && b.minimum_wait,
          a.no_submission_array && b.no_submission_array,
          a.peer_name_command && b.peer_name_command,
          a.zero_copy_sends && b.zero_copy_sends,
          a.unacked_command && b.unacked_command,
          a.idle_waits && b.idle_waits,
          a.descriptor_install && b.descriptor_install};
}

}  // namespace

Ring::Backend::Backend(FakeWorld& the_world, const RingOptions& the_options)
    : world(the_world),
      options(the_options),
      features(both(options.allowed, world.options().features)),
      index(world.attach(this)),
      buffers(world, features.incremental_buffers,
              features.incremental_buffers ? options.incremental_buffers_count : options.classic_buffers_count,
              features.incremental_buffers ? options.incremental_buffer_bytes : options.classic_buffer_bytes),
      bulk_buffers(world, false, 2 * bulk_receives_max, bulk_buffer_bytes),
      sockets(world, features.direct_descriptors, options.sockets_max),
      ledger(world),
      random(FakeRandom(world.seed() ^ (0xA11CEU + index)).next()) {}

Ring::Backend::~Backend() {
  for (const Listener& listener : listeners)
    if (listener.door) world.stop_listening(listener.door);
  for (auto& [number, socket] : sockets.all()) {
    socket.connection->close_by_gate(world.now());
    socket.connection->deliver();
    if (!features.direct_descriptors) world.close_process_descriptor(number);
  }
  for (const auto& [token, asked] : links_asked)
    if (asked.descriptor) world.close_process_descriptor(*asked.descriptor);
  world.detach(index);
}

// -- Opening.

Ring::Ring(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}
Ring::~Ring() = default;

std::expected<std::unique_ptr<Ring>, SetupError> Ring::open(const RingOptions& options) {
  return std::unique_ptr<Ring>(new Ring(std::make_unique<Backend>(FakeWorld::current(), options)));
}

std::expected<void, SetupError> Ring::start_on_this_thread() { return {}; }
std::expected<Features, SetupError> probe() { return FakeWorld::current().options().features; }
const Features& Ring::features() const { return backend_->features; }
const RingCounters& Ring::counters() const { return backend_->counters; }

// -- Listening.

std::expected<void, SetupError> check_address_free(const ListenAddress& address) {
  if (!FakeWorld::current().anybody_listens(address)) return {};
  return std::unexpected(SetupError{71, "cannot listen on " + address.text() + ": Address already in use", "choose another"});
}

std::expected<ListenAddress, SetupError> Ring::listen(std::uint32_t listener_index, const ListenAddress& address,
                                                      const ListenOptions& options) {
  RINGGATE_ASSERT(listener_index == backend_->listeners.size());
  auto door = backend_->world.listen(address, backend_->index, static_cast<std::size_t>(options.send_buffer_bytes));
  backend_->listeners.push_back({door});
  return door->address;
}

std::expected<void, SetupError> Ring::share_listener(std::uint32_t listener_index, Ring& owner) {
  RINGGATE_ASSERT(listener_index == backend_->listeners.size());
  backend_->listeners.push_back(
      {backend_->world.listen(owner.backend_->listeners.at(listener_index).door->address, backend_->index, 0)});
  return {};
}

void Ring::accept(std::uint32_t listener_index) {
  const KernelSide kernel;
  Backend::Listener& listener = backend_->listeners.at(listener_index);
  if (listener.accepting) backend_->world.defect("accept armed twice on listener", listener_index);
  if (!listener.door) backend_->world.defect("accept on a closed listener", listener_index);
  listener.accepting = true;
  listener.one_at_a_time = false;
  backend_->queue({.kind = OperationKind::accept, .token = {OperationKind::accept, listener_index, 0}, .socket = listener_index});
}

void Ring::accept_one(std::uint32_t listener_index) {
  accept(listener_index);
  backend_->listeners.at(listener_index).one_at_a_time = true;
}

void Ring::cancel_accept(std::uint32_t listener_index) {
  const KernelSide kernel;
  Backend::Listener& listener = backend_->listeners.at(listener_index);
  if (!listener.accepting || listener.cancelling) return;
  listener.cancelling = true;
  backend_->queue(
      {.kind = OperationKind::cancel, .token = {OperationKind::cancel, 0, 0}, .socket = listener_index, .of_listener = true});
}

void Ring::stop_listening(std::uint32_t listener_index) {
  Backend::Listener& listener = backend_->listeners.at(listener_index);
  if (!listener.door) return;
  cancel_accept(listener_index);
  (void)backend_->enter({});
  backend_->world.stop_listening(listener.door);
  if (listener.armed) backend_->run_cancel_accept({.socket = listener_index});
  listener.door.reset();
}

bool Ring::hold_reserve(std::size_t count) {
  if (backend_->features.direct_descriptors) return true;
  while (backend_->reserve.size() < count) {
    const auto descriptor = backend_->world.open_process_descriptor();
    if (!descriptor) return false;
    backend_->reserve.push_back(*descriptor);
  }
  return true;
}

bool Ring::release_reserve() {
  if (backend_->reserve.empty()) return false;
  backend_->world.close_process_descriptor(backend_->reserve.back());
  backend_->reserve.pop_back();
  return true;
}

// -- Operations.

bool Ring::peer_address(Socket socket, PeerAddress* out, Token token) {
  const KernelSide kernel;
  Backend& b = *backend_;
  if (!b.features.direct_descriptors || !b.features.peer_name_command) {
    const FakeConnection& connection = *b.sockets.at(socket).connection;
    // A process descriptor is asked now; an accept that collects addresses knew it then.
    if (b.features.direct_descriptors || !connection.is_reset(b.world.now())) *out = connection.peer_address();
    return false;
  }
  b.ledger.begin(socket, OperationKind::peer_name, token);
  b.names_wanted[token.pack()] = out;
  b.queue({.kind = OperationKind::peer_name, .token = token, .socket = socket});
  return true;
}

/// No simulated peer is a process.
bool Ring::peer_process(Socket, PeerProcess*, Token) { return false; }

bool Ring::tells_unacknowledged(Socket) const { return backend_->features.unacked_command; }

void Ring::unacknowledged(Socket socket, Token token) {
  const KernelSide kernel;
  backend_->ledger.begin(socket, OperationKind::unacknowledged, token);
  backend_->queue({.kind = OperationKind::unacknowledged, .token = token, .socket = socket});
}

LinkStatus Ring::link_status(Socket socket) const {
  Backend& b = *backend_;
  if (b.sockets.at(socket).connection->peer_address().is_unix()) return LinkStatus::unix_socket;
  return b.features.direct_descriptors && !b.features.descriptor_install ? LinkStatus::unsupported : LinkStatus::known;
}

void Ring::link(Socket socket, LinkQuality* out, Token token) {
  const KernelSide kernel;
  backend_->ledger.begin(socket, OperationKind::link, token);
  backend_->links_asked[token.pack()] = {.out = out, .found = {}};
  backend_->queue({.kind = OperationKind::link, .token = token, .socket = socket});
}

void Ring::receive(Socket socket, Token token) {
  const KernelSide kernel;
  backend_->ledger.begin(socket, OperationKind::receive, token);
  backend_->queue({.kind = OperationKind::receive, .token = token, .socket = socket});
}

void Ring::receive_now(Socket socket, Token token) {
  const KernelSide kernel;
  backend_->ledger.begin(socket, OperationKind::receive_now, token);
  backend_->queue({.kind = OperationKind::receive_now, .token = token, .socket = socket});
}

void Ring::wait_readable(Socket socket, Token token) {
  const KernelSide kernel;
  backend_->ledger.begin(socket, OperationKind::readable, token);
  backend_->queue({.kind = OperationKind::readable, .token = token, .socket = socket});
}

void Ring::wait_hang_up(Socket socket, Token token) {
  const KernelSide kernel;
  backend_->ledger.begin(socket, OperationKind::hang_up, token);
  backend_->queue({.kind = OperationKind::hang_up, .token = token, .socket = socket});
}

void Ring::send(Socket socket, std::span<const Piece> pieces, Sending sending, Token token) {
  const KernelSide kernel;
  RINGGATE_ASSERT(!pieces.empty() && pieces.size() <= pieces_max);
  backend_->ledger.begin(socket, OperationKind::send, token);
  FakeSubmission submission{.kind = OperationKind::send, .token = token, .socket = socket, .sending = sending};
  std::copy(pieces.begin(), pieces.end(), submission.pieces.pieces.begin());
  submission.pieces.count = pieces.size();
  backend_->queue(submission);
}

bool Ring::send_zero_copy(Socket socket, ByteView memory, std::size_t offset, Keeper keeper, Token token) {
  Backend& b = *backend_;
  if (!b.features.zero_copy_sends || b.world.chance(b.world.options().zero_copy_refusal_probability)) return false;
  const ByteView bytes = memory.subspan(offset);
  const Piece piece{bytes.data(), bytes.size()};
  send(socket, {&piece, 1}, Sending::completes, token);
  b.zero_copies.push_back({{bytes.begin(), bytes.end()}, bytes, std::move(keeper)});
  return true;
}

void Ring::shutdown(Socket socket, Token token) {
  const KernelSide kernel;
  backend_->ledger.begin(socket, OperationKind::shutdown, token);
  backend_->queue({.kind = OperationKind::shutdown, .token = token, .socket = socket});
}

void Ring::cancel(Token target, Token token) {
  const KernelSide kernel;
  const Socket socket = target.slot;
  backend_->ledger.begin(socket, OperationKind::cancel, token);
  backend_->queue({.kind = OperationKind::cancel, .token = token, .socket = socket, .target = target});
}

void Ring::close(Socket socket, bool reset, Token token) {
  const KernelSide kernel;
  backend_->ledger.closing(socket);
  backend_->queue({.kind = OperationKind::close, .token = token, .socket = socket, .reset = reset});
}

// -- Doorbells. A ring's index in the world stands for its descriptors.

Ring::Doorbell Ring::doorbell() const {
  const int index = static_cast<int>(backend_->index);
  return {backend_->features.message_ring ? index : -1, index};
}

void Ring::ring(const Doorbell& other) {
  const KernelSide kernel;
  if (!backend_->features.message_ring || other.ring_descriptor < 0) return wake_from_any_thread(other);
  backend_->queue(
      {.kind = OperationKind::doorbell, .token = {OperationKind::doorbell, 0, 0}, .doorbell_of = other.ring_descriptor});
}

void Ring::wake_from_any_thread(const Doorbell& doorbell) {
  FakeWorld::current().note_wake(static_cast<std::size_t>(doorbell.event_descriptor));
}

// -- The turn.

bool Ring::submit_and_wait(const WaitPolicy& policy) {
  const KernelSide kernel;
  return backend_->submit_and_wait(policy);
}

std::size_t Ring::reap(std::span<Completion> out) {
  const KernelSide kernel;
  return backend_->reap(out);
}
std::size_t Ring::held_back() const { return backend_->held_back.size(); }
bool Ring::has_more() const { return !backend_->held_back.empty() || backend_->input_waits(); }
MutableBytes Ring::received(const Completion& completion) { return backend_->buffers_of(completion).look_at(completion); }
bool Ring::return_buffers() {
  const std::uint64_t turn = backend_->turn - (backend_->submitting ? 1 : 0);
  const bool streaming = backend_->buffers.return_before(turn);
  return backend_->bulk_buffers.return_before(turn) || streaming;
}
std::uint32_t Ring::buffers_lent() const { return backend_->buffers.lent_count() + backend_->bulk_buffers.lent_count(); }

// -- Clock and chance.

TimeNs Ring::now() const {
  FakeWorld& world = backend_->world;
  if (world.options().clock_look_cost != 0) world.advance(world.options().clock_look_cost);
  return world.now();
}

std::int64_t Ring::wall_clock_seconds() const {
  return wall_clock_start_seconds + static_cast<std::int64_t>(backend_->world.now() / nanoseconds_per_second);
}

std::int64_t Ring::wall_clock_ms() const {
  return wall_clock_start_seconds * 1000 + static_cast<std::int64_t>(backend_->world.now() / nanoseconds_per_millisecond);
}

void Ring::random(MutableBytes out) {
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(backend_->random.next() >> 56);
}

}  // namespace ringgate::ring
