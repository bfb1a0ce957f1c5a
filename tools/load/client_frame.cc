#include "load/client_frame.h"

#include <array>
#include <cstring>

namespace ringgate::load {
namespace {

struct Header {
  std::array<char, 14> bytes{};
  std::size_t size = 0;
  void put(std::uint64_t byte) { bytes[size++] = static_cast<char>(byte & 0xff); }
};

Header header_of(const ClientFrame& frame, std::uint32_t masking_key) {
  const std::uint64_t length = frame.payload.size();
  const std::size_t length_bytes = length < 126 ? 0 : length < 65536 ? 2 : 8;
  Header header;
  header.put((frame.fin ? 0x80U : 0U) | static_cast<std::uint8_t>(frame.opcode));
  header.put(0x80U | (length_bytes == 0 ? length : length_bytes == 2 ? 126 : 127));
  for (std::size_t left = length_bytes; left > 0; --left) header.put(length >> (8 * (left - 1)));
  std::memcpy(header.bytes.data() + header.size, &masking_key, sizeof masking_key);
  header.size += sizeof masking_key;
  return header;
}

// The payload starts at byte 0 of the key, and 8 is a multiple of the key's 4 bytes, so one doubled key serves every step.
void append_masked(std::string& out, ByteView payload, std::uint32_t masking_key) {
  const std::uint64_t doubled = (std::uint64_t{masking_key} << 32) | masking_key;
  const std::size_t start = out.size();
  out.append(text_of(payload));
  char* const bytes = out.data() + start;
  std::size_t done = 0;
  for (; done + sizeof doubled <= payload.size(); done += sizeof doubled) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + done, sizeof word);
    word ^= doubled;
    std::memcpy(bytes + done, &word, sizeof word);
  }
  std::array<char, sizeof doubled> key{};
  std::memcpy(key.data(), &doubled, key.size());
  for (; done < payload.size(); ++done) bytes[done] = static_cast<char>(bytes[done] ^ key[done % key.size()]);
}

}  // namespace

void append_frame(std::string& out, const ClientFrame& frame, std::uint32_t masking_key) {
  const Header header = header_of(frame, masking_key);
  out.append(header.bytes.data(), header.size);
  append_masked(out, frame.payload, masking_key);
}

}  // namespace ringgate::load
