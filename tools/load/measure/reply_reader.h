// Reads a server's replies and compares every byte with the expected one.
//
// It compares the canonical reply (each message one frame) as a whole, wherever receives cut it. It reads any other reply, such
// as fragments or control frames, frame by frame, and still keeps no payload. It keeps only compressed messages until they are
// whole. Thread: the connection's. Invariant: units end in the expected order, and a fault ends the reading.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "load/measure/unit_form.h"
#include "load/server_frame.h"
#include "ringgate/bytes.h"

namespace ringgate::measure {

enum class ReplyStep : std::uint8_t { need_more, unit, ping, close, fault };

class ReplyReader {
 public:
  ReplyReader(const UnitForm& form, std::uint32_t connection) : form_(&form), id_{connection, 0} {}

  /// Expects the replies of `units` more units.
  void expect(std::uint64_t units) { expected_ += units; }
  std::uint64_t outstanding() const { return expected_ - id_.number; }
  std::uint64_t units_read() const { return id_.number; }
  std::uint64_t units_expected() const { return expected_; }

  /// Takes bytes from the front of `bytes` up to the next event; need_more: it took all.
  ReplyStep step(ByteView& bytes) {
    if (bytes.empty()) return ReplyStep::need_more;
    if (frames_ == nullptr && outstanding() != 0 && !form_->shape().is_deflated) {
      const std::size_t left = form_->reply_bytes() - position_;
      const ByteView front = bytes.first(left < bytes.size() ? left : bytes.size());
      if (form_->matches(id_, position_, front)) {
        bytes = bytes.subspan(front.size());
        position_ += front.size();
        if (position_ != form_->reply_bytes()) return ReplyStep::need_more;
        position_ = 0;
        ++id_.number;
        return ReplyStep::unit;
      }
    }
    return step_frames(bytes);
  }

  /// After ping or close: the payload; valid until the next step.
  ByteView control_payload() const;
  /// After fault: a sentence.
  const std::string& fault() const { return fault_; }

 private:
  // The position inside a frame; exists only while replies are not canonical.
  struct Frames {
    std::array<std::uint8_t, load::server_header_bytes_max> bytes{};  // of a cut header
    std::size_t bytes_count = 0;
    load::ServerHeader header;  // of the current frame, once whole
    bool is_in_payload = false;
    std::uint64_t payload_left = 0;
    bool is_in_message = false;  // a message is unfinished
    bool is_compressed = false;
    std::size_t message = 0;        // index in the unit
    std::size_t message_bytes = 0;  // bytes of the message so far
    std::string control;
    std::string deflated;
  };

  ReplyStep step_frames(ByteView& bytes);
  void enter_frames();
  bool take_header(ByteView& bytes);  // false: a fault
  bool start_frame();
  bool take_payload(ByteView& bytes);
  ReplyStep finish_frame();
  ReplyStep finish_message();
  bool is_inflated_right();
  bool fail(std::string what);

  const UnitForm* form_;
  UnitId id_;
  std::uint64_t expected_ = 0;
  std::size_t position_ = 0;  // in the canonical reply of the unit
  std::unique_ptr<Frames> frames_;
  std::string fault_;
};

}  // namespace ringgate::measure
