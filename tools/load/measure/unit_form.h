// The units of a run: their bytes on the wire, and the expected replies.
//
// A unit is one message (whole or in fragments), a run of messages, or raw bytes. A few variants are made beforehand; a stamp in
// each unit's first message and a fresh masking key in each frame make all units on the wire different. Every byte follows from
// the seed, the connection and the unit's number, so a unit can be built again after a short send. Immutable after construction.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "load/measure/payload.h"
#include "load/measure/run_options.h"
#include "ringgate/bytes.h"

namespace ringgate::measure {

struct UnitId {
  std::uint32_t connection = 0;
  std::uint64_t number = 0;  // 0, 1, 2, ... on its connection
};

struct UnitShape {
  Protocol protocol = Protocol::websocket;
  PayloadKind payload = PayloadKind::binary;
  std::size_t size = 0;
  std::size_t messages = 1;
  std::uint32_t fragments = 1;
  bool is_deflated = false;
  std::uint64_t seed = 1;
};

class UnitForm {
 public:
  explicit UnitForm(const UnitShape& shape);

  const UnitShape& shape() const { return shape_; }
  std::size_t request_bytes_max() const { return request_bytes_max_; }

  /// Writes the unit and returns its size. `out` has room for request_bytes_max() + build_slack bytes.
  std::size_t build(std::uint8_t* out, UnitId id) const;
  static constexpr std::size_t build_slack = 16;

  /// The canonical reply: each message as one unmasked frame (raw: the unit itself), `reply_bytes()` bytes.
  std::size_t reply_bytes() const { return reply_bytes_; }
  std::size_t reply_frame_bytes() const { return reply_frame_bytes_; }
  std::size_t reply_header_bytes() const { return reply_header_bytes_; }

  /// True if the canonical reply has `bytes` at `position`. position + bytes.size() ≤ reply_bytes().
  bool matches(UnitId id, std::size_t position, ByteView bytes) const;

  /// Copies a part of the canonical reply; for tests and for the slow path of the reader.
  void copy_reply(UnitId id, std::size_t position, MutableBytes out) const;

 private:
  struct Fragment {
    std::uint8_t header[10] = {};
    std::size_t header_bytes = 0;
    std::size_t offset = 0;
    std::size_t bytes = 0;
  };

  void cut_fragments();
  void make_images();
  void deflate_variants();
  std::size_t build_raw(std::uint8_t* out, UnitId id) const;
  std::size_t build_fragments(std::uint8_t* out, UnitId id) const;
  std::size_t build_deflated(std::uint8_t* out, UnitId id) const;
  void stamp(MutableBytes payload, UnitId id) const;

  std::size_t variant_of(UnitId id) const { return (id.number + id.connection) & (variants_ - 1); }
  const std::uint8_t* image(UnitId id) const { return images_.data() + variant_of(id) * image_stride_; }
  std::uint64_t stamp_word(UnitId id) const {
    return stamp_of(shape_.payload, id.number + std::uint64_t{id.connection} * 0x9e3779b1U);
  }
  // Depends only on its arguments (splitmix64's mix), so that any frame's key can be made again.
  std::uint32_t masking_key(UnitId id, std::size_t frame, std::size_t frames_count) const {
    std::uint64_t mixed =
        shape_.seed + (std::uint64_t{id.connection} << 40) + (id.number * frames_count + frame + 1) * 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return static_cast<std::uint32_t>(mixed >> 32);
  }

  UnitShape shape_;
  std::size_t variants_ = 1;  // a power of two
  std::size_t request_bytes_max_ = 0;
  std::size_t reply_bytes_ = 0;
  std::size_t reply_frame_bytes_ = 0;
  std::size_t reply_header_bytes_ = 0;
  std::size_t image_stride_ = 0;
  StampPlace stamp_;          // in the payload
  std::size_t stamp_at_ = 0;  // in the reply
  std::vector<std::uint8_t> images_;
  std::vector<Fragment> fragments_;
  std::vector<std::string> deflated_;  // one per variant
};

}  // namespace ringgate::measure
