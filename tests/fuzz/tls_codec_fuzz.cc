// TLS between the simulated ring and a session: handshakes, records, alerts, new keys and ends, in any order and any pieces.
//
// Input: byte 0 = form (below), byte 1 = size of the ring's send buffer; then steps (see `step`), each a byte and perhaps a number.
// Oracles: the session hears nothing but what the client said, in order and from its beginning; what it sends back arrives so too; a
// client that kept to the rules is heard and answered whole, and sees close_notify; another client of the same shard notices nothing;
// memory stays under its ceiling all the while; at the end no slot, buffer, operation or byte is left of the connection.
//
// Handshakes resume a session unless the form says otherwise: a full one takes as long as three dozen steps.
//
// Tests: tests/fuzz/steered_client.h src/tls/*.[ch]* src/conn/*.[ch]*
#include <openssl/rand.h>

#include <array>
#include <ctime>
#include <memory>
#include <string>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#define RINGGATE_FUZZ_COUNTS_HEAP 1
#endif
#endif

#include "fake_ring/fake_backend.h"
#include "openssl_heap.h"
#include "sim/echo_shard.h"
#include "steered_client.h"
#include "support/tls/certificate_maker.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;

// Byte 0. Bits 0-1: the client.
enum class Speaks : unsigned { tls13, tls12, tls13_after_a_retry, tls13_in_short_records };
constexpr unsigned whole_handshake = 4;  // else it resumes
constexpr unsigned forges = 8;           // records by hand, once the handshake is over
constexpr unsigned poor_ring = 16;       // without features, and with buffers of 64 bytes
constexpr unsigned first_flight_cut = 32;
constexpr unsigned puts_ends_off = 64;

constexpr unsigned runs_per_world = 500;
constexpr unsigned steps_max = 64;
constexpr std::size_t heap_bytes_max = 3 * 1024 * 1024;  // of one connection, its client, and what is on its way

/// The same numbers in each run, so that an input means the same again. (OpenSSL has no other way to give it a source of its own
/// without a provider.)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
ring::FakeRandom chance{1};
int random_bytes(unsigned char* out, int count) {
  for (int i = 0; i < count; ++i) out[i] = static_cast<unsigned char>(chance.next());
  return 1;
}
int ready() { return 1; }
const RAND_METHOD repeatable{
    .seed = nullptr, .bytes = random_bytes, .cleanup = nullptr, .add = nullptr, .pseudorand = random_bytes, .status = ready};
void make_chance_repeatable() { RAND_set_rand_method(&repeatable); }
#pragma GCC diagnostic pop

std::shared_ptr<const tls::Context> server_context() {
  test::CertificateMaker maker;
  const auto files = maker.make("gate.test");
  auto identity = tls::load_identity(files.certificate, files.key, std::time(nullptr));
  return std::move(*tls::Context::create({.identities = {std::make_shared<const tls::Identity>(std::move(identity.value()))}}));
}

struct FreeSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, FreeSession>;

/// One kind of client, and the session that it resumes.
struct Kind {
  tls::SslContextPtr context;
  SessionPtr session;
};

Kind make_kind(Speaks speaks) {
  const int version = speaks == Speaks::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  Kind kind{test::MemoryClient::new_context({.version_min = version, .version_max = version}), nullptr};
  if (speaks == Speaks::tls13_after_a_retry) {
    char groups[] = "P-384:X25519";
    SSL_CTX_set1_groups_list(kind.context.get(), groups);
  }
  if (speaks == Speaks::tls13_in_short_records)
    SSL_CTX_set_tlsext_max_fragment_length(kind.context.get(), TLSEXT_max_fragment_length_512);
  SSL_CTX_set_ciphersuites(kind.context.get(), "TLS_AES_128_GCM_SHA256");
  return kind;
}

conn::EchoShard::Options shard_options(const std::shared_ptr<const tls::Context>& context, bool is_poor) {
  conn::EchoShard::Options options{.tls = context, .buffer_bytes = is_poor ? 64U : 4096U};
  if (is_poor) options.allowed = {};
  return options;
}

/// One shard and the client that must not be disturbed.
struct Place {
  Place(ring::FakeWorld& world, const std::shared_ptr<const tls::Context>& context, bool is_poor)
      : world_(world), shard(shard_options(context, is_poor)) {
    shard.session.heard = [this](const conn::Connection& connection, ByteView bytes) {
      if (&connection != witness_connection_) heard += text_of(bytes);
    };
  }

  void connect_witness(const test::ClientOptions& options) {
    witness_.emplace(world_.connect(shard.address), options, false);
    for (int i = 0; i < 6; ++i) pump_witness();
    require(witness_->is_open(), "a good client is let in");
    witness_connection_ = shard.session.latest;
    in_flight_ = shard.transport.operations_in_flight();
  }
  /// Keeps what the witness needs to resume.
  SessionPtr take_session() { return SessionPtr(SSL_get1_session(witness_->tls().ssl())); }

  void settle() {
    for (int i = 0; i < 200; ++i) {
      shard.turn();
      if (world_.idle() && !shard.transport.wants_turn()) return;
    }
  }
  void pump_witness() {
    witness_->pump();
    settle();
  }
  void witness_speaks() {
    witness_->say(9);
    pump_witness();
  }
  void require_undisturbed() {
    for (int i = 0; i < 20 && witness_->tls().received.size() < witness_->said().size(); ++i) {
      world_.advance(nanoseconds_per_millisecond);
      pump_witness();
    }
    require(witness_->tls().received == witness_->said() && witness_->tls().error.empty(), "another client notices nothing");
  }
  void require_nothing_left() {
    for (int i = 0; i < 400 && shard.transport.table().used_count() > 1; ++i) {
      world_.advance(50 * nanoseconds_per_millisecond);
      settle();
    }
    require(shard.transport.table().used_count() == 1, "the slot is free again");
    require(shard.session.open_count == 1, "the session was told of the end");
    require(shard.transport.operations_in_flight() == in_flight_, "no operation is left");
    require(shard.buffers_lent() == 0, "no buffer is left");
    require(shard.counters().send_queue_bytes.get() == 0, "no output is left");
  }

 private:
  ring::FakeWorld& world_;
  std::optional<SteeredClient> witness_;
  const conn::Connection* witness_connection_ = nullptr;
  std::uint32_t in_flight_ = 0;

 public:
  conn::EchoShard shard;
  std::string heard;  // of the client that is steered
};

struct World {
  World() {
    for (unsigned i = 0; i < kinds.size(); ++i) kinds[i] = make_kind(static_cast<Speaks>(i));
    for (unsigned i = 0; i < kinds.size(); ++i) {  // sessions to resume; the last two witnesses stay
      places[i % 2].emplace(world, context, i % 2 == 1);
      places[i % 2]->connect_witness({.context = kinds[i].context.get()});
      places[i % 2]->witness_speaks();
      kinds[i].session = places[i % 2]->take_session();
      if (i < 2) places[i % 2].reset();
    }
  }

  ring::FakeWorld world{1, ring::FakeOptions{}};
  std::shared_ptr<const tls::Context> context = server_context();
  std::array<Kind, 4> kinds;
  std::array<std::optional<Place>, 2> places;
};

std::size_t heap_bytes() {
#if defined(RINGGATE_FUZZ_COUNTS_HEAP)
  return __sanitizer_get_current_allocated_bytes() - OpensslHeap::bytes_held() + OpensslHeap::bytes_in_use();
#else
  return 0;
#endif
}

class Run {
 public:
  Run(World& in, unsigned form, Choices& choices)
      : world_(in.world),
        place_(*in.places[(form & poor_ring) != 0 ? 1 : 0]),
        choices_(choices),
        resumed_((form & whole_handshake) == 0 ? SSL_SESSION_dup(in.kinds[form % 4].session.get()) : nullptr),
        client_(in.world.connect(place_.shard.address), {.session = resumed_.get(), .context = in.kinds[form % 4].context.get()},
                (form & forges) != 0, form % 4 == static_cast<unsigned>(Speaks::tls13_in_short_records) ? 512 : 16'384),
        heap_before_(heap_bytes()) {
    place_.heard.clear();
    place_.shard.session.puts_ends_off = (form & puts_ends_off) != 0;
    if ((form & first_flight_cut) != 0) client_.cut_next(1 + choices_.byte());
    client_.pump();
    place_.settle();
  }

  void run() {
    for (unsigned i = 0; i < steps_max && !choices_.rest().empty(); ++i) {
      step();
      look();
    }
    go_to_the_end();
    client_.peer().close();
    place_.settle();
    place_.require_undisturbed();
    place_.require_nothing_left();
  }

 private:
  conn::Connection* connection() {
    conn::Connection* const latest = place_.shard.session.latest;
    return place_.shard.session.open_count == 2 ? latest : nullptr;
  }

  void step() {
    const unsigned kind = choices_.byte() % 26;
    switch (kind) {
      case 0:
      case 1: return turn();
      case 2: client_.say(choices_.byte()); return turn();
      case 3: client_.say(choices_.number16() % 20'000); return turn();
      case 4: client_.say(1 + choices_.byte()); return;
      case 5: return client_.cut_next(1 + choices_.byte());
      case 6: return client_.hold();
      case 7: return client_.release();
      case 8: client_.update_keys(choices_.byte() % 2 == 1); return;
      case 9: client_.peer().stop_reading(choices_.byte()); return;
      case 10: client_.peer().resume_reading(); return;
      case 11: return client_.flip_next(choices_.number16());
      case 12: return client_.truncate_next(choices_.number16());
      case 13: inject(); return turn();
      case 14: forge(); return;
      case 15:
        for (unsigned n = choices_.byte() % 64; n > 0; --n) client_.say(1);
        return;
      case 16:
        for (unsigned n = choices_.byte() % 64; n > 0; --n) client_.say(0);
        return;
      case 17:
        for (unsigned n = choices_.byte() % 64; n > 0; --n) client_.update_keys(true);
        return;
      case 18: client_.close_notify(); return;
      case 19: client_.finish(); return;
      case 20:
        if (choices_.byte() % 2 == 1) client_.reset();
        return;
      case 21: place_.witness_speaks(); return;
      case 22: return pass(nanoseconds_per_millisecond * 10 * choices_.byte());
      case 23: client_.renegotiate(); return;
      case 24: return session_acts();
      default: client_.pump(); return;
    }
  }

  void turn() {
    client_.pump();
    place_.settle();
  }
  /// So many bytes of the input, or a beginning that looks like a record.
  void inject() {
    const unsigned choice = choices_.byte();
    const std::string_view rest = text_of(choices_.rest());
    std::string bytes(rest.substr(0, std::min<std::size_t>(choice % 32, rest.size())));
    if (choice >= 128) bytes.insert(0, {"\x17\x03\x03\x00\x12", 5});
    else if (choice >= 64) bytes.insert(0, {"\x16\x03\x01", 3});
    else if (choice >= 32) bytes.insert(0, {"\x14\x03\x03\x00\x01\x01", 6});
    client_.inject(bytes);
  }
  void forge() {
    const unsigned type = choices_.byte();
    const unsigned choice = choices_.byte();
    const std::string_view rest = text_of(choices_.rest());
    std::string content(rest.substr(0, std::min<std::size_t>(choice % 16, rest.size())));
    if (choice >= 128) content.append(16'384 - 8 + choice % 16, 'z');  // around the longest a record may hold
    client_.forge(static_cast<std::uint8_t>(20 + type % 6), content);
  }
  void pass(DurationNs time) {
    passed_ += time;
    if (passed_ > 3 * nanoseconds_per_second) client_.excuse();  // deadlines of handshakes and of closing
    for (; time > 100 * nanoseconds_per_millisecond; time -= 100 * nanoseconds_per_millisecond) {
      world_.advance(100 * nanoseconds_per_millisecond);
      place_.settle();
    }
    world_.advance(time);
    place_.settle();
  }
  void session_acts() {
    conn::Connection* const connection = this->connection();
    const unsigned choice = choices_.byte() % 4;
    if (connection == nullptr) return;
    conn::Transport& transport = place_.shard.transport;
    switch (choice) {
      case 0: transport.pause(*connection); return;
      case 1: transport.resume(*connection); return;
      case 2:
        client_.excuse();
        transport.flush_and_close(*connection);
        return;
      default:
        client_.excuse();
        transport.terminate(*connection, conn::EndCause::aborted, conn::Farewell::reset);
        return;
    }
  }

  void look() {
    const std::string& said = client_.said();
    const std::string& received = client_.tls().received;
    require(said.starts_with(place_.heard), "the session hears what the client said");
    require(place_.heard.starts_with(received), "the client gets back what the session sent");
    if (!client_.tls().error.empty() && !client_.is_confused()) {
      if (!client_.is_excused()) std::fprintf(stderr, "the client says: %s\n", client_.tls().error.c_str());
      require(client_.is_excused(), "a client that keeps to the rules is served");
      require(client_.tls().error.contains("alert"), "the client understands the gate to the end");
    }
    const std::size_t heap = heap_bytes();
    require(heap < heap_before_ + heap_bytes_max + 4 * said.size(), "memory stays under its ceiling");
  }

  void go_to_the_end() {
    place_.shard.session.puts_ends_off = false;
    client_.release();
    client_.peer().resume_reading();
    if (conn::Connection* const here = connection(); here != nullptr) place_.shard.transport.resume(*here);
    const auto is_served = [&] {
      return client_.is_open() && place_.heard.size() == client_.said().size() &&
             client_.tls().received.size() == client_.said().size();
    };
    const auto go_on = [&](auto&& is_done) {
      for (int i = 0; i < 300 && !is_done(); ++i) {
        turn();
        look();
        if (client_.is_excused() && i > 4) return;
        world_.advance(nanoseconds_per_millisecond);
      }
      require(client_.is_excused() || is_done(), "a client that keeps to the rules gets its answers");
    };
    go_on(is_served);
    if (!client_.has_finished()) client_.close_notify();
    if (!client_.is_excused()) go_on([&] { return client_.tls().saw_end(); });
  }

  ring::FakeWorld& world_;
  Place& place_;
  Choices& choices_;
  SessionPtr resumed_;
  SteeredClient client_;
  const std::size_t heap_before_;
  DurationNs passed_ = 0;
};

/// A place for the next runs. What OpenSSL took for the last ones comes back.
std::unique_ptr<World> new_world(std::unique_ptr<World> last) {
  constexpr std::size_t growth_bytes_max = 1024 * 1024;  // OpenSSL keeps some things for reuse
  static std::size_t bytes_between_worlds = 0;
  if (last == nullptr) OpensslHeap::install();
  make_chance_repeatable();
  const bool is_second = last != nullptr && bytes_between_worlds == 0;
  last.reset();
  if (is_second) bytes_between_worlds = OpensslHeap::bytes_in_use();
  require(bytes_between_worlds == 0 || OpensslHeap::bytes_in_use() < bytes_between_worlds + growth_bytes_max,
          "what OpenSSL allocates is freed");
  return std::make_unique<World>();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::unique_ptr<World> world;
  static unsigned runs_left = 0;
  if (runs_left-- == 0) {
    world = new_world(std::move(world));
    runs_left = runs_per_world - 1;
  }
  Choices choices(data, size);
  const unsigned form = choices.byte();
  world->world.options().send_buffer_bytes = 64 + 64 * std::size_t{choices.byte()};
  Run(*world, form, choices).run();
  return 0;
}
