#include "server/token_command.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "../auth/temporary_folder.h"
#include "auth/jwk_set.h"
#include "auth/password_file.h"
#include "auth/signed_url.h"
#include "auth/text_coding.h"
#include "auth/token_file.h"

namespace ringgate::server {
namespace {

using auth::AdminTokens;
using auth::DeviceTokens;
using auth::Fault;
using auth::PasswordFile;
using auth::UrlKeys;
using auth::testing::TemporaryFolder;

constexpr std::int64_t now = 1'800'000'000;  // 2027-01-15T08:00:00Z

struct Outcome {
  ExitCode code;
  std::vector<std::string> lines;  // of stdout
  std::string err;
};

Outcome run(std::vector<std::string> words, const std::string& input = "") {
  std::vector<const char*> arguments{"token"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  std::istringstream in(input);
  std::ostringstream out, err;
  const ExitCode code = run_token_command(arguments, in, now, {out, err});
  Outcome outcome{code, {}, err.str()};
  std::istringstream printed(out.str());
  for (std::string line; std::getline(printed, line);) outcome.lines.push_back(line);
  return outcome;
}

std::string content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(TokenCommand, MakesATokenAndItsLine) {
  const Outcome made = run({"device", "pump 7", "--name", "cellar", "--expires", "30d"});
  ASSERT_EQ(made.code, ExitCode::success) << made.err;
  ASSERT_EQ(made.lines.size(), 2U);
  const auto tokens = DeviceTokens::parse(made.lines[1], "line").value();
  const auto token = tokens->find(made.lines[0], now).value();
  EXPECT_EQ(token.device, "pump 7");
  EXPECT_EQ(token.name, "cellar");
  EXPECT_EQ(token.expires_at, now + 30 * 86400);
  EXPECT_NE(run({"device", "pump 7"}).lines[0], made.lines[0]);
}

TEST(TokenCommand, MakesTokensOfGroupsAndBackends) {
  const Outcome group = run({"device", "--group", "berlin", "--prefix", "b-"});
  ASSERT_EQ(group.lines.size(), 2U) << group.err;
  const auto groups = DeviceTokens::parse(group.lines[1], "line").value();
  EXPECT_EQ(groups->find(group.lines[0], now)->group, "berlin");
  EXPECT_EQ(groups->find(group.lines[0], now)->prefix, "b-");
  const Outcome admin = run({"admin", "--name", "n", "--scopes", "push,read", "--route", "/ws"});
  ASSERT_EQ(admin.lines.size(), 2U) << admin.err;
  const auto admins = AdminTokens::parse(admin.lines[1], "line").value();
  EXPECT_EQ(admins->find(admin.lines[0], now)->scopes, auth::Scopes::parse("push,read"));
  EXPECT_EQ(admins->find(admin.lines[0], now)->route, "/ws");
}

TEST(TokenCommand, TakesATokenFromStdin) {
  for (const char* input : {"mine", "mine\n", "mine\r\n"}) {
    const Outcome made = run({"device", "a", "--stdin"}, input);
    ASSERT_EQ(made.lines.size(), 1U) << made.err;
    EXPECT_TRUE(DeviceTokens::parse(made.lines[0], "line").value()->find("mine", now).has_value());
    EXPECT_EQ(run({"hash"}, input).lines[0] + " device=a", made.lines[0]);
  }
  for (const char* input : {"", "a b", "mine\n\n"}) EXPECT_EQ(run({"hash"}, input).code, ExitCode::usage) << input;
}

TEST(TokenCommand, AppendsOnlyWhatTheGateAccepts) {
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/tokens";
  const Outcome first = run({"device", "a", "--name", "n", "--append", file});
  ASSERT_EQ(first.lines.size(), 1U) << first.err;
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
  std::ofstream(file, std::ios::app) << "# no end of line";
  const Outcome second = run({"device", "b", "--append", file});
  const auto tokens = DeviceTokens::load(file).value();
  EXPECT_EQ(tokens->find(first.lines[0], now)->device, "a");
  EXPECT_EQ(tokens->find(second.lines[0], now)->device, "b");

  const std::string before = content(file);
  const Outcome namesake = run({"device", "c", "--name", "n", "--append", file});
  EXPECT_EQ(namesake.code, ExitCode::bad_configuration);
  EXPECT_EQ(namesake.err, "ringgate: " + file + ":4: the name of line 1 is repeated; nothing was written\n");
  EXPECT_TRUE(namesake.lines.empty()) << "a token that no file holds";
  EXPECT_EQ(content(file), before);
  EXPECT_EQ(run({"device", "c", "--append", folder.path()}).code, ExitCode::bad_configuration);
  EXPECT_EQ(run({"device", "c", "--append", folder.path() + "/no/tokens"}).code, ExitCode::system_refused);
}

TEST(TokenCommand, MakesAPasswordAndItsLine) {
  const Outcome binary = run({"basic", "CP 1"});
  ASSERT_EQ(binary.lines.size(), 3U) << binary.err;
  std::array<std::uint8_t, 20> password;
  ASSERT_TRUE(auth::decode_hex(binary.lines[0], password));
  EXPECT_EQ(auth::encode_base64(password, auth::Base64::standard), binary.lines[1]);
  EXPECT_EQ(PasswordFile::parse(binary.lines[2], "line").value()->check("CP 1", password, now)->device, "CP 1");
  const Outcome text = run({"basic", "u", "--generate", "text", "--device", "d", "--iterations", "7"});
  ASSERT_EQ(text.lines.size(), 2U) << text.err;
  const auto file = PasswordFile::parse(text.lines[1], "line").value();
  EXPECT_EQ(file->check("u", bytes_of(text.lines[0]), now)->device, "d");
  EXPECT_EQ(file->iterations(), 7U);
}

TEST(TokenCommand, TakesAPasswordOfAnyBytesFromStdin) {
  const auto is_hash_of = [](const Outcome& made, std::string_view password) {
    return made.lines.size() == 1 &&
           PasswordFile::parse(made.lines[0], "line").value()->check("u", bytes_of(password), now).has_value();
  };
  const std::string any("\x00\xff\n", 3);
  EXPECT_TRUE(is_hash_of(run({"basic", "u", "--password-stdin", "--encoding", "raw"}, any), any));
  EXPECT_TRUE(is_hash_of(run({"basic", "u", "--password-stdin", "--encoding", "hex"}, "00FF0a\n"), any));
  EXPECT_TRUE(is_hash_of(run({"basic", "u", "--password-stdin", "--encoding", "base64"}, "AP8K\n"), any));
  EXPECT_TRUE(is_hash_of(run({"basic", "u", "--password-stdin"}, " secret \n"), " secret "));
  EXPECT_FALSE(is_hash_of(run({"basic", "u", "--password-stdin"}, "secret\n"), "secret\n"));
  for (const char* word : {"text", "raw"}) {
    EXPECT_EQ(run({"basic", "u", "--password-stdin", "--encoding", word}, "").code, ExitCode::usage);
    EXPECT_EQ(run({"basic", "u", "--password-stdin", "--encoding", word}, std::string(257, 'x')).code, ExitCode::usage);
  }
  EXPECT_EQ(run({"basic", "u", "--password-stdin", "--encoding", "hex"}, "0").code, ExitCode::usage);
  EXPECT_EQ(run({"basic", "u", "--password-stdin", "--encoding", "base64"}, "AP8").code, ExitCode::usage);
}

TEST(TokenCommand, SignsUrlsWithTheKeyNamed) {
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/keys";
  ASSERT_EQ(run({"keys", "hmac", "--append", file}).code, ExitCode::success);
  ASSERT_EQ(run({"keys", "hmac", "--name", "k2", "--append", file}).code, ExitCode::success);
  const auto keys = UrlKeys::load(file).value();
  const Outcome first = run({"url", "--key", file, "--path", "/ws", "--query", "deviceId=a%20b", "--expires", "1h"});
  ASSERT_EQ(first.lines.size(), 1U) << first.err;
  EXPECT_TRUE(first.lines[0].starts_with("/ws?deviceId=a%20b&expires=1800003600&signature=")) << first.lines[0];
  EXPECT_EQ(keys->verify("/ws", first.lines[0].substr(4), now)->key_name, "key-1");
  const Outcome second = run({"url", "--key", file + ":k2", "--path", "/o/1", "--expires", "2027-01-15T08:00:01Z"});
  ASSERT_EQ(second.lines.size(), 1U) << second.err;
  EXPECT_TRUE(second.lines[0].starts_with("/o/1?expires=1800000001&kid=k2&signature=")) << second.lines[0];
  EXPECT_EQ(keys->verify("/o/1", second.lines[0].substr(5), now)->key_name, "k2");
  EXPECT_EQ(keys->verify("/o/1", second.lines[0].substr(5), now + 1).error(), Fault::url_expired);
  EXPECT_EQ(run({"url", "--key", file + ":k3", "--path", "/ws", "--expires", "1h"}).code, ExitCode::bad_configuration);
}

TEST(TokenCommand, MakesKeysAndTokensOfJson) {
  const TemporaryFolder folder;
  const Outcome key = run({"keys", "jwt-ec", "--name", "k"});
  ASSERT_EQ(key.lines.size(), 1U) << key.err;
  const std::string file = folder.file("key", key.lines[0]);
  const Outcome published = run({"keys", "public"}, key.lines[0]);
  ASSERT_EQ(published.lines.size(), 1U) << published.err;
  const std::string public_file = folder.file("public", published.lines[0]);
  EXPECT_TRUE(auth::JwkSet::load(std::vector{public_file}).has_value());
  EXPECT_FALSE(auth::JwkSet::load(std::vector{file}).has_value()) << "the gate takes no private key";
  const Outcome made = run({"jwt", "--key", file, "--alg", "ES256", "--claims", R"({"sub":"a"})", "--expires", "1h"});
  ASSERT_EQ(made.lines.size(), 1U) << made.err;
  EXPECT_EQ(std::ranges::count(made.lines[0], '.'), 2);
  EXPECT_EQ(run({"jwt", "--key", public_file, "--alg", "ES256"}).code, ExitCode::bad_configuration);
  EXPECT_EQ(run({"jwt", "--key", file, "--alg", "HS256"}).code, ExitCode::bad_configuration);
  EXPECT_EQ(run({"jwt", "--key", file, "--alg", "none"}).code, ExitCode::usage);
  EXPECT_EQ(run({"jwt", "--key", file, "--alg", "ES256", "--claims", "[]"}).code, ExitCode::usage);
  EXPECT_EQ(run({"keys", "public"}, run({"keys", "jwt-oct"}).lines.at(0)).code, ExitCode::usage)
      << "a shared key has no public part";
}

TEST(TokenCommand, BadUsageIsOneLineAndExit64) {
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/keys";
  ASSERT_EQ(run({"keys", "hmac", "--append", file}).code, ExitCode::success);
  const std::vector<std::vector<std::string>> bad{{},
                                                  {"fly"},
                                                  {"device"},
                                                  {"device", "a", "--nope"},
                                                  {"device", "a", "b"},
                                                  {"device", "a", "--group", "g"},
                                                  {"device", "a", "--prefix", "p"},
                                                  {"device", "a\n"},
                                                  {"device", std::string(129, 'a')},
                                                  {"device", "a", "--expires", "soon"},
                                                  {"device", "a", "--expires", "2020-01-01T00:00:00Z"},
                                                  {"admin", "--name", "n"},
                                                  {"admin", "--scopes", "push"},
                                                  {"admin", "--name", "n", "--scopes", "write"},
                                                  {"admin", "--name", "n", "--scopes", "push", "--route", "ws"},
                                                  {"basic"},
                                                  {"basic", "a:b"},
                                                  {"basic", "a", "--iterations", "2001"},
                                                  {"basic", "a", "--iterations", "0"},
                                                  {"basic", "a", "--encoding", "rot13"},
                                                  {"keys", "rsa"},
                                                  {"keys", "hmac", "--name", "a b"},
                                                  {"url", "--key", file, "--path", "/ws"},
                                                  {"url", "--key", file, "--path", "ws", "--expires", "1h"},
                                                  {"url", "--key", file, "--path", "/ws?a", "--expires", "1h"},
                                                  {"url", "--key", file, "--path", "/w s", "--expires", "1h"},
                                                  {"url", "--key", file, "--path", "/ws", "--expires", "never"},
                                                  {"url", "--key", file, "--path", "/ws", "--query", "kid=a", "--expires", "1h"}};
  for (const auto& words : bad) {
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, ExitCode::usage) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("ringgate: ")) << outcome.err;
    EXPECT_TRUE(outcome.err.ends_with("; `ringgate token --help` shows the usage\n")) << outcome.err;
    EXPECT_TRUE(outcome.lines.empty());
  }
}

TEST(TokenCommand, SaysThatASecretWasNotPrinted) {
  std::istringstream in;
  std::ostringstream out, err;
  out.setstate(std::ios::badbit);
  const std::vector<const char*> arguments{"token", "device", "a"};
  EXPECT_EQ(run_token_command(arguments, in, now, {out, err}), ExitCode::system_refused);
  EXPECT_TRUE(err.str().starts_with("ringgate: stdout cannot be written; ")) << err.str();
}

TEST(TokenCommand, HelpNamesEveryCommandAndFlag) {
  const auto help = [](std::vector<std::string> words) {
    words.push_back("--help");
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, ExitCode::success);
    EXPECT_EQ(outcome.err, "");
    std::string text;
    for (const std::string& line : outcome.lines) text += line + "\n";
    return text;
  };
  for (const char* word : {"device", "admin", "hash", "basic", "url", "jwt", "keys", "Examples", "--append"})
    EXPECT_NE(help({}).find(word), std::string::npos) << word;
  for (const char* word : {"--group", "--prefix", "--name", "--expires", "--stdin", "--append"})
    EXPECT_NE(help({"device"}).find(word), std::string::npos) << word;
  for (const char* word : {"--password-stdin", "--encoding", "--generate", "--iterations", "--device"})
    EXPECT_NE(help({"basic"}).find(word), std::string::npos) << word;
}

}  // namespace
}  // namespace ringgate::server
