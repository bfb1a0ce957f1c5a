#include "load/device_client.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "load/opening.h"

namespace ringgate::load {
namespace {

constexpr std::size_t reserve_bytes_max = std::size_t{32} << 20;

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

std::string target_of(const std::string& path, std::string_view device_id) {
  return path + (path.find('?') == std::string::npos ? "?deviceId=" : "&deviceId=") + std::string(device_id);
}

}  // namespace

void DeviceClient::open(std::string_view device_id) {
  RINGGATE_ASSERT(phase_ == Phase::closed);
  phase_ = Phase::opening;
  is_close_sent_ = false;
  key_ = make_key(loop().random());
  append_request(output(), {target_of(target_.path, device_id), target_.gate.text, key_});
  connect(target_.gate, target_.stream);
}

void DeviceClient::on_connected() {}  // the request waits in the output

void DeviceClient::send_message(MessageType type, ByteView payload) {
  send_frame({type == MessageType::text ? Opcode::text : Opcode::binary, true, payload});
}

void DeviceClient::send_frame(const ClientFrame& frame) {
  if (phase_ != Phase::open) return;
  append_frame(output(), frame, static_cast<std::uint32_t>(loop().random().next()));
  output_grew();
}

void DeviceClient::close(CloseCode code) {
  if (phase_ != Phase::open) return;
  const auto number = static_cast<std::uint16_t>(code);
  const std::array<std::uint8_t, 2> payload{static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number & 0xff)};
  send_frame({Opcode::close, true, payload});
  is_close_sent_ = true;
}

// Parses in the receive buffer; copies only a frame that is cut by its end.
void DeviceClient::on_bytes(ByteView bytes) {
  if (held_.empty()) return hold(bytes.subspan(consume(bytes)));
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  std::vector<std::uint8_t> joined;
  joined.swap(held_);
  const ByteView rest = ByteView(joined).subspan(consume(joined));
  if (rest.size() == joined.size()) {
    held_.swap(joined);
    return;
  }
  hold(rest);
}

void DeviceClient::hold(ByteView rest) {
  if (rest.empty() || !is_open()) return;
  const auto verdict = phase_ == Phase::opening ? FrameVerdict(NeedMore{}) : parse_server_frame(rest, target_.message_bytes_max);
  if (const auto* more = std::get_if<NeedMore>(&verdict))
    held_.reserve(std::min<std::size_t>(static_cast<std::size_t>(more->size), reserve_bytes_max));
  held_.assign(rest.begin(), rest.end());
}

std::size_t DeviceClient::consume(ByteView bytes) {
  std::size_t used = 0;
  if (phase_ == Phase::opening) used = consume_answer(bytes);
  bool wants_more = phase_ == Phase::opening;
  while (used < bytes.size() && !wants_more && is_open()) {
    const auto verdict = parse_server_frame(bytes.subspan(used), target_.message_bytes_max);
    std::visit(Overloaded{[&](NeedMore) { wants_more = true; },
                          [&](const ServerFrame& frame) {
                            used += frame.size;
                            take_frame(frame);
                          },
                          [&](FrameFault fault) { fail(name_of(fault)); }},
               verdict);
  }
  return used;
}

std::size_t DeviceClient::consume_answer(ByteView bytes) {
  const auto answer = parse_answer(bytes);
  if (answer && !*answer) return 0;
  OpeningFailure failure;
  if (!answer) {
    failure.text = name_of(answer.error());
  } else if (const auto fault = fault_in(**answer, key_)) {
    failure.status = (*answer)->status;
    failure.text = *fault == OpeningFault::status ? std::string((*answer)->body) : name_of(*fault);
  } else {
    phase_ = Phase::open;
    std::string().swap(key_);
    on_open();
    return (*answer)->size;
  }
  failure_ = std::make_unique<OpeningFailure>(std::move(failure));
  drop();
  return bytes.size();
}

void DeviceClient::take_frame(const ServerFrame& frame) {
  if (ending_ != nullptr) return fail("a frame after the Close frame");
  switch (frame.opcode) {
    case Opcode::ping: on_ping(frame.payload); break;
    case Opcode::pong: on_pong(frame.payload); break;
    case Opcode::close: take_close(frame.payload); break;
    case Opcode::continuation:
    case Opcode::text:
    case Opcode::binary: take_data(frame); break;
  }
}

void DeviceClient::take_data(const ServerFrame& frame) {
  const bool is_continuation = frame.opcode == Opcode::continuation;
  if (is_continuation != (fragments_ != nullptr)) return fail("continuation frame out of place");
  const auto type = frame.opcode == Opcode::text ? MessageType::text : MessageType::binary;
  if (!is_continuation && frame.fin) return on_message({type, frame.payload});

  if (!is_continuation) fragments_ = std::make_unique<Fragments>(Fragments{type, {}});
  auto& bytes = fragments_->bytes;
  if (frame.payload.size() > target_.message_bytes_max - bytes.size()) return fail("message above the limit");
  bytes.insert(bytes.end(), frame.payload.begin(), frame.payload.end());
  if (!frame.fin) return;
  const auto whole = std::move(fragments_);
  on_message({whole->type, whole->bytes});
}

// Answers a Close frame once (RFC 6455 section 5.5.1); then the server ends TCP.
void DeviceClient::take_close(ByteView payload) {
  if (payload.size() == 1) return fail("Close frame with one byte");
  Ending ending;
  ending.code = payload.empty() ? CloseCode::no_status : static_cast<CloseCode>((payload[0] << 8) | payload[1]);
  if (!payload.empty()) ending.reason = text_of(payload.subspan(2));
  if (!is_close_sent_) send_frame({Opcode::close, true, payload.first(std::min<std::size_t>(payload.size(), 2))});
  phase_ = Phase::closing;
  ending_ = std::make_unique<Ending>(std::move(ending));
}

void DeviceClient::fail(std::string fault) {
  if (ending_ == nullptr) ending_ = std::make_unique<Ending>();
  ending_->fault = std::move(fault);
  drop();
}

void DeviceClient::on_ended(StreamEnd end) {
  const bool was_opening = phase_ == Phase::opening;
  phase_ = Phase::closed;
  std::vector<std::uint8_t>().swap(held_);
  fragments_.reset();
  std::string().swap(key_);
  const auto ending = std::move(ending_);
  const auto failure = std::move(failure_);
  if (!was_opening) return on_close(ending ? *ending : Ending{});
  if (failure) return on_failed(*failure);
  on_failed({0, end.kind == StreamEnd::Kind::failed ? std::strerror(end.error) : "connection ended before the answer"});
}

}  // namespace ringgate::load
