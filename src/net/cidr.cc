#include "net/cidr.h"

#include <algorithm>
#include <cstring>

#include "net/address_text.h"

namespace ringgate::net {
namespace {

constexpr unsigned mapped_bits = 96;  // of the prefix that IPv4 is mapped into

/// Whether the first `bits` bits are the same.
bool agree(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b, unsigned bits) {
  const unsigned whole = bits / 8, rest = bits % 8;
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool has_bits_behind(const Cidr& cidr) {
  for (unsigned bit = cidr.prefix_bits; bit < 128; ++bit)
    if ((cidr.network[bit / 8] >> (7 - bit % 8) & 1U) != 0) return true;
  return false;
}

}  // namespace

bool Cidr::contains(const ring::PeerAddress& peer) const {
  if (is_unix || peer.is_unix()) return is_unix && peer.is_unix();
  return peer.is_known() && peer.is_ipv4() == is_ipv4 && agree(peer.address, network, prefix_bits);
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  if (text == "unix") return Cidr{.is_unix = true};
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view host = text.substr(0, slash);
  const bool is_written_as_ipv4 = !host.contains(':');
  const auto address = is_written_as_ipv4 ? parse_ipv4(host) : parse_ipv6(host);
  if (!address) return std::nullopt;
  unsigned bits = 128;
  if (slash < text.size()) {
    const auto written = parse_port(text.substr(slash + 1));  // as strict as a prefix length must be
    if (!written || *written > (is_written_as_ipv4 ? 32 : 128)) return std::nullopt;
    bits = *written + (is_written_as_ipv4 ? mapped_bits : 0);
  }
  const Cidr cidr{.network = address->address,
                  .prefix_bits = static_cast<std::uint8_t>(bits),
                  .is_ipv4 = address->is_ipv4() && bits >= mapped_bits};
  if (has_bits_behind(cidr)) return std::nullopt;
  return cidr;
}

std::optional<CidrSet> CidrSet::parse(std::span<const std::string> texts) {
  if (texts.size() > entries_max) return std::nullopt;
  CidrSet set;
  for (const std::string& text : texts) {
    const auto cidr = parse_cidr(text);
    if (!cidr) return std::nullopt;
    set.entries_.push_back(*cidr);
  }
  return set;
}

bool CidrSet::contains(const ring::PeerAddress& peer) const {
  return std::ranges::any_of(entries_, [&](const Cidr& cidr) { return cidr.contains(peer); });
}

}  // namespace ringgate::net
