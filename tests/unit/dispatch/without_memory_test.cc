// Opening handshakes when the allocator has nothing left: each allocation fails in turn. It may cost the connection, never the process,
// and leaves nothing behind.
#include <cstdlib>
#include <new>

#include "auth/password_line.h"
#include "auth/sha256.h"
#include "auth/text_coding.h"
#include "auth/verifiers.h"
#include "dispatch/awaited_replies.h"
#include "unit/dispatch/device_fixture.h"

namespace {

/// How many allocations of the gate still succeed; negative: all. There is one thread.
int allocations_left = -1;
int failures_count = 0;

bool allocation_fails() {
  if (allocations_left < 0 || ringgate::ring::KernelSide::depth > 0) return false;
  if (allocations_left > 0) {
    --allocations_left;
    return false;
  }
  ++failures_count;
  return true;
}

}  // namespace

void* operator new(std::size_t size) {
  void* const memory = allocation_fails() ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocation_fails() ? nullptr : std::malloc(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace ringgate::simulated {
namespace {

class HandshakesWithoutMemory : public DeviceFixture {
 protected:
  HandshakesWithoutMemory() {
    options.settings.limits.ping_interval_ns = 0;
    options.settings.limits.connections_per_prefix = 1000;
    options.settings.limits.auth_failures_per_prefix = 0;
    options.settings.limits.messages_per_second = 1000;
    options.settings.routes.push_back({.path = "/token", .auth = {"token"}});
    options.settings.routes.push_back({.path = "/basic", .auth = {"basic"}});
    options.settings.routes.push_back(
        {.path = "/several", .auth = {"token"}, .duplicate = DuplicatePolicy::allow, .connections_max = 3});
    for (RouteConfig& route : options.settings.routes) route.subprotocols = {"ocpp1.6"};
    auto verifiers = std::make_shared<auth::Verifiers>();
    verifiers->tokens = *auth::DeviceTokens::parse("sha256:" + auth::encode_hex(auth::sha256(bytes_of("token"))) +
                                                       " device=" + id + " name=a-name-that-is-long expires=1900000000",
                                                   "tokens");
    auth::PasswordHash hash{.iterations = 1};
    hash.hash = auth::derive_from_password(bytes_of("secret"), hash.salt, hash.iterations);
    verifiers->passwords = *auth::PasswordFile::parse(auth::print_password_line({.user = id, .hash = hash}), "users");
    options.verifiers = std::move(verifiers);
  }
  ~HandshakesWithoutMemory() override { allocations_left = -1; }

  conn::Connection* only_unnamed(const std::vector<conn::Connection*>& known) {
    for (std::uint32_t slot = 0; slot < options.slots_count; ++slot)
      for (std::uint32_t generation = 1; generation < 64; ++generation)
        if (conn::Connection* const found = gate->devices(0).find({.shard = 0, .slot = slot, .generation = generation}))
          if (std::ranges::find(known, found) == known.end()) return found;
    return nullptr;
  }

  const std::string id = "a-device-with-a-long-name";  // on the heap
};

struct Case {
  const char* path;
  std::string field;
  bool in_two_parts;
};

TEST_F(HandshakesWithoutMemory, LoseTheConnectionAtWorst) {
  const std::string basic = auth::encode_base64(bytes_of(id + ":secret"), auth::Base64::standard);
  const Case cases[] = {{"/ws", "", false},
                        {"/ws", "", true},
                        {"/handler", "", false},
                        {"/token", "Authorization: Bearer token\r\n", false},
                        {"/token", "Authorization: Bearer wrong\r\n", false},
                        {"/basic", "Authorization: Basic " + basic + "\r\n", false},
                        {"/several", "Authorization: Bearer token\r\n", false}};
  for (const Case& each : cases) {
    SCOPED_TRACE(std::string(each.path) + " " + each.field + (each.in_two_parts ? " in two parts" : ""));
    start();
    std::string request = DeviceClient::request(id, each.path, each.field + "Sec-WebSocket-Protocol: ocpp1.6\r\n");
    int lost = 0;
    for (int allocations = 0;; ++allocations) {
      SCOPED_TRACE(allocations);
      ASSERT_LT(allocations, 2000);
      failures_count = 0;
      DeviceClient older = connect();
      older.peer().send(request);
      gate->settle();
      older.read();
      std::vector<conn::Connection*> known;
      if (conn::Connection* const first = only_unnamed({})) known.push_back(first);
      DeviceClient client = connect();
      gate->settle();
      conn::Connection* const connection = only_unnamed(known);
      ASSERT_NE(connection, nullptr);
      std::vector<std::uint8_t> bytes(request.begin(), request.end());
      bytes.resize(bytes.size() + limits::buffer_slack_bytes);
      const MutableBytes whole = MutableBytes(bytes).first(request.size());
      const std::size_t cut = each.in_two_parts ? 40 : request.size();
      allocations_left = allocations;
      gate->devices(0).on_received(*connection, whole.first(cut));
      if (cut < whole.size() && connection->is_live()) gate->devices(0).on_received(*connection, whole.subspan(cut));
      allocations_left = -1;
      gate->settle();
      client.read();
      older.read();
      const bool is_open = client.status() == 101;
      if (!is_open) ++lost;
      client.peer().reset();
      older.peer().reset();
      gate->settle();
      EXPECT_EQ(gate->state().map.count(), 0U);
      EXPECT_EQ(gate->state().limiter.sources_count(), 0U);
      EXPECT_EQ(gate->counters().devices_connected.get(), 0U);
      if (failures_count == 0) break;
    }
    EXPECT_GT(lost, 3);
    expect_nothing_left();
  }
}

TEST_F(HandshakesWithoutMemory, DenialsNeedNone) {
  start();
  auth::DenyList& denied = gate->state().denied;
  denied.ban(id, 1'900'000'000, 1'800'000'000);
  auth::Revocation revocation{.device_id = id, .issued_before = 1, .ends_at = 1'900'000'000};
  denied.revoke(revocation, 1'800'000'000);
  allocations_left = 0;
  failures_count = 0;
  const bool is_banned = denied.banned_until(id, 1'800'000'000).has_value();
  const bool is_revoked = denied.is_revoked({id, "a-token-with-a-long-name", {}}, 1'800'000'000);
  allocations_left = -1;
  EXPECT_TRUE(is_banned);
  EXPECT_TRUE(is_revoked);
  EXPECT_EQ(failures_count, 0);
}

/// Pushes with options while each allocation fails in turn: each has one result, and nothing throws.
class PushesWithoutMemory : public HandshakesWithoutMemory {
 protected:
  struct Way {
    const char* name;
    std::size_t asking_shard = 0;  // devices are on shard 0
    PushOptions asked = {};
    bool has_companion = false;  // the device has two connections
    bool output_waits = false;   // so the message waits as one
    bool repeats = false;        // a push with its id is under way
  };

  PushesWithoutMemory() { options.shards_count = 2; }

  /// Fails all of one allocation, the next or none behind it, and counts results.
  void try_each(const Way& way) {
    SCOPED_TRACE(way.name);
    options.settings.limits.send_timeout_ns = 0;
    std::size_t refused = 0;
    for (int allocations = 0;; ++allocations) {
      SCOPED_TRACE(allocations);
      ASSERT_LT(allocations, 300);
      start();
      const char* const path = way.has_companion ? "/companions" : "/handler";
      DeviceClient client = device("a", path);
      std::optional<DeviceClient> companion;
      if (way.has_companion) companion.emplace(device("a", path));
      (void)push("a", "w");  // what writing needs of the turn is there
      if (way.output_waits) {
        client.peer().stop_reading(4096);
        (void)push("a", std::string(60'000, 'w'));
      }
      int calls = 0, first_calls = 0;
      if (way.repeats) order(way, first_calls);
      PushOutcome outcome = PushOutcome::unknown_outcome;
      failures_count = 0;
      order(way, calls, allocations, &outcome);
      if (HasFailure()) return;
      client.peer().resume_reading();
      gate->pass(milliseconds(100));
      for (int i = 0; i < 3; ++i) {
        for (DeviceClient* const each : {&client, companion ? &*companion : nullptr}) {
          if (each == nullptr) continue;
          for (const std::string& payload : each->take(ws::Opcode::ping))
            each->peer().send(DeviceClient::frame(ws::Opcode::pong, payload));
        }
        gate->pass(seconds(1));
      }
      EXPECT_EQ(calls, 1);
      EXPECT_EQ(first_calls, way.repeats ? 1 : 0);
      if (outcome == PushOutcome::backpressure) {
        ++refused;
        const std::vector<std::string> came = client.take_messages();
        EXPECT_EQ(std::ranges::count(came, "x"), way.repeats ? 1 : 0) << "what is refused is not sent";
      } else {
        EXPECT_TRUE(outcome == PushOutcome::delivered || outcome == PushOutcome::timed_out) << name_of(outcome);
      }
      client.peer().reset();
      if (companion) companion->peer().reset();
      expect_nothing_left();
      if (failures_count == 0 || HasFailure()) break;
    }
    EXPECT_GT(refused, 0U);
  }

 private:
  /// What a crossing push needs on the device's shard fails, too.
  void order(const Way& way, int& calls, int allocations = -1, PushOutcome* outcome = nullptr) {
    const auto message = ws::MessageRef::encode(MessageType::text, bytes_of("x"));
    bool throws = false;
    try {
      gate->on_shard(way.asking_shard, [&](dispatch::PushService& pushes) {
        PushCallback callback = [&calls, outcome](const PushResult& result) {
          ++calls;
          if (outcome != nullptr) *outcome = result.outcome;
        };
        allocations_left = allocations;
        pushes.push("a", message, way.asked, std::move(callback));
        if (way.asking_shard == 0) allocations_left = -1;
      });
      gate->settle();
    } catch (const std::bad_alloc&) {
      throws = true;
    }
    allocations_left = -1;
    EXPECT_FALSE(throws) << "nothing above catches it";
  }
};

TEST_F(PushesWithoutMemory, HaveOneResultEach) {
  options.settings.routes.push_back({.path = "/companions", .duplicate = DuplicatePolicy::allow, .connections_max = 3});
  const PushOptions waits{.wait = PushLevel::ponged, .timeout_ns = seconds(2)};
  const PushOptions has_id{.id = "an-id"};
  const PushOptions both{.id = "an-id", .wait = PushLevel::acked, .timeout_ns = seconds(2)};
  for (const std::size_t shard : {0U, 1U}) {
    SCOPED_TRACE(shard);
    try_each({.name = "waits", .asking_shard = shard, .asked = waits});
    try_each({.name = "has an id", .asking_shard = shard, .asked = has_id});
    try_each({.name = "waits and has an id", .asking_shard = shard, .asked = both});
    try_each({.name = "repeats", .asking_shard = shard, .asked = both, .repeats = true});
    try_each({.name = "to several", .asking_shard = shard, .asked = both, .has_companion = true});
    PushOptions queued = waits;
    queued.ttl_ns = seconds(5);
    try_each({.name = "waits as a message", .asking_shard = shard, .asked = queued, .output_waits = true});
  }
}

TEST(AwaitedRepliesWithoutMemory, AreAddedWholeOrNotAtAll) {
  for (int allocations = 0;; ++allocations) {
    SCOPED_TRACE(allocations);
    ASSERT_LT(allocations, 20);
    dispatch::AwaitedReplies awaited;
    std::string id = "a-correlation-id-that-is-on-the-heap";
    int calls = 0;
    dispatch::RequestCallback on_result = [&](dispatch::RequestResult) { ++calls; };
    failures_count = 0;
    allocations_left = allocations;
    const auto added = awaited.add(1, std::move(id), 5, on_result);
    allocations_left = -1;
    if (failures_count == 0) break;
    EXPECT_EQ(added, dispatch::AwaitedReplies::Added::no_room);
    EXPECT_TRUE(on_result) << "the caller tells its end";
    EXPECT_EQ(awaited.count(), 0U);
    EXPECT_FALSE(awaited.next_deadline().has_value()) << "a shard would never sleep again";
    EXPECT_FALSE(awaited.any());
  }
}

}  // namespace
}  // namespace ringgate::simulated
