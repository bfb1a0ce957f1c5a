#include "fake_ring/fake_world.h"

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "base/assert.h"
#include "fake_ring/fake_backend.h"
#include "fake_ring/fake_connection.h"

namespace ringgate::ring {

namespace {

constexpr std::size_t first_process_descriptor = 16;  // the process has others open

// Set and cleared by the test's thread; read by threads that wake a ring. Orders nothing but itself.
std::atomic<FakeWorld*> world_alive{nullptr};

PeerAddress loopback_address(std::uint16_t port) {
  PeerAddress result;
  result.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1};
  result.port = port;
  return result;
}

}  // namespace

FakeWorld::FakeWorld(std::uint64_t seed, const FakeOptions& options) : seed_(seed), options_(options), random_(seed) {
  RINGGATE_ASSERT(world_alive.exchange(this) == nullptr);
  trace_.add(seed);
}

FakeWorld::~FakeWorld() {
  for (const Ring::Backend* ring : rings_)
    if (ring != nullptr) defect("the world ends before its ring", ring->index);
  world_alive = nullptr;
}

FakeWorld& FakeWorld::current() {
  FakeWorld* world = world_alive;
  RINGGATE_ASSERT(world != nullptr);
  return *world;
}

void FakeWorld::defect(const char* rule, std::uint64_t subject) const {
  std::fprintf(stderr, "fake ring: seed %" PRIu64 ": %s (%" PRIu64 ")\n", seed_, rule, subject);
  std::abort();
}

// -- Clock.

void FakeWorld::advance(DurationNs duration) {
  now_ += duration;
  trace_.add(now_);
}

bool FakeWorld::idle() const {
  return std::none_of(rings_.begin(), rings_.end(),
                      [](const Ring::Backend* ring) { return ring != nullptr && ring->work_waits(); });
}

std::optional<TimeNs> FakeWorld::next_event() const {
  if (!idle()) return now_;
  std::optional<TimeNs> next;
  const auto consider = [&next](TimeNs at) {
    if (!next || at < *next) next = at;
  };
  for (const Ring::Backend* ring : rings_) {
    if (ring == nullptr) continue;
    if (ring->asleep && ring->asleep_until != 0) consider(ring->asleep_until);
    for (const auto& [number, socket] : ring->sockets.all())
      if (const auto arrival = socket.connection->next_arrival(now_)) consider(*arrival);
  }
  if (next && *next < now_) next = now_;
  return next;
}

bool FakeWorld::advance_to_next_event() {
  const auto next = next_event();
  if (!next) return false;
  if (*next > now_) advance(*next - now_);
  return true;
}

TimeNs FakeWorld::arrival_time() {
  if (options_.arrival_delay_max == 0) return now_;
  return now_ + random_.below(options_.arrival_delay_max + 1);
}

// -- Listening and connecting.

bool FakeWorld::anybody_listens(const ListenAddress& address) const {
  return address.port != 0 && std::any_of(listeners_.begin(), listeners_.end(), [&address](const auto& listener) {
           return listener->address.port == address.port && listener->address.host == address.host;
         });
}

std::shared_ptr<FakeWorld::Listener> FakeWorld::listen(const ListenAddress& address, std::size_t ring_index,
                                                       std::size_t send_buffer_bytes) {
  auto listener = std::make_shared<Listener>(Listener{address, ring_index, send_buffer_bytes, {}});
  if (listener->address.port == 0) listener->address.port = next_port_++;
  listeners_.push_back(listener);
  return listener;
}

void FakeWorld::stop_listening(const std::shared_ptr<Listener>& listener) {
  for (const auto& connection : listener->waiting) connection->abort_by_gate();
  listener->waiting.clear();
  std::erase(listeners_, listener);
}

FakePeer& FakeWorld::connect(const ListenAddress& address, const ConnectOptions& how) {
  std::vector<Listener*> doors;
  for (const auto& listener : listeners_)
    if (listener->address.port == address.port && listener->address.host == address.host &&
        how.ring_index.value_or(listener->ring_index) == listener->ring_index)
      doors.push_back(listener.get());
  Listener* door = doors.empty() ? nullptr : doors[doors.size() == 1 ? 0 : random_.below(doors.size())];

  const bool own_buffer_size = door != nullptr && door->send_buffer_bytes != 0;
  const auto connection =
      std::make_shared<FakeConnection>(how.from ? *how.from : loopback_address(next_peer_port_++),
                                       own_buffer_size ? door->send_buffer_bytes : options_.send_buffer_bytes);
  if (door != nullptr) door->waiting.push_back(connection);
  else connection->refuse();
  trace_.add(connection->peer_address().port);
  return peers_.emplace_back(*this, connection);
}

std::size_t FakeWorld::connections_waiting(const ListenAddress& address) const {
  std::size_t count = 0;
  for (const auto& listener : listeners_)
    if (listener->address.port == address.port && listener->address.host == address.host) count += listener->waiting.size();
  return count;
}

// -- For rings.

std::size_t FakeWorld::attach(Ring::Backend* backend) {
  rings_.push_back(backend);
  const std::scoped_lock lock(wakes_mutex_);
  wakes_.push_back(false);
  return rings_.size() - 1;
}

void FakeWorld::detach(std::size_t ring_index) { rings_[ring_index] = nullptr; }
Ring::Backend* FakeWorld::ring_at(std::size_t ring_index) const { return rings_.at(ring_index); }

void FakeWorld::note_wake(std::size_t ring_index) {
  const std::scoped_lock lock(wakes_mutex_);
  wakes_.at(ring_index) = true;
}

bool FakeWorld::take_wake(std::size_t ring_index) {
  const std::scoped_lock lock(wakes_mutex_);
  const bool waits = wakes_[ring_index];
  wakes_[ring_index] = false;
  return waits;
}

bool FakeWorld::wake_waits(std::size_t ring_index) const {
  const std::scoped_lock lock(wakes_mutex_);
  return wakes_[ring_index];
}

std::optional<Socket> FakeWorld::open_process_descriptor() {
  if (process_descriptors_.empty()) process_descriptors_.resize(first_process_descriptor, true);
  auto lowest = std::find(process_descriptors_.begin(), process_descriptors_.end(), false);
  if (lowest == process_descriptors_.end()) {
    if (process_descriptors_.size() >= options_.process_descriptors_max) return std::nullopt;
    lowest = process_descriptors_.insert(lowest, false);
  }
  *lowest = true;
  return static_cast<Socket>(lowest - process_descriptors_.begin());
}

std::size_t FakeWorld::process_descriptors_open() const {
  const auto open = static_cast<std::size_t>(std::ranges::count(process_descriptors_, true));
  return open - std::min(open, first_process_descriptor);
}

void FakeWorld::close_process_descriptor(Socket descriptor) { process_descriptors_.at(descriptor) = false; }

bool FakeWorld::next_operation_fails() { return ++operations_count_ == options_.failing_operation_number; }

}  // namespace ringgate::ring
