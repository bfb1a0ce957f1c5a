// The units of a run: how each looks when it is sent, and what must come back.
//
// A unit is one message, whole or in fragments, or a run of messages, or as many raw bytes. A few variants of it are made
// beforehand; a stamp in each unit's first message and a fresh masking key in each frame make every unit on the wire another one.
// Everything follows from the seed, the connection and the unit's number, so a unit can be built again, byte by byte, after a
// send that the kernel cut short. Immutable after construction. Thread: any.
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

  /// Writes the unit and returns its bytes. `out` has room for request_bytes_max() + build_slack.
  std::size_t build(std::uint8_t* out, UnitId id) const;
  static constexpr std::size_t build_slack = 16;

  /// The canonical reply: each message as one unmasked frame (raw: the unit itself), `reply_bytes()` bytes.
  std::size_t reply_bytes() const { return reply_bytes_; }
  std::size_t reply_frame_bytes() const { return reply_frame_bytes_; }
  std::size_t reply_header_bytes() const { return reply_header_bytes_; }

  /// Whether `bytes` are what the canonical reply has from `position` on. position + bytes.size() ≤ reply_bytes().
  bool matches(UnitId id, std::size_t position, ByteView bytes) const;

  /// The canonical reply itself; for tests and for the slow path of the reader.
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
  // Counter-based, so that any frame's key can be made again (splitmix64's mix).
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
