// What a codec does when the allocator has nothing left: each allocation of a handshake and of data fails in turn, OpenSSL's and ours.
// It may cost the connection, never more.
#include <openssl/crypto.h>

#include <cstdlib>
#include <new>

#include "tls_codec.h"

extern "C" {
void* __real__Znwm(std::size_t size);
}

namespace ringgate::tls {
namespace {

constexpr int never = -1;

/// How many allocations still succeed; never: all. There is one thread.
int allocations_left = never;
bool is_scarce = false;  // only while the gate's side works
int failures_count = 0;

bool allocation_fails() {
  if (!is_scarce || allocations_left == never) return false;
  if (allocations_left > 0) {
    --allocations_left;
    return false;
  }
  ++failures_count;
  return true;
}

void* allocate(std::size_t size, const char*, int) { return allocation_fails() ? nullptr : std::malloc(size); }
void* reallocate(void* memory, std::size_t size, const char*, int) {
  return allocation_fails() ? nullptr : std::realloc(memory, size);
}
void release(void* memory, const char*, int) { std::free(memory); }

/// Before OpenSSL allocates for the first time.
const int is_installed = CRYPTO_set_mem_functions(allocate, reallocate, release);

struct Scarce {
  Scarce() { is_scarce = true; }
  ~Scarce() { is_scarce = false; }
};

struct TlsCodecWithoutMemory : TlsCodec {
  test::ClientOptions options;
  std::shared_ptr<const ClientTrust> trust;

  void prepare(int version) {
    maker().make("charger-7", {.alternatives = {{GEN_URI, "urn:dev:7"}}});
    options = {.host = "gate.test", .version_min = version, .version_max = version};
    options.certificate = maker().certificate("charger-7");
    options.key = maker().key("charger-7");
    trust = ClientTrust::load(std::vector<std::string>{maker().root_file()}, {}, std::time(nullptr)).trust;
    serve(ContextOptions{.identities = {identity_of(maker().make("gate.test"))},
                         .client_certificates = ClientCertificates::required,
                         .trust = trust});
  }

  /// True if the codec goes on.
  bool take(ByteView bytes, MutableBytes room) {
    const Scarce scarce;
    std::size_t count = 0;
    if (codec->is_established()) {
      codec->feed(bytes);
      while ((last = codec->open(room, count)) == Opened::plaintext) {
      }
      return last != Opened::failed;
    }
    HelloState state = codec->gather(bytes);
    for (; state == HelloState::whole; state = codec->judge()) {
      if (!codec->proceed(context)) return false;
      while ((last = codec->open(room, count)) == Opened::plaintext) {
      }
      if (last == Opened::failed) return false;
    }
    return state == HelloState::incomplete;
  }

  /// A handshake and an answer with `allocations`. True if all went well.
  bool serve_one(int allocations) {
    wire.clear_output();
    codec = std::make_unique<Codec>(wire);
    client = std::make_unique<test::MemoryClient>(options);
    client->step();
    std::vector<std::uint8_t> room(50'000);
    allocations_left = allocations;
    bool goes_on = true;
    for (int turn = 0; goes_on && turn < 4; ++turn) {
      if (turn == 3) client->write("question");
      const std::string bytes = client->take_output();
      goes_on = take(bytes_of(bytes), room);
      EXPECT_EQ(wire.input_left(), 0U);
      client->receive(wire.output());
      wire.clear_output();
      client->step();
    }
    if (goes_on && codec->is_established()) {
      const ByteView answer = bytes_of("answer");
      const Scarce scarce;
      goes_on = codec->can_seal() && codec->seal({&answer, 1});
      codec->close();
    }
    client->receive(wire.output());
    wire.clear_output();
    client->step();
    allocations_left = never;
    const bool knows_client = codec->identity() != nullptr && codec->identity()->common_name == "charger-7";
    EXPECT_TRUE(!codec->is_established() || codec->identity() != nullptr) << "nobody must get in unknown";
    return goes_on && knows_client && client->received == "answer";
  }
};

TEST_F(TlsCodecWithoutMemory, LosesTheConnectionAtWorst) {
  ASSERT_EQ(is_installed, 1);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    prepare(version);
    ASSERT_TRUE(serve_one(never)) << client->error;  // what OpenSSL makes once is there
    int lost = 0, allocations = 0;
    for (;; ++allocations) {
      SCOPED_TRACE(allocations);
      failures_count = 0;
      const bool is_served = serve_one(allocations);
      if (failures_count == 0) {
        EXPECT_TRUE(is_served) << client->error;
        break;
      }
      if (!is_served) ++lost;
      ASSERT_LT(allocations, 20'000);
      if (allocations % 50 == 0) {
        ASSERT_TRUE(serve_one(never)) << "the next connection: " << client->error;
      }
    }
    EXPECT_GT(lost, 100) << "of " << allocations;
  }
}

}  // namespace
}  // namespace ringgate::tls

extern "C" {
void* __wrap__Znwm(std::size_t size) {
  if (ringgate::tls::allocation_fails()) throw std::bad_alloc();
  return __real__Znwm(size);
}
void* __wrap__ZnwmRKSt9nothrow_t(std::size_t size, const std::nothrow_t&) {
  return ringgate::tls::allocation_fails() ? nullptr : __real__Znwm(size);
}
}
