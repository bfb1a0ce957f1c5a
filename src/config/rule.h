// What a setting's value may be: one small rule per kind of value, each with five functions: read, check, print, show and describe.
// Knows nothing of keys, sources or TOML's grammar. Pure; any thread.
// Invariant: `read` accepts a value exactly if `check` does, and reads what `print` wrote.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ringgate/config.h"

namespace ringgate::config {

/// A value as a source wrote it. The environment and flags give `untyped` text, in which commas separate the items of a list.
struct RawValue {
  enum class Shape : std::uint8_t { untyped, text, integer, boolean, list, other };
  Shape shape = Shape::untyped;
  std::string text;                // as written: also the digits of an integer, the word of a boolean
  std::vector<std::string> items;  // if it is a list of texts
};

/// Why a value breaks its rule, and what to do. Both texts are printable ASCII.
struct Complaint {
  std::string cause;
  std::string remedy;
};

template <typename Value>
using Read = std::expected<Value, Complaint>;

/// Whether a number may also be `off`, read as 0, or `inherit`, read as `inherited`: neither, the first, the second, or both.
enum class Off : std::uint8_t { refused, allowed, inherit, or_inherit };
using ringgate::inherited;

/// Bytes with a unit: B, kB, MB, KiB, MiB or GiB. Bounds are inclusive, in bytes.
struct SizeRule {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  bool power_of_two = false;
  Off off = Off::refused;
};

/// A time with a unit: ns, us, ms, s, m or h; or `off`, read as 0. Bounds are inclusive, in nanoseconds.
struct DurationRule {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  Off off = Off::refused;
};

/// A plain number. Bounds are inclusive.
struct CountRule {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  bool power_of_two = false;
  Off off = Off::refused;
};

struct FlagRule {};

/// One of a few words; read as the word's index.
struct WordRule {
  std::span<const std::string_view> words;
};

/// What a text must look like; `shape` completes the sentence "write ...".
struct TextShape {
  bool (*accepts)(std::string_view);
  std::string_view shape;
  char secret_after = '\0';  // what follows the first of these may be a credential, and is shown to nobody
};

struct TextRule {
  TextShape text;
};

/// Texts of one shape, none of them twice.
struct ListRule {
  TextShape item;
  std::size_t items_least = 0;
  std::size_t items_most = 0;
};

/// CPUs as the kernel writes them: "0,2-3"; or `all`, read as an empty list.
struct CpuListRule {};

using Rule = std::variant<SizeRule, DurationRule, CountRule, FlagRule, WordRule, TextRule, ListRule, CpuListRule>;

Read<std::uint64_t> read(const SizeRule& rule, const RawValue& value);
Read<std::uint64_t> read(const DurationRule& rule, const RawValue& value);
Read<std::uint64_t> read(const CountRule& rule, const RawValue& value);
Read<bool> read(const FlagRule& rule, const RawValue& value);
Read<std::size_t> read(const WordRule& rule, const RawValue& value);
Read<std::string> read(const TextRule& rule, const RawValue& value);
Read<std::vector<std::string>> read(const ListRule& rule, const RawValue& value);
Read<std::vector<std::uint32_t>> read(const CpuListRule& rule, const RawValue& value);

/// Whether a value keeps its rule. `read` calls it for values of sources; check_config for values that a program set.
Read<void> check(const SizeRule& rule, std::uint64_t bytes);
Read<void> check(const DurationRule& rule, std::uint64_t nanoseconds);
Read<void> check(const CountRule& rule, std::uint64_t count);
Read<void> check(const FlagRule& rule, bool value);
Read<void> check(const WordRule& rule, std::size_t index);
Read<void> check(const TextRule& rule, const std::string& text);
Read<void> check(const ListRule& rule, const std::vector<std::string>& items);
Read<void> check(const CpuListRule& rule, const std::vector<std::uint32_t>& cpus);

/// The value as a TOML literal, in the largest unit that divides it.
std::string print(const SizeRule& rule, std::uint64_t bytes);
std::string print(const DurationRule& rule, std::uint64_t nanoseconds);
std::string print(const CountRule& rule, std::uint64_t count);
std::string print(const FlagRule& rule, bool value);
std::string print(const WordRule& rule, std::size_t index);
std::string print(const TextRule& rule, const std::string& text);
std::string print(const ListRule& rule, const std::vector<std::string>& items);
std::string print(const CpuListRule& rule, const std::vector<std::uint32_t>& cpus);

/// The value for people: as `print`, but `...` stands for what may be a credential.
template <typename KindOfRule, typename Value>
std::string show(const KindOfRule& rule, const Value& value) {
  return print(rule, value);
}
std::string show(const TextRule& rule, const std::string& text);

/// What to write, as part of a sentence: `a size from 1KiB to 256MiB`.
std::string describe(const Rule& rule);

/// `text` for a one-line message: everything but printable ASCII becomes \xNN, and it is cut after `characters_max`.
std::string printable(std::string_view text, std::size_t characters_max = 80);

}  // namespace ringgate::config
