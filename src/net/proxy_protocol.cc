#include "net/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/limits.h"
#include "net/address_text.h"

namespace ringgate::net {
namespace {

using Parsed = std::expected<std::optional<ProxyHeader>, ProxyViolation>;

constexpr std::string_view v1_signature = "PROXY ";
constexpr std::size_t v1_bytes_max = 107;  // with CRLF
constexpr std::string_view v2_signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t v2_fixed_bytes = 16;  // signature, version and command, family, length
constexpr std::uint8_t v2_command_local = 0, v2_command_proxy = 1;
constexpr std::uint8_t tlv_crc32c = 0x03;  // PP2_TYPE_CRC32C
constexpr std::size_t tlv_head_bytes = 3;

// By the high nibble of the family byte: UNSPEC, INET, INET6, UNIX; then the size of both addresses and ports.
constexpr std::array<std::size_t, 4> v2_address_bytes{0, 12, 36, 216};
constexpr std::uint8_t family_unspecified = 0, family_ipv4 = 1, family_ipv6 = 2;
constexpr std::uint8_t transports_count = 3;  // by the low nibble: UNSPEC, STREAM, DGRAM
constexpr std::uint8_t transport_unspecified = 0;

constexpr std::array<std::string_view, proxy_violations_count> violation_names{
    "no_header",    "v1_too_long", "v1_protocol",      "v1_address",  "v1_port",
    "v1_fields",    "v2_version",  "v2_command",       "v2_family",   "v2_too_long",
    "v2_addresses", "v2_tlv",      "v2_checksum_form", "v2_checksum", "unspecified_source"};

std::unexpected<ProxyViolation> broken(ProxyViolation violation) { return std::unexpected(violation); }

/// Whether `bytes` begins with `signature`, as far as they are there.
bool may_begin_with(std::string_view bytes, std::string_view signature) {
  return signature.starts_with(bytes.substr(0, signature.size()));
}

std::uint16_t number16(ByteView bytes) { return static_cast<std::uint16_t>(bytes[0] << 8U | bytes[1]); }

Parsed of_client(std::size_t size, const ring::PeerAddress& source) {
  if (is_unspecified(source)) return broken(ProxyViolation::unspecified_source);
  return ProxyHeader{size, source};
}

// -- Version 1: one line of text

/// `line` ends in CRLF.
Parsed parse_v1(std::string_view line) {
  std::string_view rest = line.substr(v1_signature.size(), line.size() - v1_signature.size() - 2);
  const auto next = [&rest] {
    const std::size_t space = std::min(rest.find(' '), rest.size());
    const std::string_view field = rest.substr(0, space);
    rest.remove_prefix(std::min(space + 1, rest.size()));
    return field;
  };
  if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return ProxyHeader{line.size(), std::nullopt};
  if (std::ranges::count(rest, ' ') != 4) {
    const std::string_view protocol = next();
    return broken(protocol == "TCP4" || protocol == "TCP6" ? ProxyViolation::v1_fields : ProxyViolation::v1_protocol);
  }
  const std::string_view protocol = next();
  if (protocol != "TCP4" && protocol != "TCP6") return broken(ProxyViolation::v1_protocol);
  const auto parse_address = protocol == "TCP4" ? parse_ipv4 : parse_ipv6;
  auto source = parse_address(next());
  const auto destination = parse_address(next());
  if (!source || !destination) return broken(ProxyViolation::v1_address);
  const auto source_port = parse_port(next());
  const auto destination_port = parse_port(next());
  if (!source_port || !destination_port) return broken(ProxyViolation::v1_port);
  source->port = *source_port;
  return of_client(line.size(), *source);
}

Parsed read_v1(std::string_view bytes) {
  const std::string_view window = bytes.substr(0, v1_bytes_max);
  const std::size_t end = window.find("\r\n");
  if (end != std::string_view::npos) return parse_v1(window.substr(0, end + 2));
  if (window.size() == v1_bytes_max) return broken(ProxyViolation::v1_too_long);
  return std::optional<ProxyHeader>{};
}

// -- Version 2: binary

/// Walks the TLVs that begin at `at`; a CRC32C among them must be right.
std::optional<ProxyViolation> judge_tlvs(ByteView header, std::size_t at) {
  std::size_t checksum_at = 0;
  while (at < header.size()) {
    if (header.size() - at < tlv_head_bytes) return ProxyViolation::v2_tlv;
    const std::size_t length = number16(header.subspan(at + 1));
    const std::size_t value_at = at + tlv_head_bytes;
    if (header.size() - value_at < length) return ProxyViolation::v2_tlv;
    if (header[at] == tlv_crc32c) {
      if (length != 4 || checksum_at != 0) return ProxyViolation::v2_checksum_form;
      checksum_at = value_at;
    }
    at = value_at + length;
  }
  if (checksum_at == 0) return std::nullopt;
  // Computed with zeros in its own place.
  constexpr std::array<std::uint8_t, 4> zeros{};
  const std::uint32_t sum = crc32c(header.subspan(checksum_at + 4), crc32c(zeros, crc32c(header.first(checksum_at))));
  const std::uint32_t told =
      std::uint32_t{number16(header.subspan(checksum_at))} << 16U | number16(header.subspan(checksum_at + 2));
  if (sum != told) return ProxyViolation::v2_checksum;
  return std::nullopt;
}

/// `header` is whole, and its first v2_fixed_bytes are sound.
Parsed parse_v2(ByteView header) {
  const std::uint8_t family = header[13] >> 4U, transport = header[13] & 0xFU;
  // Whatever else LOCAL carries is to be ignored, and where TLVs of an unspecified family begin nobody knows.
  if ((header[12] & 0xFU) == v2_command_local || family == family_unspecified) return ProxyHeader{header.size(), std::nullopt};
  const ByteView addresses = header.subspan(v2_fixed_bytes);
  if (addresses.size() < v2_address_bytes[family]) return broken(ProxyViolation::v2_addresses);
  if (const auto violation = judge_tlvs(header, v2_fixed_bytes + v2_address_bytes[family])) return broken(*violation);
  if (transport == transport_unspecified) return ProxyHeader{header.size(), std::nullopt};
  ring::PeerAddress source;
  if (family == family_ipv4) {
    source.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    std::memcpy(source.address.data() + 12, addresses.data(), 4);
    source.port = number16(addresses.subspan(8));
  } else if (family == family_ipv6) {
    std::memcpy(source.address.data(), addresses.data(), 16);
    source.port = number16(addresses.subspan(32));
  } else {
    return ProxyHeader{header.size(), ring::PeerAddress::unix_socket()};
  }
  return of_client(header.size(), source);
}

Parsed read_v2(ByteView bytes) {
  if (bytes.size() > 12) {
    if (bytes[12] >> 4U != 2) return broken(ProxyViolation::v2_version);
    if ((bytes[12] & 0xFU) > v2_command_proxy) return broken(ProxyViolation::v2_command);
  }
  const bool is_local = bytes.size() > 12 && (bytes[12] & 0xFU) == v2_command_local;
  if (bytes.size() > 13 && !is_local && (bytes[13] >> 4U >= v2_address_bytes.size() || (bytes[13] & 0xFU) >= transports_count))
    return broken(ProxyViolation::v2_family);
  if (bytes.size() < v2_fixed_bytes) return std::optional<ProxyHeader>{};
  const std::size_t size = v2_fixed_bytes + number16(bytes.subspan(14));
  if (size > limits::proxy_header_bytes_max) return broken(ProxyViolation::v2_too_long);
  if (bytes.size() < size) return std::optional<ProxyHeader>{};
  return parse_v2(bytes.first(size));
}

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0x82F6'3B78U : 0);
    table[byte] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> crc_table = make_crc_table();

}  // namespace

std::string_view name_of(ProxyViolation violation) { return violation_names[static_cast<std::size_t>(violation)]; }

Parsed parse_proxy_header(ByteView bytes, ProxyVersions versions) {
  const std::string_view text = text_of(bytes);
  const bool may_be_v1 = versions != ProxyVersions::v2 && may_begin_with(text, v1_signature);
  const bool may_be_v2 = versions != ProxyVersions::v1 && may_begin_with(text, v2_signature);
  if (!may_be_v1 && !may_be_v2) return broken(ProxyViolation::no_header);
  if (bytes.empty()) return std::optional<ProxyHeader>{};
  return may_be_v1 ? read_v1(text) : read_v2(bytes);
}

std::uint32_t crc32c(ByteView bytes, std::uint32_t crc) {
  crc = ~crc;
  for (const std::uint8_t byte : bytes) crc = crc >> 8U ^ crc_table[(crc ^ byte) & 0xFFU];
  return ~crc;
}

}  // namespace ringgate::net
