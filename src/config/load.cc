#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "config/file.h"
#include "config/table.h"

namespace ringgate::config {
namespace {

constexpr std::string_view environment_prefix = "RINGGATE_";

/// One setting from one source. print-config shows `origin` beside the value; each message about the setting begins with `where`.
struct Setting {
  std::string path;
  RawValue value;
  std::string origin;
  std::string where;
};

/// "limits.max_message" -> "RINGGATE_LIMITS__MAX_MESSAGE"
std::string environment_name(std::string_view path) {
  std::string name(environment_prefix);
  for (const char c : path) {
    if (c == '.') name += "__";
    else name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

/// The reverse of environment_name. A name with lower-case letters is returned unchanged and so matches no key.
std::string path_of_environment(std::string_view name) {
  std::string path;
  std::string_view rest = name.substr(environment_prefix.size());
  if (std::ranges::any_of(rest, [](unsigned char c) { return std::islower(c); })) return std::string(name);
  while (!rest.empty()) {
    if (rest.starts_with("__")) {
      path += '.';
      rest.remove_prefix(2);
    } else {
      path += static_cast<char>(std::tolower(static_cast<unsigned char>(rest.front())));
      rest.remove_prefix(1);
    }
  }
  return path;
}

/// Applies settings layer by layer and collects the faults.
class Loader {
 public:
  void load_file(const std::string& path, FileReading reading) {
    auto text = read_config_file(path, reading);
    if (text) return load_text(*text, path);
    fault(printable(path), text.error());
  }

  void load_text(std::string_view text, std::string_view name) {
    const std::string file = printable(name, 200);
    auto content = parse_config_text(text);
    if (!content) {
      const FileFault& error = content.error();
      fault(error.line == 0 ? file : fmt::format("{}:{}", file, error.line), error.complaint);
      return;
    }
    begin_layer();
    for (const auto& [name_of_section, count] : content->entries) {
      const RepeatedSection& section = *find_repeated(name_of_section);
      if (count == 0 || count > section.entries_max) continue;  // the Collector has added a setting, which is refused below
      section.resize(loaded_.config, 0);                        // the file's entries replace the default ones
      section.resize(loaded_.config, count);
    }
    for (FileSetting& setting : content->settings) {
      const std::string origin = fmt::format("{}:{}", file, setting.line);
      apply({setting.path, std::move(setting.value), origin, fmt::format("{}: {}", origin, setting.path)});
    }
  }

  void load_environment(std::span<const std::string> environment) {
    begin_layer();
    std::vector<std::string_view> variables;
    for (const std::string& variable : environment) {
      if (variable.starts_with(environment_prefix)) variables.push_back(variable);
    }
    // Shorter first, so that entry 9 of a repeated section comes before entry 10.
    const auto name_of = [](std::string_view variable) { return variable.substr(0, variable.find('=')); };
    std::ranges::sort(variables, {}, [&](std::string_view v) { return std::pair(name_of(v).size(), name_of(v)); });
    for (const std::string_view variable : variables) {
      const std::string_view name = name_of(variable);
      const std::string origin = "environment " + printable(name);
      suggest_environment_ = true;
      apply({path_of_environment(name), untyped(variable.substr(std::min(name.size() + 1, variable.size()))), origin, origin});
    }
    suggest_environment_ = false;
  }

  void load_flags(std::span<const FlagSetting> flags) {
    begin_layer();
    for (const FlagSetting& flag : flags) {
      const std::string where = flag.flag == "--set" ? "--set " + printable(flag.path) : flag.flag;
      apply({flag.path, untyped(flag.text), flag.flag, where});
    }
  }

  std::expected<LoadedConfig, ConfigFaults> finish() {
    if (loaded_.is_default("limits.max_push")) {
      loaded_.config.limits.push_bytes_max = loaded_.config.limits.message_bytes_max;
    }
    // A refused value still has its default here, which may contradict others. So relations are checked only without faults.
    if (faults_.empty()) faults_ = check_relations(loaded_.config, loaded_.origins);
    if (!faults_.empty()) return std::unexpected(std::move(faults_));
    return std::move(loaded_);
  }

 private:
  static RawValue untyped(std::string_view text) { return {RawValue::Shape::untyped, std::string(text), {}}; }

  void begin_layer() { seen_.clear(); }

  void fault(const std::string& where, const Complaint& complaint) {
    faults_.push_back({ExitCode::bad_configuration, where + ": " + complaint.cause, complaint.remedy});
  }

  void apply(const Setting& setting) {
    const auto place = find_key(setting.path);
    if (!place) return fault(setting.where, unknown(setting));
    if (!make_entry(*place)) return fault(setting.where, no_entry(*place));
    if (!seen_.insert(setting.path).second) return fault(setting.where, {"the key is given twice", "keep one of them"});
    const auto assigned = place->key->assign(*place->key, loaded_.config, place->index, setting.value);
    if (!assigned) return fault(setting.where, assigned.error());
    loaded_.origins[setting.path] = setting.origin;
  }

  /// Adds the next entry of a repeated section at its first key; false for an entry after a gap or beyond entries_max.
  bool make_entry(const KeyPlace& place) {
    const RepeatedSection* section = find_repeated(place.key->section());
    if (section == nullptr || place.index < section->count(loaded_.config)) return true;
    if (place.index != section->count(loaded_.config) || place.index >= section->entries_max) return false;
    section->resize(loaded_.config, place.index + 1);
    return true;
  }

  Complaint no_entry(const KeyPlace& place) const {
    const RepeatedSection& section = *find_repeated(place.key->section());
    return {fmt::format("there is no entry {} of {}", place.index, section.name),
            fmt::format("number the entries from 0 without a gap, at most {}", section.entries_max)};
  }

  Complaint unknown(const Setting& setting) const {
    if (const RepeatedSection* section = find_repeated(setting.path)) {
      return {fmt::format("not a list of 1 to {} sections", section->entries_max), fmt::format("write [[{}]]", section->name)};
    }
    if (is_section(setting.path)) return {"a section is not a value", fmt::format("write [{}]", setting.path)};
    const auto near = nearest_key(setting.path);
    if (!near) return {"unknown key", "`ringgate print-config` lists the keys"};
    return {"unknown key", fmt::format("did you mean {}?", suggest_environment_ ? environment_name(*near) : *near)};
  }

  LoadedConfig loaded_{default_config(), {}};
  ConfigFaults faults_;
  std::set<std::string, std::less<>> seen_;  // paths given in this layer
  bool suggest_environment_ = false;
};

}  // namespace

std::expected<LoadedConfig, ConfigFaults> load_config(const ConfigSources& sources) {
  Loader loader;
  if (!sources.file.empty()) loader.load_file(sources.file, sources.reading);
  loader.load_environment(sources.environment);
  loader.load_flags(sources.flags);
  return loader.finish();
}

std::expected<LoadedConfig, ConfigFaults> load_config_text(std::string_view toml, std::string_view name) {
  Loader loader;
  loader.load_text(toml, name);
  return loader.finish();
}

}  // namespace ringgate::config
