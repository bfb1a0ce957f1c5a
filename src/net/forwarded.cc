#include "net/forwarded.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ranges>

#include "base/limits.h"
#include "net/address_text.h"

namespace ringgate::net {
namespace {

constexpr std::string_view white_space = " \t";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {}, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
}

/// tchar of RFC 9110 section 5.6.2.
bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

std::optional<ring::PeerAddress> named(std::optional<ring::PeerAddress> address) {
  return address && !is_unspecified(*address) ? address : std::nullopt;
}

/// Takes steps towards the client.
class Walk {
 public:
  Walk(const ring::PeerAddress& peer, const CidrSet& trusted) : client_(peer), trusted_(trusted) {}

  /// Whether the next member counts.
  bool goes_on() const { return !is_over_ && hops_left_ > 0 && trusted_.contains(client_); }
  void step(const std::optional<ring::PeerAddress>& member) {
    --hops_left_;
    if (member) client_ = *member;
    else stop();
  }
  void stop() { is_over_ = true; }
  const ring::PeerAddress& client() const { return client_; }

 private:
  ring::PeerAddress client_;
  const CidrSet& trusted_;
  std::size_t hops_left_ = limits::forwarded_hops_max;
  bool is_over_ = false;
};

/// "[IPv6]" or "IPv4", either with a port behind it, or IPv6 alone. `may_obscure_port`: RFC 7239 also allows "_name" for a port.
std::optional<ring::PeerAddress> parse_host_and_port(std::string_view text, bool may_obscure_port) {
  if (!text.starts_with('[') && std::ranges::count(text, ':') > 1) return parse_ipv6(text);
  std::optional<ring::PeerAddress> address;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    address = parse_ipv6(text.substr(1, bracket - 1));
    rest = text.substr(bracket + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    address = parse_ipv4(text.substr(0, colon));
    rest = text.substr(colon);
  }
  if (!address || rest.empty()) return address;
  if (rest.front() != ':') return std::nullopt;
  rest.remove_prefix(1);
  if (may_obscure_port && rest.size() > 1 && rest.starts_with('_')) return address;
  const auto port = parse_port(rest);
  if (!port) return std::nullopt;
  address->port = *port;
  return address;
}

// -- Forwarded: elements of name=value pairs

struct Pair {
  std::string_view name;
  std::string_view value;  // of a quoted string: what is between the quotes
};

/// A character of a node that nobody put quotes around. RFC 7239 section 6 wants them around colons and brackets, but proxies are set up
/// to write "for=$remote_addr", whatever the address. Neither is a separator.
bool is_bare_node_char(char c) { return is_token_char(c) || c == ':' || c == '[' || c == ']'; }

/// Reads one line. It must be read from its start: quotes hide separators.
class ForwardedLine {
 public:
  explicit ForwardedLine(std::string_view line) : rest_(line) {}

  /// The nodes of the last elements, in their order; an empty one for an element without `for`. False if the line is malformed.
  bool read() {
    skip_white_space();
    while (!rest_.empty()) {
      if (!take(',') && !read_element()) return false;
      skip_white_space();
    }
    return true;
  }
  std::size_t count() const { return std::min(count_, nodes_.size()); }
  /// `age` 0: the last one.
  std::string_view node(std::size_t age) const { return nodes_[(count_ - 1 - age) % nodes_.size()]; }

 private:
  void skip_white_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(white_space), rest_.size())); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Pairs between semicolons. Common senders write white space around these, which the RFC does not have.
  bool read_element() {
    std::string_view node;
    bool has_node = false;
    do {
      skip_white_space();
      Pair pair;
      if (rest_.starts_with(';') || rest_.starts_with(',') || rest_.empty()) continue;
      if (!read_pair(pair)) return false;
      skip_white_space();
      if (!equals_ignoring_case(pair.name, "for")) continue;
      if (has_node) return false;
      has_node = true;
      node = pair.value;
    } while (take(';'));
    nodes_[count_++ % nodes_.size()] = node;
    return rest_.empty() || take(',');
  }

  bool read_pair(Pair& pair) {
    pair.name = take_while(is_token_char);
    if (pair.name.empty() || !take('=')) return false;
    if (!take('"')) {
      pair.value = take_while(equals_ignoring_case(pair.name, "for") ? is_bare_node_char : is_token_char);
      return !pair.value.empty();
    }
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return false;
    pair.value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }

  std::string_view take_while(bool (*belongs)(char)) {
    const auto end = std::ranges::find_if_not(rest_, belongs);
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
  std::array<std::string_view, limits::forwarded_hops_max> nodes_;
  std::size_t count_ = 0;
};

/// The last member of a list without quotes, taken off its end.
std::string_view take_last_member(std::string_view& list) {
  const std::size_t comma = list.rfind(',');
  const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
  const std::string_view member = trimmed(list.substr(begin));
  list = list.substr(0, begin == 0 ? 0 : comma);
  return member;
}

/// Walks over a line that does not keep the grammar, as far as its last elements do by themselves: a client that opens a quote must not
/// take the proxy's address. What stands behind the last comma is never a piece of a quoted string of the proxy's own: in such a piece
/// quotes do not pair.
void walk_malformed(Walk& walk, std::string_view rest) {
  while (walk.goes_on()) {
    const std::string_view member = take_last_member(rest);
    ForwardedLine element(member);
    if (!element.read()) return walk.stop();
    if (element.count() == 1) walk.step(named(parse_host_and_port(element.node(0), true)));
    else if (rest.empty()) return walk.stop();
  }
}

}  // namespace

ring::PeerAddress walk_x_forwarded_for(const ring::PeerAddress& peer, std::span<const std::string_view> lines,
                                       const CidrSet& trusted) {
  Walk walk(peer, trusted);
  for (std::string_view rest : lines | std::views::reverse) {
    while (walk.goes_on() && !rest.empty()) {
      // No RFC: most proxies write the bare address, some add a port.
      if (const std::string_view member = take_last_member(rest); !member.empty())
        walk.step(named(parse_host_and_port(member, false)));
    }
  }
  return walk.client();
}

ring::PeerAddress walk_forwarded(const ring::PeerAddress& peer, std::span<const std::string_view> lines, const CidrSet& trusted) {
  Walk walk(peer, trusted);
  for (const std::string_view text : lines | std::views::reverse) {
    if (!walk.goes_on()) break;
    ForwardedLine line(text);
    if (!line.read()) {
      walk_malformed(walk, text);
      walk.stop();
    }
    for (std::size_t age = 0; age < line.count() && walk.goes_on(); ++age)
      walk.step(named(parse_host_and_port(line.node(age), true)));
  }
  return walk.client();
}

}  // namespace ringgate::net
