#include "variants.h"

#include <algorithm>
#include <cctype>
#include <functional>

#include "verdict.h"

namespace ringgate::abuse {

namespace {

using Promise = Variant::Promise;

constexpr std::size_t bytes_max = 4096;
constexpr std::size_t edits_count = 8;

/// The first request head, in lines without their CR LF; what is before and behind it.
struct Head {
  std::string before;  // empty lines and the request line
  std::vector<std::string> lines;
  std::string after;  // the empty line, and on

  std::string joined() const {
    std::string bytes = before;
    for (const std::string& line : lines) bytes += line + "\r\n";
    return bytes + after;
  }
};

/// Nothing to take apart gives no lines.
Head take_apart(const std::string& bytes) {
  const std::size_t start = bytes.find_first_not_of("\r\n");
  const std::size_t first_end = bytes.find("\r\n", start == std::string::npos ? bytes.size() : start);
  if (first_end == std::string::npos) return {bytes, {}, ""};
  Head head{bytes.substr(0, first_end + 2), {}, ""};
  std::size_t at = first_end + 2;
  for (std::size_t end = bytes.find("\r\n", at); end != std::string::npos && end != at; end = bytes.find("\r\n", at)) {
    head.lines.push_back(bytes.substr(at, end - at));
    at = end + 2;
  }
  head.after = bytes.substr(at);
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
  Variants(const Case& one, Random& random) : one_(one), random_(random), bytes_(one.steps.front().bytes) {}

  std::vector<Variant> all() {
    if (one_.opening.empty()) change_head();
    else change_frames();
    change_bytes();
    return std::move(variants_);
  }

 private:
  void add(std::string name, Promise promise, std::string bytes) {
    if (bytes == bytes_ || bytes.empty()) return;
    Variant& variant = variants_.emplace_back(Variant{std::move(name), promise, one_});
    variant.changed.steps.front().bytes = std::move(bytes);
  }

  void change_head() {
    const Head head = take_apart(bytes_);
    const bool is_refused = std::ranges::all_of(one_.accepted, is_refusal);
    // Names of fields have no case (RFC 9110 section 5.1).
    add("names in capitals", Promise::same_verdict, with_names(head, [](char c) { return static_cast<char>(std::toupper(c)); }));
    add("names in small letters", Promise::same_verdict,
        with_names(head, [](char c) { return static_cast<char>(std::tolower(c)); }));
    add("names in mixed letters", Promise::same_verdict,
        with_names(head, [this](char c) { return static_cast<char>(random_() % 2 == 0 ? std::toupper(c) : std::tolower(c)); }));
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
    for (std::size_t bit = 0; bit < std::min<std::size_t>(16, 8 * bytes_.size()); ++bit) {
      std::string changed = bytes_;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
      add("header bit " + std::to_string(bit) + " flipped", Promise::consistent, changed);
    }
    const bool is_refused = std::ranges::all_of(one_.accepted, is_refusal);
    add("everything doubled", is_refused ? Promise::same_verdict : Promise::consistent, bytes_ + bytes_);
  }

  void change_bytes() {
    for (std::size_t i = 0; i < edits_count; ++i) {
      const std::size_t at = below(random_, bytes_.size());
      const std::string where = " at " + std::to_string(at);
      std::string changed = bytes_;
      switch (random_() % 5) {
        case 0: add("byte taken out" + where, Promise::consistent, changed.erase(at, 1)); break;
        case 1: add("byte doubled" + where, Promise::consistent, changed.insert(at, 1, bytes_[at])); break;
        case 2: ++changed[at], add("byte plus one" + where, Promise::consistent, changed); break;
        case 3: --changed[at], add("byte minus one" + where, Promise::consistent, changed); break;
        default: changed[at] = static_cast<char>(random_()), add("byte replaced" + where, Promise::consistent, changed); break;
      }
    }
  }

  const Case& one_;
  Random& random_;
  const std::string& bytes_;
  std::vector<Variant> variants_;
};

}  // namespace

std::vector<Variant> variants_of(const Case& one, Random& random) {
  if (one.steps.size() != 1 || one.steps.front().kind != Step::Kind::send) return {};
  const std::string& bytes = one.steps.front().bytes;
  if (bytes.empty() || bytes.size() > bytes_max) return {};
  return Variants(one, random).all();
}

}  // namespace ringgate::abuse
