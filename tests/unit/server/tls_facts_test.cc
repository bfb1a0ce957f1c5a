// What a handler of an embedding program learns of TLS, on the real ring and over real sockets.
#include <gtest/gtest.h>

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ringgate/server.h"
#include "support/plain_device.h"
#include "support/tls/certificate_maker.h"
#include "support/tls/memory_client.h"

namespace ringgate {
namespace {

class NotingHandler final : public Handler {
 public:
  UpgradeVerdict on_upgrade(const UpgradeRequest& request) override {
    note(request.tls());
    return UpgradeAccept{};
  }
  void on_open(Connection& connection) override { note(connection.tls()); }
  void on_message(Connection& connection, MessageView) override { connection.echo(); }

  std::vector<std::optional<TlsFacts>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(noted_, {});
  }

 private:
  void note(std::optional<TlsFacts> facts) {
    const std::lock_guard lock(mutex_);
    noted_.push_back(std::move(facts));
  }

  std::mutex mutex_;
  std::vector<std::optional<TlsFacts>> noted_;
};

class EmbedderTls : public testing::Test {
 protected:
  void SetUp() override {
    const auto files = maker.make("gate.test");
    maker.make("charger", {.subject = {{"CN", "charger-7"}, {"O", "Example"}}, .purpose = "clientAuth"});
    Config config;
    config.server.shards_count = 2;
    config.listeners = {{.bind = "127.0.0.1:0"}, {.bind = "127.0.0.1:0"}};
    config.listeners[0].tls = {.certificate_files = {files.certificate},
                               .key_files = {files.key},
                               .client = ClientCertificates::optional,
                               .client_authority_files = {maker.root_file()}};
    config.admin.bind = "off";
    config.limits.connections_max = 500;
    config.log.level = LogLevel::off;
    auto created = Server::create(config);
    if (!created && created.error().exit_code == ExitCode::uring_unavailable) GTEST_SKIP() << created.error().cause;
    ASSERT_TRUE(created) << to_line(created.error());
    server = std::move(*created);
    server->mount("/ws", handler);
    const auto started = server->start();
    ASSERT_TRUE(started) << to_line(started.error());
  }

  /// The first line of the answer to an opening handshake. `context` null: without TLS.
  static std::string upgrade(const std::string& address, SSL_CTX* context) {
    const int descriptor = test::connected_to(address);
    const std::string request =
        "GET /ws?deviceId=a HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    char bytes[1024];
    long count = 0;
    if (context == nullptr) {
      EXPECT_EQ(send(descriptor, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
      do count = recv(descriptor, bytes, sizeof bytes, 0);
      while (count < 0 && errno == EINTR);
    } else {
      const tls::SslPtr ssl(SSL_new(context));
      SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>("gate.test"));
      SSL_set_fd(ssl.get(), descriptor);
      // The kernel may interrupt a blocking call when a ring has work for its thread.
      const auto interrupted = [&](int result) { return result <= 0 && SSL_get_error(ssl.get(), result) == SSL_ERROR_WANT_READ; };
      int result = 0;
      do result = SSL_connect(ssl.get());
      while (interrupted(result));
      EXPECT_EQ(result, 1);
      EXPECT_EQ(SSL_write(ssl.get(), request.data(), static_cast<int>(request.size())), static_cast<int>(request.size()));
      do result = SSL_read(ssl.get(), bytes, sizeof bytes);
      while (interrupted(result));
      count = result;
    }
    ::close(descriptor);
    const std::string answer(bytes, static_cast<std::size_t>(std::max(count, 0L)));
    return answer.substr(0, answer.find("\r\n"));
  }

  test::CertificateMaker maker;
  NotingHandler handler;
  std::unique_ptr<Server> server;
};

TEST_F(EmbedderTls, ShowsVersionCipherNameAndCertificate) {
  for (const auto& [version, name, cipher] :
       {std::tuple{TLS1_2_VERSION, "TLSv1.2", "ECDHE-ECDSA-"}, std::tuple{TLS1_3_VERSION, "TLSv1.3", "TLS_"}}) {
    for (const bool shows_certificate : {false, true}) {
      test::ClientOptions options{.version_min = version, .version_max = version, .root = maker.root()};
      if (shows_certificate) {
        options.certificate = maker.certificate("charger");
        options.key = maker.key("charger");
      }
      const auto context = test::MemoryClient::new_context(options);
      SSL_CTX_set_keylog_callback(context.get(), nullptr);  // it belongs to a MemoryClient, and there is none
      ASSERT_EQ(upgrade(server->device_addresses()[0], context.get()), "HTTP/1.1 101 Switching Protocols");
      const auto noted = handler.take();
      ASSERT_EQ(noted.size(), 2U) << "on_upgrade and on_open";
      for (const auto& facts : noted) {
        ASSERT_TRUE(facts);
        EXPECT_EQ(facts->version, name);
        EXPECT_TRUE(facts->cipher.starts_with(cipher)) << facts->cipher;
        EXPECT_EQ(facts->server_name, "gate.test");
        EXPECT_EQ(facts->client_common_name, shows_certificate ? "charger-7" : "");
        EXPECT_EQ(facts->client_subject.find("charger-7") != std::string::npos, shows_certificate) << facts->client_subject;
        EXPECT_EQ(facts->client_subject.find("Example") != std::string::npos, shows_certificate) << facts->client_subject;
      }
    }
  }
}

TEST_F(EmbedderTls, IsNothingOnAListenerWithout) {
  ASSERT_EQ(upgrade(server->device_addresses()[1], nullptr), "HTTP/1.1 101 Switching Protocols");
  const auto noted = handler.take();
  ASSERT_EQ(noted.size(), 2U);
  for (const auto& facts : noted) EXPECT_FALSE(facts);
}

}  // namespace
}  // namespace ringgate
