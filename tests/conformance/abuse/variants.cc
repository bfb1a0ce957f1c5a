#include "variants.h"

#include <algorithm>
#include <cctype>
#include <functional>

#include "verdict.h"

namespace ringgate::abuse {

namespace {

using Promise = Variant::Promise;

constexpr std::size_t octets_max = 4096;
constexpr std::size_t edits_count = 8;

/// The first request head, in lines without their CR LF; what is before and behind it.
struct Head {
  std::string before;  // empty lines and the request line
  std::vector<std::string> lines;
  std::string after;  // the empty line, and on

  std::string joined() const {
    std::string octets = before;
    for (const std::string& line : lines) octets += line + "\r\n";
    return octets + after;
  }
};

/// Nothing to take apart gives no lines.
Head take_apart(const std::string& octets) {
  const std::size_t start = octets.find_first_not_of("\r\n");
  const std::size_t first_end = octets.find("\r\n", start == std::string::npos ? octets.size() : start);
  if (first_end == std::string::npos) return {octets, {}, ""};
  Head head{octets.substr(0, first_end + 2), {}, ""};
  std::size_t at = first_end + 2;
  for (std::size_t end = octets.find("\r\n", at); end != std::string::npos && end != at; end = octets.find("\r\n", at)) {
    head.lines.push_back(octets.substr(at, end - at));
    at = end + 2;
  }
  head.after = octets.substr(at);
  return head;
}

using LetterChange = std::function<char(char)>;

std::string with_names(Head head, const LetterChange& change) {
  for (std::string& line : head.lines) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::transform(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), line.begin(), change);
  }
  return head.joined();
}

class Variants {
 public:
  Variants(const Case& one, Random& random) : one_(one), random_(random), octets_(one.steps.front().octets) {}

  std::vector<Variant> all() {
    if (one_.opening.empty()) change_head();
    else change_frames();
    change_octets();
    return std::move(variants_);
  }

 private:
  void add(std::string name, Promise promise, std::string octets) {
    if (octets == octets_ || octets.empty()) return;
    Variant& variant = variants_.emplace_back(Variant{std::move(name), promise, one_});
    variant.changed.steps.front().octets = std::move(octets);
  }

  void change_head() {
    const Head head = take_apart(octets_);
    const bool is_refused = std::ranges::all_of(one_.accepted, is_refusal);
    // Names of fields have no case (RFC 9110 section 5.1).
    add("names in capitals", Promise::same_verdict, with_names(head, [](char c) { return static_cast<char>(std::toupper(c)); }));
    add("names in small letters", Promise::same_verdict, with_names(head, [](char c) { return static_cast<char>(std::tolower(c)); }));
    add("names in mixed letters", Promise::same_verdict, with_names(head, [this](char c) {
          return static_cast<char>(random_() % 2 == 0 ? std::toupper(c) : std::tolower(c));
        }));
    for (std::size_t i = 0; i < std::min<std::size_t>(head.lines.size(), 16); ++i) {
      Head changed = head;
      changed.lines.insert(changed.lines.begin() + static_cast<std::ptrdiff_t>(i), head.lines[i]);
      add("line " + std::to_string(i) + " doubled", is_refused ? Promise::refused : Promise::consistent, changed.joined());
      if (i + 1 == head.lines.size()) continue;
      changed = head;
      std::swap(changed.lines[i], changed.lines[i + 1]);
      add("line " + std::to_string(i) + " swapped with the next", is_refused ? Promise::refused : Promise::consistent,
          changed.joined());
    }
  }

  void change_frames() {
    for (std::size_t bit = 0; bit < std::min<std::size_t>(16, 8 * octets_.size()); ++bit) {
      std::string changed = octets_;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
      add("header bit " + std::to_string(bit) + " flipped", Promise::consistent, changed);
    }
    const bool is_refused = std::ranges::all_of(one_.accepted, is_refusal);
    add("everything doubled", is_refused ? Promise::same_verdict : Promise::consistent, octets_ + octets_);
  }

  void change_octets() {
    for (std::size_t i = 0; i < edits_count; ++i) {
      const std::size_t at = below(random_, octets_.size());
      const std::string where = " at " + std::to_string(at);
      std::string changed = octets_;
      switch (random_() % 5) {
        case 0: add("octet taken out" + where, Promise::consistent, changed.erase(at, 1)); break;
        case 1: add("octet doubled" + where, Promise::consistent, changed.insert(at, 1, octets_[at])); break;
        case 2: ++changed[at], add("octet plus one" + where, Promise::consistent, changed); break;
        case 3: --changed[at], add("octet minus one" + where, Promise::consistent, changed); break;
        default: changed[at] = static_cast<char>(random_()), add("octet replaced" + where, Promise::consistent, changed); break;
      }
    }
  }

  const Case& one_;
  Random& random_;
  const std::string& octets_;
  std::vector<Variant> variants_;
};

}  // namespace

std::vector<Variant> variants_of(const Case& one, Random& random) {
  if (one.steps.size() != 1 || one.steps.front().kind != Step::Kind::send) return {};
  const std::string& octets = one.steps.front().octets;
  if (octets.empty() || octets.size() > octets_max) return {};
  return Variants(one, random).all();
}

}  // namespace ringgate::abuse
