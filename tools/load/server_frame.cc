#include "load/server_frame.h"

#include <optional>

namespace ringgate::load {
namespace {

std::uint64_t big_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = (value << 8) | byte;
  return value;
}

bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

std::optional<FrameFault> fault_in(std::uint8_t first, std::uint8_t second, Compression compression) {
  const std::uint8_t opcode = first & 0x0f;
  const bool may_have_rsv1 = compression == Compression::agreed && (opcode == 1 || opcode == 2);
  if ((first & (may_have_rsv1 ? 0x30 : 0x70)) != 0) return FrameFault::reserved_bits;
  if (!is_known(opcode)) return FrameFault::unknown_opcode;
  if ((second & 0x80) != 0) return FrameFault::masked;
  if (opcode < 8) return std::nullopt;
  if ((first & 0x80) == 0) return FrameFault::control_fragmented;
  if ((second & 0x7f) > 125) return FrameFault::control_too_long;
  return std::nullopt;
}

}  // namespace

HeaderVerdict parse_server_header(ByteView input, std::uint64_t payload_bytes_max, Compression compression) {
  if (input.size() < 2) return NeedMore{2};
  if (const auto fault = fault_in(input[0], input[1], compression)) return *fault;

  const std::uint8_t short_length = input[1] & 0x7f;
  const std::size_t length_bytes = short_length < 126 ? 0 : short_length == 126 ? 2 : 8;
  const std::size_t header_bytes = 2 + length_bytes;
  if (input.size() < header_bytes) return NeedMore{header_bytes};

  const std::uint64_t length = length_bytes == 0 ? short_length : big_endian(input.subspan(2, length_bytes));
  if (length_bytes == 2 && length < 126) return FrameFault::length_not_minimal;
  if (length_bytes == 8 && length < 65536) return FrameFault::length_not_minimal;
  if (length > payload_bytes_max) return FrameFault::too_long;
  return ServerHeader{static_cast<Opcode>(input[0] & 0x0f), (input[0] & 0x80) != 0, (input[0] & 0x40) != 0, length, header_bytes};
}

FrameVerdict parse_server_frame(ByteView input, std::uint64_t payload_bytes_max) {
  const auto verdict = parse_server_header(input, payload_bytes_max, Compression::none);
  if (const auto* fault = std::get_if<FrameFault>(&verdict)) return *fault;
  if (const auto* more = std::get_if<NeedMore>(&verdict)) return *more;
  const auto& header = std::get<ServerHeader>(verdict);
  if (input.size() - header.size < header.payload_bytes) return NeedMore{header.size + header.payload_bytes};

  const auto payload_bytes = static_cast<std::size_t>(header.payload_bytes);
  return ServerFrame{header.opcode, header.fin, input.subspan(header.size, payload_bytes), header.size + payload_bytes};
}

const char* name_of(FrameFault fault) {
  switch (fault) {
    case FrameFault::reserved_bits: return "reserved bits set";
    case FrameFault::unknown_opcode: return "unknown opcode";
    case FrameFault::masked: return "masked server frame";
    case FrameFault::control_fragmented: return "fragmented control frame";
    case FrameFault::control_too_long: return "control frame above 125 bytes";
    case FrameFault::length_not_minimal: return "length not in its shortest form";
    case FrameFault::too_long: return "frame above the limit";
  }
  return "?";
}

}  // namespace ringgate::load
