#include "events/stream_format.h"

#include "ws/frame_writer.h"

namespace ringgate::events {
namespace {

class StreamFormat final : public EventFormat {
 public:
  std::size_t event(std::string& out, EventEncoder& encoder, const RecordView& record) const override {
    std::string& json = scratch();
    encoder.append_json(json, record, EventEncoder::Payload::behind);
    return append_stream_message(out, json, record.type() == EventType::message ? record.payload() : ByteView{});
  }
  std::size_t gap(std::string& out, EventEncoder& encoder, const EventEncoder::Gap& gap) const override {
    std::string& json = scratch();
    encoder.append_gap_json(json, gap);
    return append_stream_message(out, json);
  }
  std::size_t end(std::string& out, std::string_view reason) const override {
    std::string& json = scratch();
    append_end_json(json, reason);
    return append_stream_message(out, json);
  }
  /// A Ping. It is no message, so nothing is charged.
  std::size_t heartbeat(std::string& out) const override {
    const ws::ControlFrame ping = ws::encode_ping({});
    out += text_of(ping.view());
    return 0;
  }

 private:
  /// Empty, and kept by its thread: the header of a frame needs the size of what follows.
  static std::string& scratch() {
    thread_local std::string text;
    text.clear();
    return text;
  }
};

}  // namespace

const EventFormat& stream_format() {
  static const StreamFormat format;
  return format;
}

std::size_t append_stream_message(std::string& out, std::string_view json, ByteView payload) {
  const std::size_t bytes = json.size() + 1 + payload.size();
  std::array<std::uint8_t, limits::server_header_bytes_max> header;
  const std::size_t header_bytes = ws::write_header(header.data(), MessageType::binary, bytes);
  out += text_of({header.data(), header_bytes});
  out += json;
  out += '\n';
  out += text_of(payload);
  return bytes;
}

}  // namespace ringgate::events
