// Each key of the table, from each source, at the edges of its range: the table is walked, so a new key is tested by being there.
#include "config/table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "config/load.h"

namespace ringgate::config {
namespace {

/// A value that differs from the default, as TOML, and as text for a flag or the environment.
struct Sample {
  std::string toml;
  std::string text;
};

std::string unquoted(std::string toml) {
  if (toml.starts_with('"')) return toml.substr(1, toml.size() - 2);
  return toml;
}

Sample both(const std::string& toml) { return {toml, unquoted(toml)}; }

std::string first_accepted(const TextShape& shape) {
  for (const char* candidate : {"127.0.0.9:1234", "/other", "other", "https://a.example", "header:X-Id", "10.0.0.0/8", "none",
                                "events", "device.slow", "tls://nats.example.org:4222"}) {
    if (shape.accepts(candidate)) return candidate;
  }
  ADD_FAILURE() << "no sample for " << shape.shape;
  return {};
}

Sample sample(const SizeRule& rule) { return both(print(rule, rule.least)); }
Sample sample(const DurationRule& rule) { return both(print(rule, rule.most)); }
Sample sample(const CountRule& rule) { return both(print(rule, rule.most)); }
Sample sample(const FlagRule&) { return {"false", "false"}; }
Sample other_sample(const CountRule& rule) { return both(print(rule, rule.least)); }
Sample other_sample(const FlagRule&) { return {"true", "true"}; }
Sample sample(const WordRule& rule) { return both(print(rule, rule.words.size() - 1)); }
Sample sample(const TextRule& rule) { return both(print(rule, first_accepted(rule.text))); }
Sample sample(const ListRule& rule) {
  const std::string item = first_accepted(rule.item);
  return {"[\"" + item + "\"]", item};
}
Sample sample(const CpuListRule&) { return {"\"0,2-3\"", "0,2-3"}; }
Sample other_sample(const auto& rule) { return sample(rule); }

/// A value other than the default.
Sample sample_of(const Key& key) {
  const Sample first = std::visit([](const auto& rule) { return sample(rule); }, key.rule);
  if (first.toml != key.print(key, config_of_each_section(), 0)) return first;
  return std::visit([](const auto& rule) { return other_sample(rule); }, key.rule);
}

/// Flags that a value needs beside it to make sense.
std::vector<FlagSetting> companions(const std::string& path) {
  if (path == "route.0.allowed_origins") return {{"--set", "route.0.origin", "list"}};
  if (path == "route.0.limits.max_message") return {{"--set", "limits.max_message", "256MiB"}};
  if (path == "route.0.limits.send_queue") return {{"--set", "limits.send_queue", "256MiB"}};
  if (path == "listener.0.dual_stack") return {{"--set", "listener.0.bind", "[::]:8080"}, {"--set", "route.0.auth", "none"}};
  if (path == "cluster.user") return {{"--set", "cluster.password_file", "/other"}};
  if (path == "cluster.password_file") return {{"--set", "cluster.user", "other"}};
  if (path == "cluster.cert") return {{"--set", "cluster.key", "/other"}};
  if (path == "cluster.key") return {{"--set", "cluster.cert", "/other"}};
  for (const std::string section : {"listener.0", "admin"}) {
    if (path == section + ".proxy_protocol") return {{"--set", section + ".trusted_proxies", "127.0.0.1"}};
    if (path == section + ".tls.cert") return {{"--set", section + ".tls.key", "/other"}};
    if (path == section + ".tls.key") return {{"--set", section + ".tls.cert", "/other"}};
    const FlagSetting pair[] = {{"--set", section + ".tls.cert", "/gate.pem"}, {"--set", section + ".tls.key", "/gate.key"}};
    const FlagSetting authority{"--set", section + ".tls.client_ca", "/root.pem"};
    const FlagSetting client{"--set", section + ".tls.client", "required"};
    if (path == section + ".tls.client") return {pair[0], pair[1], authority};
    if (path == section + ".tls.client_ca") return {pair[0], pair[1], client};
    if (path == section + ".tls.crl") return {pair[0], pair[1], client, authority};
  }
  if (path == "route.0.connect_hook" || path == "route.0.connect_hook_failure" || path == "route.0.connect_hook_fields") {
    const FlagSetting url{"--set", "webhook.0.url", "https://a.example"};
    const FlagSetting name{"--set", "webhook.0.name", "other"};
    if (path == "route.0.connect_hook") return {name, url};
    return {name, url, {"--set", "route.0.connect_hook", "other"}};
  }
  if (path.starts_with("webhook.0.") && path != "webhook.0.url") {
    const FlagSetting url{"--set", "webhook.0.url", "https://a.example"};
    if (path == "webhook.0.retry_min") return {url, {"--set", "webhook.0.retry_max", "1h"}};
    if (path == "webhook.0.retry_max") return {url, {"--set", "webhook.0.retry_min", "10ms"}};
    return {url};
  }
  if (path == "admin.dual_stack") return {{"--set", "admin.bind", "[::1]:8081"}};
  return {};
}

std::string environment_name(std::string path) {
  for (std::size_t dot; (dot = path.find('.')) != std::string::npos;) path.replace(dot, 1, "__");
  for (char& c : path) c = static_cast<char>(std::toupper(c));
  return "RINGGATE_" + path;
}

class EveryKey : public testing::TestWithParam<std::size_t> {
 protected:
  const Key& key() const { return keys()[GetParam()]; }
  std::string path() const { return path_of({&key(), 0}); }

  /// The value as print-config would show it.
  std::string shown(const LoadedConfig& loaded) const { return key().print(key(), loaded.config, 0); }

  std::expected<LoadedConfig, ConfigFaults> set(const std::string& text) const {
    auto flags = companions(path());
    flags.push_back({"--set", path(), text});
    return load_config({{}, {}, flags});
  }
};

INSTANTIATE_TEST_SUITE_P(Table, EveryKey, testing::Range(std::size_t{0}, keys().size()), [](const auto& instance) {
  std::string name(keys()[instance.param].path);
  for (char& c : name) c = c == '.' ? '_' : c;
  return name;
});

TEST_P(EveryKey, ComesFromAFlag) {
  const auto loaded = set(sample_of(key()).text);
  ASSERT_TRUE(loaded.has_value()) << to_line(loaded.error().front());
  EXPECT_EQ(shown(*loaded), sample_of(key()).toml);
  EXPECT_EQ(loaded->origins.at(path()), "--set");
  EXPECT_NE(loaded->config, default_config()) << "the sample is the default";
}

TEST_P(EveryKey, ComesFromTheEnvironment) {
  const std::vector<std::string> environment{environment_name(path()) + '=' + sample_of(key()).text, "PATH=/bin"};
  const auto loaded = load_config({{}, environment, companions(path())});
  ASSERT_TRUE(loaded.has_value()) << to_line(loaded.error().front());
  EXPECT_EQ(shown(*loaded), sample_of(key()).toml);
  EXPECT_EQ(loaded->origins.at(path()), "environment " + environment_name(path()));
}

std::string of_another_section(const FlagSetting& companion) {
  if (companion.path == "route.0.auth") return "[[route]]\nauth = [\"none\"]\n";
  if (companion.path == "webhook.0.name") return "name = \"other\"\n";  // behind its section
  if (companion.path == "webhook.0.url") return "[[webhook]]\nurl = \"https://a.example\"\n";
  const std::size_t dot = companion.path.find('.');
  return fmt::format("[{}]\n{} = \"{}\"\n", companion.path.substr(0, dot), companion.path.substr(dot + 1), companion.text);
}

TEST_P(EveryKey, ComesFromAFile) {
  const std::string section(key().section());
  std::string toml = find_repeated(section) == nullptr ? "[" + section + "]\n" : "[[" + section + "]]\n";
  const std::size_t section_bytes = path().size() - key().name().size();  // with the index and dots
  for (const FlagSetting& companion : companions(path())) {
    if (!companion.path.starts_with(path().substr(0, section_bytes))) {
      toml.insert(0, of_another_section(companion));
      continue;
    }
    const std::string name = companion.path.substr(section_bytes);
    const bool is_list = (name.starts_with("tls.") && name != "tls.client") || name == "trusted_proxies";
    toml += is_list ? fmt::format("{} = [\"{}\"]\n", name, companion.text) : fmt::format("{} = \"{}\"\n", name, companion.text);
  }
  toml += fmt::format("{} = {}\n", key().name(), sample_of(key()).toml);
  const auto loaded = load_config_text(toml, "gate.toml");
  ASSERT_TRUE(loaded.has_value()) << to_line(loaded.error().front());
  EXPECT_EQ(shown(*loaded), sample_of(key()).toml);
  EXPECT_EQ(loaded->origins.at(path()), fmt::format("gate.toml:{}", std::ranges::count(toml, '\n')));
}

TEST_P(EveryKey, IsDefaultWhenNobodySetsIt) {
  const auto loaded = load_config({});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_TRUE(loaded->is_default(path()));
  const RepeatedSection* const section = find_repeated(key().section());
  if (section != nullptr && section->count(loaded->config) == 0) return;  // nobody has an entry to have a default in
  EXPECT_EQ(shown(*loaded), key().print(key(), default_config(), 0));
  if (std::holds_alternative<ListRule>(key().rule)) return;                           // a flag spells lists in another way
  const std::vector<FlagSetting> alone{{"--set", path(), unquoted(shown(*loaded))}};  // a default needs no companions
  EXPECT_TRUE(load_config({{}, {}, alone}).has_value()) << "the default breaks its own rule";
}

TEST_P(EveryKey, RefusesNonsenseNamingItself) {
  const auto loaded = set("\x01 nonsense");
  ASSERT_FALSE(loaded.has_value());
  EXPECT_TRUE(loaded.error().front().cause.starts_with("--set " + path() + ": ")) << loaded.error().front().cause;
  EXPECT_EQ(loaded.error().front().exit_code, ExitCode::bad_configuration);
  EXPECT_FALSE(loaded.error().front().remedy.empty());
}

/// The edges of a range as text, accepted and refused.
struct Edges {
  std::vector<std::string> accepted;
  std::vector<std::string> refused;
};

template <typename NumberRule>
Edges edges(const NumberRule& rule, const std::string& unit) {
  Edges found{{fmt::format("{}{}", rule.least, unit), fmt::format("{}{}", rule.most, unit)},
              {fmt::format("{}{}", rule.most + 1, unit)}};
  if (rule.least > 0) found.refused.push_back(fmt::format("{}{}", rule.least - 1, unit));
  const bool takes_off = rule.off == Off::allowed || rule.off == Off::or_inherit;
  const bool takes_inherit = rule.off == Off::inherit || rule.off == Off::or_inherit;
  (takes_off ? found.accepted : found.refused).emplace_back("off");
  (takes_inherit ? found.accepted : found.refused).emplace_back("inherit");
  return found;
}
Edges edges_of(const SizeRule& rule) { return edges(rule, "B"); }
Edges edges_of(const CountRule& rule) { return edges(rule, ""); }
Edges edges_of(const DurationRule& rule) { return edges(rule, "ns"); }
template <typename OtherRule>
Edges edges_of(const OtherRule&) {
  return {};
}

TEST_P(EveryKey, EndsWhereItsRangeEnds) {
  const Edges found = std::visit([](const auto& rule) { return edges_of(rule); }, key().rule);
  for (const std::string& text : found.accepted) EXPECT_TRUE(set(text).has_value()) << path() << '=' << text;
  for (const std::string& text : found.refused) EXPECT_FALSE(set(text).has_value()) << path() << '=' << text;
}

TEST_P(EveryKey, IsCheckedAsItIsReadWhenAProgramSetsIt) {
  const Edges found = std::visit([](const auto& rule) { return edges_of(rule); }, key().rule);
  for (const std::string& text : found.accepted) {
    const auto loaded = set(text);
    ASSERT_TRUE(loaded.has_value());
    EXPECT_TRUE(key().check(key(), loaded->config, 0).has_value()) << path() << '=' << text;
  }
  EXPECT_TRUE(key().check(key(), config_of_each_section(), 0).has_value());
}

TEST_P(EveryKey, NoLimitIsLiftedByZero) {
  // 0 has a meaning of its own for the number of shards, graces, a leeway and the memory of compression (none); nowhere may it mean
  // "no limit".
  if (path() == "server.shards" || path() == "drain.grace" || path() == "limits.deflate_memory") return;
  if (path() == "webhook.0.flush") return;
  if (path() == "auth.expiry_grace" || path() == "auth.jwt.leeway") return;
  if (std::holds_alternative<CpuListRule>(key().rule) || std::holds_alternative<TextRule>(key().rule)) return;
  if (path() == "route.0.subprotocols" || path() == "route.0.groups" || path().ends_with("allowed_hosts") ||
      path().contains(".tls.") || path() == "admin.tokens" || path() == "webhook.0.secret_files" ||
      path() == "route.0.connect_hook_fields" || path().starts_with("auth.jwt."))
    return;  // a name may be 0
  for (const char* zero : {"0", "0B", "0s", "0ns"}) EXPECT_FALSE(set(zero).has_value()) << path() << '=' << zero;
}

TEST(ConfigTable, HasEachPathOnceWithAMeaning) {
  std::set<std::string_view> paths;
  for (const Key& key : keys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    EXPECT_TRUE(key.meaning.ends_with('.')) << key.path;
    EXPECT_EQ(find_key(path_of({&key, 0}))->key, &key);
  }
}

TEST(ConfigTable, FindsEntriesOfRepeatedSectionsByIndexOnly) {
  EXPECT_EQ(find_key("listener.12.bind")->index, 12U);
  for (const char* bad : {"listener.bind", "listener", "listener.", "listener.0", "listener..bind", "listener.00.bind",
                          "listener.-1.bind", "listener.99999999999999999999.bind", "limits.0.max_message", "limits", "", ".",
                          "limits.max_message.", "LIMITS.MAX_MESSAGE"}) {
    EXPECT_FALSE(find_key(bad).has_value()) << bad;
  }
}

TEST(ConfigTable, SuggestsTheNearestKeyIfAnyIsNear) {
  EXPECT_EQ(nearest_key("limits.max_mesage"), "limits.max_message");
  EXPECT_EQ(nearest_key("limit.max_message"), "limits.max_message");
  EXPECT_EQ(nearest_key("max_message"), "limits.max_message");
  EXPECT_EQ(nearest_key("listener.3.bnd"), "listener.3.bind");
  EXPECT_EQ(nearest_key("route.0.deflate.level"), "route.0.deflate.memory_level") << "not log.level";
  EXPECT_EQ(nearest_key("listener.1.health"), "listener.1.health_path");
  EXPECT_EQ(nearest_key("limits.buffers"), "ring.buffers");
  EXPECT_EQ(nearest_key("level"), "log.level");
  EXPECT_EQ(nearest_key("tls.cert_file"), std::nullopt);
  EXPECT_EQ(nearest_key(std::string(100'000, 'x')), std::nullopt);
}

}  // namespace
}  // namespace ringgate::config
