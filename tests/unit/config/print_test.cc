#include "config/print.h"
#include "support/source_root.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace ringgate::config {
namespace {

constexpr std::string_view everything_changed = R"([server]
shards = 3
cpus = "4-6"
[[listener]]
bind = "0.0.0.0:1"
[[listener]]
bind = "[::]:2"
[admin]
bind = "off"
[[webhook]]
name = "orders"
url = "https://backend.example.org/events"
events = ["device.connected"]
secret_files = ["/a", "/b"]
validation = "required"
retry_min = "1s"
flush = "0s"
[[route]]
path = "/a%20'b"
handler = "other"
origin = "list"
auth = ["none"]
enforce = false
duplicate = "reject"
id_characters = "printable"
allowed_origins = ["https://a.example", "https://[::1]:8443"]
[[route]]
path = "/c/{id}"
origin = "off"
id_from = ["path", "jwt:sub"]
auth = ["jwt", "token"]
[device]
required = false
id_from = ["header:X-Id", "query:id"]
[auth]
token.tokens = "/t"
jwt.keys = ["/k", "/l"]
jwt.issuer = ["i"]
jwt.audience = ["a"]
jwt.claim = "device"
jwt.require_exp = false
jwt.leeway = "0s"
expiry_notice = "off"
expiry_grace = "1m"
[limits]
max_connections = 7
max_message = "2001B"
send_timeout = "off"
ping_interval = "1500ms"
[ring]
multishot_recv = "off"
busy_poll = "20us"
gather = "off"
buffers = 16
[log]
level = "off"
format = "json"
[drain]
grace = "1h"
)";

TEST(PrintConfig, ReadsAgainToTheSameSettings) {
  for (const std::string_view text : {std::string_view{}, everything_changed}) {
    const auto loaded = load_config_text(text, "gate.toml");
    ASSERT_TRUE(loaded.has_value()) << to_line(loaded.error().front());
    const auto again = load_config_text(print_config(*loaded), "printed");
    ASSERT_TRUE(again.has_value()) << to_line(again.error().front());
    EXPECT_EQ(again->config, loaded->config) << print_config(*loaded);
  }
}

TEST(PrintConfig, HidesTheQueryOfAUrl) {
  const auto loaded =
      load_config_text("[[webhook]]\nname = \"w\"\nurl = \"https://a.example/b?access_token=secret\"\n", "gate.toml");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->config.webhooks.front().url, "https://a.example/b?access_token=secret");
  const std::string printed = print_config(*loaded);
  EXPECT_NE(printed.find("url = \"https://a.example/b?...\"  # gate.toml:3"), std::string::npos) << printed;
  EXPECT_TRUE(load_config_text(printed, "printed").has_value());
}

TEST(PrintConfig, ShowsWhereEachValueComesFrom) {
  const auto loaded =
      load_config_text("[[listener]]\n\n[[listener]]\nbind = \"127.0.0.1:9\"\n[log]\nlevel = \"debug\"\n", "gate.toml");
  ASSERT_TRUE(loaded.has_value());
  const std::string printed = print_config(*loaded);
  EXPECT_NE(printed.find("[[listener]]\nbind = \"127.0.0.1:8080\"  # default\ndual_stack = false  # default\n"
                         "health_path = \"/healthz\"  # default\ntls.cert = []  # default, reloadable\n"
                         "tls.key = []  # default, reloadable\n"
                         "tls.ticket_keys = \"\"  # default, reloadable\n"
                         "tls.profile = \"modern\"  # default, reloadable\ntls.client = \"off\"  # default, reloadable\n"
                         "tls.client_ca = []  # default, reloadable\ntls.crl = []  # default, reloadable\nproxy_protocol = "
                         "\"off\"  # default, reloadable\n"
                         "trusted_proxies = []  # default, reloadable\nforwarded = \"auto\"  # default, reloadable\n\n"
                         "[[listener]]\nbind = \"127.0.0.1:9\"  # gate.toml:4\n"),
            std::string::npos)
      << printed;
  EXPECT_NE(printed.find("[log]\nlevel = \"debug\"  # gate.toml:6, reloadable\nformat = \"auto\"  # default\n"),
            std::string::npos);
}

TEST(PrintConfig, AFileNameCannotBreakTheText) {
  const auto loaded = load_config_text("log.level = \"debug\"", "x\nlimits.max_fragments = 0\n");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_TRUE(load_config_text(print_config(*loaded), "printed").has_value()) << print_config(*loaded);
}

// docs/configuration.md holds the reference between two marks. When this fails, put the printed table there.
TEST(PrintReference, IsTheOneInTheDocumentation) {
  std::ifstream file(source_file("docs/configuration.md"));
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(page.find("<!-- reference -->\n" + print_reference() + "<!-- end of reference -->\n"), std::string::npos)
      << print_reference();
}

}  // namespace
}  // namespace ringgate::config
