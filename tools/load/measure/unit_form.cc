#include "load/measure/unit_form.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"
#include "load/measure/raw_deflate.h"
#include "load/measure/wire_size.h"
#include "load/random.h"
#include "ws/masking.h"

namespace ringgate::measure {
namespace {

// All variants together fit well into the L2 cache.
constexpr std::size_t image_bytes_goal = 128 * 1024;
constexpr std::size_t variants_max = 16;
constexpr std::size_t deflated_variants = 64;
constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t rsv1_bit = 0x40;
constexpr std::uint8_t mask_bit = 0x80;

std::uint8_t opcode_of(PayloadKind kind) { return kind == PayloadKind::binary ? 2 : 1; }

// Writes the first byte and the length in its shortest form; returns the number of bytes.
std::size_t put_header(std::uint8_t* out, std::uint8_t first, std::size_t length, std::uint8_t mask) {
  const std::size_t bytes = server_header_bytes(length);
  out[0] = first;
  out[1] = static_cast<std::uint8_t>(mask | (bytes == 2 ? length : bytes == 4 ? 126 : 127));
  for (std::size_t i = 2; i < bytes; ++i) out[i] = static_cast<std::uint8_t>(length >> (8 * (bytes - 1 - i)));
  return bytes;
}

}  // namespace

UnitForm::UnitForm(const UnitShape& shape) : shape_(shape) {
  const bool is_raw = shape.protocol == Protocol::raw;
  reply_header_bytes_ = is_raw ? 0 : server_header_bytes(shape.size);
  reply_frame_bytes_ = is_raw ? client_frame_bytes(shape.size) : server_frame_bytes(shape.size);
  reply_bytes_ = reply_frame_bytes_ * shape.messages;
  stamp_ = stamp_place(shape.payload, is_raw ? reply_bytes_ : shape.size);
  stamp_at_ = reply_header_bytes_ + stamp_.offset;
  image_stride_ = (reply_bytes_ + 16 + 63) & ~std::size_t{63};
  variants_ = std::clamp<std::size_t>(std::bit_floor(image_bytes_goal / image_stride_ + 1), 2, variants_max);
  if (shape.is_deflated) {
    variants_ = image_stride_ * deflated_variants > std::size_t{64} << 20 ? 2 : deflated_variants;
    stamp_ = {};
  }
  cut_fragments();
  make_images();
  if (shape.is_deflated) deflate_variants();
}

void UnitForm::cut_fragments() {
  if (shape_.protocol == Protocol::raw) {
    request_bytes_max_ = reply_bytes_;
    return;
  }
  fragments_.resize(shape_.fragments);
  for (std::size_t i = 0; i < fragments_.size(); ++i) {
    Fragment& fragment = fragments_[i];
    fragment.offset = shape_.size * i / fragments_.size();
    fragment.bytes = shape_.size * (i + 1) / fragments_.size() - fragment.offset;
    const bool is_last = i + 1 == fragments_.size();
    const unsigned first = (is_last ? fin_bit : 0U) | (i == 0 ? opcode_of(shape_.payload) : 0U);
    fragment.header_bytes = put_header(fragment.header, static_cast<std::uint8_t>(first), fragment.bytes, mask_bit);
    request_bytes_max_ += fragment.header_bytes + 4 + fragment.bytes;
  }
  request_bytes_max_ *= shape_.messages;
}

void UnitForm::make_images() {
  load::Random random(shape_.seed);
  images_.resize(image_stride_ * variants_);
  for (std::size_t variant = 0; variant < variants_; ++variant) {
    std::uint8_t* out = images_.data() + variant * image_stride_;
    for (std::size_t message = 0; message < shape_.messages; ++message, out += reply_frame_bytes_) {
      if (reply_header_bytes_ != 0)
        put_header(out, static_cast<std::uint8_t>(fin_bit | opcode_of(shape_.payload)), shape_.size, 0);
      const std::string payload = make_payload(shape_.payload, reply_frame_bytes_ - reply_header_bytes_, random);
      std::memcpy(out + reply_header_bytes_, payload.data(), payload.size());
    }
  }
}

void UnitForm::deflate_variants() {
  for (std::size_t variant = 0; variant < variants_; ++variant) {
    const std::uint8_t* const payload = images_.data() + variant * image_stride_ + reply_header_bytes_;
    deflated_.push_back(deflate_message({payload, shape_.size}));
    request_bytes_max_ = std::max(request_bytes_max_, client_frame_bytes(deflated_.back().size()));
  }
}

void UnitForm::stamp(MutableBytes payload, UnitId id) const {
  const std::uint64_t word = stamp_word(id);
  std::memcpy(payload.data() + stamp_.offset, &word, stamp_.bytes);
}

std::size_t UnitForm::build(std::uint8_t* out, UnitId id) const {
  if (shape_.protocol == Protocol::raw) return build_raw(out, id);
  if (shape_.is_deflated) return build_deflated(out, id);
  if (shape_.fragments != 1) return build_fragments(out, id);

  const Fragment& form = fragments_.front();
  std::uint64_t header = 0;  // the whole header, or all but the last two bytes of the longest form
  std::memcpy(&header, form.header, sizeof header);
  const std::uint8_t* from = image(id) + reply_header_bytes_;
  std::uint8_t* to = out;
  for (std::size_t message = 0; message < shape_.messages; ++message) {
    const std::uint32_t key = masking_key(id, message, shape_.messages);
    std::memcpy(to, &header, sizeof header);
    if (form.header_bytes > sizeof header) std::memcpy(to, form.header, sizeof form.header);
    to += form.header_bytes;
    std::memcpy(to, &key, sizeof key);
    to += sizeof key;
    ws::unmask_copy(to, {from, shape_.size}, key);
    if (message == 0 && stamp_.bytes != 0) {
      const std::uint64_t masked = stamp_word(id) ^ ws::masking::repeat<std::uint64_t>(ws::masking::rotate(key, stamp_.offset));
      std::memcpy(to + stamp_.offset, &masked, stamp_.bytes);
    }
    to += shape_.size;
    from += reply_frame_bytes_;
  }
  return static_cast<std::size_t>(to - out);
}

std::size_t UnitForm::build_raw(std::uint8_t* out, UnitId id) const {
  std::memcpy(out, image(id), reply_bytes_);
  stamp({out, reply_bytes_}, id);
  return reply_bytes_;
}

// A fragment's end may cut the stamp, so the payload is stamped in place before masking.
std::size_t UnitForm::build_fragments(std::uint8_t* out, UnitId id) const {
  std::vector<std::uint8_t> payload(image(id) + reply_header_bytes_, image(id) + reply_header_bytes_ + shape_.size);
  stamp(payload, id);
  std::uint8_t* to = out;
  for (std::size_t i = 0; i < fragments_.size(); ++i) {
    const Fragment& fragment = fragments_[i];
    const std::uint32_t key = masking_key(id, i, fragments_.size());
    std::memcpy(to, fragment.header, fragment.header_bytes);
    std::memcpy(to + fragment.header_bytes, &key, sizeof key);
    to += fragment.header_bytes + sizeof key;
    ws::unmask_copy(to, ByteView(payload).subspan(fragment.offset, fragment.bytes), key);
    to += fragment.bytes;
  }
  return static_cast<std::size_t>(to - out);
}

std::size_t UnitForm::build_deflated(std::uint8_t* out, UnitId id) const {
  const std::string& deflated = deflated_[variant_of(id)];
  const std::uint32_t key = masking_key(id, 0, 1);
  const std::size_t header =
      put_header(out, static_cast<std::uint8_t>(fin_bit | rsv1_bit | opcode_of(shape_.payload)), deflated.size(), mask_bit);
  std::memcpy(out + header, &key, sizeof key);
  ws::unmask_copy(out + header + sizeof key, bytes_of(deflated), key);
  return header + sizeof key + deflated.size();
}

bool UnitForm::matches(UnitId id, std::size_t position, ByteView bytes) const {
  const std::uint8_t* const expected = image(id) + position;
  const std::size_t end = position + bytes.size();
  if (stamp_.bytes == 0 || end <= stamp_at_ || position >= stamp_at_ + stamp_.bytes)
    return std::memcmp(expected, bytes.data(), bytes.size()) == 0;

  // Compares the bytes before the stamp, the stamp, and the bytes behind it.
  const std::size_t stamp_end = stamp_at_ + stamp_.bytes;
  const std::uint64_t word = stamp_word(id);
  const std::uint8_t* const got = bytes.data();
  if (position < stamp_at_ && std::memcmp(expected, got, stamp_at_ - position) != 0) return false;
  if (position <= stamp_at_ && end >= stamp_at_ + sizeof word && stamp_.bytes == sizeof word) {
    std::uint64_t found = 0;
    std::memcpy(&found, got + (stamp_at_ - position), sizeof found);
    if (found != word) return false;
  } else {
    const std::size_t first = std::max(position, stamp_at_);
    const std::size_t last = std::min(end, stamp_end);
    const auto* const stamp_bytes = reinterpret_cast<const std::uint8_t*>(&word);
    if (std::memcmp(stamp_bytes + (first - stamp_at_), got + (first - position), last - first) != 0) return false;
  }
  return end <= stamp_end || std::memcmp(expected + (stamp_end - position), got + (stamp_end - position), end - stamp_end) == 0;
}

void UnitForm::copy_reply(UnitId id, std::size_t position, MutableBytes out) const {
  std::memcpy(out.data(), image(id) + position, out.size());
  const std::uint64_t word = stamp_word(id);
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&word);
  for (std::size_t i = 0; i < stamp_.bytes; ++i) {
    const std::size_t at = stamp_at_ + i;
    if (at >= position && at - position < out.size()) out[at - position] = bytes[i];
  }
}

}  // namespace ringgate::measure
