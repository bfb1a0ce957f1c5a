// A codec and a client, with all bytes between them in the test's hands.
#pragma once

#include <gtest/gtest.h>

#include <ctime>

#include "support/tls/certificate_maker.h"
#include "support/tls/memory_client.h"
#include "tls/codec.h"

namespace ringgate::tls {

using test::CertificateMaker;
using test::ClientOptions;
using test::MemoryClient;

inline std::shared_ptr<const Identity> identity_of(const CertificateMaker::Files& files) {
  auto loaded = load_identity(files.certificate, files.key, std::time(nullptr));
  EXPECT_TRUE(loaded) << loaded.error();
  return std::make_shared<const Identity>(std::move(*loaded));
}

struct TlsCodec : testing::Test {
  static CertificateMaker& maker() {
    static CertificateMaker made;
    return made;
  }
  Wire wire;
  std::shared_ptr<const Context> context;
  std::unique_ptr<Codec> codec;
  std::unique_ptr<MemoryClient> client;
  std::string plaintext;  // that the codec has read
  Opened last = Opened::nothing;
  HelloState hello = HelloState::incomplete;
  std::size_t room_bytes = 100'000;
  std::size_t step_bytes = SIZE_MAX;  // so many bytes at a time go to the codec

  void SetUp() override { serve({identity_of(maker().make("gate.test"))}); }
  void serve(std::vector<std::shared_ptr<const Identity>> identities, Profile profile = Profile::modern) {
    serve(ContextOptions{std::move(identities), profile});
  }
  void serve(const ContextOptions& options) {
    auto made = Context::create(options);
    ASSERT_TRUE(made) << made.error();
    codec.reset();
    context = std::move(*made);
  }
  void connect(const ClientOptions& options = {}) {
    codec = std::make_unique<Codec>(wire);
    client = std::make_unique<MemoryClient>(options);
    client->step();
    exchange();
  }
  /// Carries bytes both ways until nothing moves.
  void exchange() {
    for (int idle = 0; idle < 2;) {
      const std::string to_gate = client->take_output();
      for (std::size_t at = 0; at < to_gate.size(); at += std::min(step_bytes, to_gate.size() - at))
        give(bytes_of(std::string_view(to_gate).substr(at, step_bytes)));
      const std::string to_client(text_of(wire.output()));
      wire.clear_output();
      client->receive(bytes_of(to_client));
      client->step();
      idle = to_gate.empty() && to_client.empty() ? idle + 1 : 0;
    }
  }
  void give(ByteView bytes) {
    if (codec->is_established()) {
      codec->feed(bytes);
      return open_all();
    }
    for (hello = codec->gather(bytes); hello == HelloState::whole; hello = codec->judge()) {
      ASSERT_TRUE(codec->proceed(context));
      open_all();
      if (last == Opened::failed) return;
    }
  }
  void open_all() {
    std::vector<std::uint8_t> room(room_bytes);
    std::size_t count = 0;
    while ((last = codec->open(room, count)) == Opened::plaintext) plaintext.append(text_of(ByteView(room).first(count)));
    EXPECT_EQ(wire.input_left(), 0U) << "whoever uses the wire next would read it";
  }
  void seal(std::initializer_list<std::string_view> texts) {
    std::vector<ByteView> pieces;
    for (const std::string_view text : texts) pieces.push_back(bytes_of(text));
    EXPECT_TRUE(codec->seal(pieces));
  }
  std::size_t records_in_output() const {
    std::size_t count = 0;
    for (ByteView rest = wire.output(); rest.size() >= 5; ++count)
      rest = rest.subspan(5 + (std::size_t{rest[3]} << 8U | rest[4]));
    return count;
  }
};

}  // namespace ringgate::tls
