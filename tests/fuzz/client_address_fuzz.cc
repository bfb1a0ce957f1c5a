// What proxies say of the client. Oracles: a PROXY header reads the same whole, cut and with anything behind it, a cut one wants more,
// and what is wrong stays wrong; a header written by the input's own choice reads as what was put in, and not at all with one bit of
// its addresses flipped; a walk over X-Forwarded-For ends where a slow one from the left does; no walk begins at a stranger; whatever a
// client has written into Forwarded, what a proxy appends to it counts.
//
// Input: byte 0 = form (bits 0-1: 0 bytes as a PROXY header, 1 a PROXY header to write, 2 lines of X-Forwarded-For, 3 lines of
// Forwarded; bits 2-3: the versions asked for), byte 1 = the cut, then the bytes; LF ends a line.
//
// Tests: src/net/address_text.* src/net/cidr.* src/net/forwarded.* src/net/proxy_protocol.*
#include <array>
#include <string>

#include "base/limits.h"
#include "fuzz_case.h"
#include "net/address_text.h"
#include "net/forwarded.h"
#include "net/proxy_protocol.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;

PieceRoom piece_room;

auto read_piece(ByteView bytes, net::ProxyVersions versions) {
  const auto parsed = net::parse_proxy_header(piece_room.lend(bytes), versions);
  piece_room.take_back();
  return parsed;
}

void read_header(ByteView bytes, std::size_t cut, net::ProxyVersions versions) {
  const auto whole = read_piece(bytes, versions);
  const auto first = read_piece(bytes.first(std::min(cut, bytes.size())), versions);
  if (!first) require(!whole && whole.error() == first.error(), "what is wrong stays wrong");
  if (first && *first) require(whole && *whole == *first, "what is behind a header does not matter");
  if (!whole) return;
  if (!*whole) {
    require(bytes.size() < limits::proxy_header_bytes_max, "no header is awaited for ever");
    require(first && !*first, "a beginning of what is not whole is not whole");
    return;
  }
  const std::size_t size = (*whole)->size;
  require(size <= bytes.size() && size <= limits::proxy_header_bytes_max, "a header has its size");
  const auto exactly = read_piece(bytes.first(size), versions);
  require(exactly && *exactly == *whole, "a header needs nothing behind it");
  const auto less = read_piece(bytes.first(size - 1), versions);
  require(less && !*less, "a header that lacks its last byte wants more");
  if ((*whole)->source) require(net::is_unspecified(*(*whole)->source) == (*whole)->source->is_unix(), "a client has an address");
}

void put16(std::string& out, std::size_t number) {
  out += static_cast<char>(number >> 8U);
  out += static_cast<char>(number);
}

/// A header of version 2 with a checksum behind TLVs of the input's choice.
void write_then_read(ByteView bytes, std::uint8_t flip) {
  static std::string header, block;
  Choices choices(bytes.data(), bytes.size());
  const bool is_ipv4 = choices.byte() % 2 == 0;
  const std::size_t address_bytes = is_ipv4 ? 4 : 16;
  ring::PeerAddress source;
  if (is_ipv4) source.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  for (std::size_t i = 16 - address_bytes; i < 16; ++i) source.address[i] = choices.byte();
  source.port = static_cast<std::uint16_t>(choices.number16());
  block.clear();
  for (std::size_t i = 16 - address_bytes; i < 16; ++i) block += static_cast<char>(source.address[i]);
  block.append(address_bytes, '\x7F');
  put16(block, source.port);
  put16(block, 8080);
  for (std::size_t left = choices.rest().size(); left > 0; left = choices.rest().size()) {
    const std::uint8_t type = choices.byte() | 0x40U;  // no checksum
    const std::size_t length = std::min<std::size_t>(choices.byte(), choices.rest().size());
    if (block.size() + length + 32 > limits::proxy_header_bytes_max) break;
    block += static_cast<char>(type);
    put16(block, length);
    for (std::size_t i = 0; i < length; ++i) block += static_cast<char>(choices.byte());
  }
  block.append("\x03\0\4\0\0\0\0", 7);
  header.assign("\r\n\r\n\0\r\nQUIT\n\x21", 13);
  header += is_ipv4 ? '\x11' : '\x21';
  put16(header, block.size());
  header += block;
  const std::uint32_t sum = net::crc32c(bytes_of(header));
  for (unsigned i = 0; i < 4; ++i) header[header.size() - 4 + i] = static_cast<char>(sum >> (24 - 8 * i));

  const auto parsed = read_piece(bytes_of(header), net::ProxyVersions::either);
  if (net::is_unspecified(source)) return require(!parsed, "no client has an unspecified address");
  require(parsed && *parsed && (*parsed)->size == header.size() && (*parsed)->source == source, "read after write = written");
  const std::size_t bit = 8 * 16 + (flip * 31U) % (8 * (2 * address_bytes + 4));
  header[bit / 8] = static_cast<char>(static_cast<unsigned char>(header[bit / 8]) ^ (1U << bit % 8));
  require(!read_piece(bytes_of(header), net::ProxyVersions::either), "a checksum tells of a flipped bit");
}

const net::CidrSet& trusted() {
  static const net::CidrSet set = *net::CidrSet::parse(std::vector<std::string>{"10.0.0.0/8", "fd00::/8", "::1"});
  return set;
}

/// A member of X-Forwarded-For, said differently: the last colon begins a port if the rest is in brackets or has no colon.
std::optional<ring::PeerAddress> slow_member(std::string_view member) {
  std::string_view host = member, port;
  const std::size_t colon = member.rfind(':');
  const bool has_port = colon != std::string_view::npos && colon > 0 && (member[colon - 1] == ']' || member.find(':') == colon);
  if (has_port) {
    host = member.substr(0, colon);
    port = member.substr(colon + 1);
  }
  const bool is_bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  auto address = is_bracketed || host.contains(':') ? net::parse_ipv6(host) : net::parse_ipv4(host);
  if (!address || net::is_unspecified(*address)) return std::nullopt;
  if (!has_port) return address;
  const auto number = net::parse_port(port);
  if (!number) return std::nullopt;
  address->port = *number;
  return address;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

ring::PeerAddress slow_walk(const ring::PeerAddress& peer, std::span<const std::string_view> lines) {
  static std::vector<std::string_view> members;
  members.clear();
  for (std::string_view line : lines)
    for (bool more = true; more;) {
      const std::size_t comma = std::min(line.find(','), line.size());
      if (const auto member = trimmed(line.substr(0, comma)); !member.empty()) members.push_back(member);
      more = comma < line.size();
      line.remove_prefix(std::min(comma + 1, line.size()));
    }
  ring::PeerAddress client = peer;
  for (std::size_t i = members.size(), hops = 0; i-- > 0 && hops < limits::forwarded_hops_max && trusted().contains(client);
       ++hops) {
    const auto member = slow_member(members[i]);
    if (!member) break;
    client = *member;
  }
  return client;
}

/// What nginx makes of the client's own line.
void append_an_element(const ring::PeerAddress& proxy, std::span<const std::string_view> lines) {
  static std::string line;
  line.assign(lines.empty() ? std::string_view{} : lines.front());
  const std::size_t own_bytes = line.size();
  for (const auto& [element, client] :
       {std::pair{", for=192.0.2.7", "192.0.2.7"}, {", for=\"[2001:db8::1]\";by=x", "2001:db8::1"}}) {
    line.resize(own_bytes);
    line += element;
    const std::string_view view = line;
    require(net::walk_forwarded(proxy, std::span(&view, 1), trusted()).text() == client, "what a proxy appends counts");
  }
}

void walk(ByteView bytes, bool is_standard) {
  static std::vector<std::string_view> lines;
  lines.clear();
  std::string_view rest = text_of(bytes);
  while (!rest.empty() && lines.size() < 100) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lines.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto client_of = [&](const ring::PeerAddress& peer) {
    return is_standard ? net::walk_forwarded(peer, lines, trusted()) : net::walk_x_forwarded_for(peer, lines, trusted());
  };
  const ring::PeerAddress stranger{net::parse_ipv4("192.0.2.1")->address, 9};
  require(client_of(stranger) == stranger, "no walk begins at a stranger");
  const ring::PeerAddress proxy{net::parse_ipv4("10.0.0.1")->address, 9};
  const ring::PeerAddress client = client_of(proxy);
  require(client.is_known() && !net::is_unspecified(client), "a client has an address");
  if (is_standard) append_an_element(proxy, lines);
  else require(client == slow_walk(proxy, lines), "the walk ends where the slow one does");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const std::uint8_t form = choices.byte();
  const std::uint8_t cut = choices.byte();
  const std::array versions{net::ProxyVersions::v1, net::ProxyVersions::v2, net::ProxyVersions::either,
                            net::ProxyVersions::either};
  switch (form % 4) {
    case 0: read_header(choices.rest(), cut, versions[form / 4 % 4]); break;
    case 1: write_then_read(choices.rest(), cut); break;
    default: walk(choices.rest(), form % 4 == 3); break;
  }
  return 0;
}
