// What the gate compresses, a client can inflate: messages over one connection, compressed without context, with it, or
// now so, now so. Oracles: inflated by ourselves and by a slow reference of RFC 1951 that knows no more than the agreed
// window, each message is what went in; and no reference goes back beyond that window.
//
// Input: byte 0 = window bits less 8 (bits 0-2), context (bits 3-4: never, always, sometimes), memory level less 1
// (bits 5-7); then messages of two bytes and a text: its size; how often it is repeated (bits 0-5), whether this one
// is compressed without context (bit 7).
//
// Tests: src/ws/deflater.* src/ws/inflater.* src/ws/window_check.* src/ws/deflate_parameters.h
#include <string>
#include <vector>

#include "fuzz_case.h"
#include "support/reference_inflater.h"
#include "ws/deflater.h"
#include "ws/inflater.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using ringgate::test::ReferenceInflater;
using namespace ringgate::ws;

constexpr std::size_t sent_bytes_max = 4 * 1024;  // on one connection

/// The gate that sends and the client that reads.
class Connection {
 public:
  Connection(std::uint8_t window_bits, bool keeps_context, std::uint8_t memory_level)
      : window_bits_(window_bits), history_(window_bits) {
    reference_history_.clear();
    if (!keeps_context) return;
    context_ = DeflateContext::make({.window_bits = window_bits, .memory_level = memory_level});
    require(context_ != nullptr, "there is memory for a context");
  }

  void send(ByteView message, bool without_context) {
    static Deflater deflater;  // of the shard
    static std::vector<std::uint8_t> compressed;
    if (context_ != nullptr && !without_context) {
      context_->deflate(message, compressed);
    } else {
      const ByteView bytes = deflater.deflate(message, window_bits_);
      compressed.assign(bytes.begin(), bytes.end());
      if (context_ != nullptr) context_->note_sent(message);
    }
    read(compressed, message);
  }

 private:
  void read(ByteView compressed, ByteView message) {
    static AssemblyPool pool(1U << 24);
    static Inflater inflater(pool);
    static ReferenceInflater reference;
    static std::string inflated_by_reference;
    const auto inflated = inflater.inflate(compressed, {.bytes_max = message.size(), .window_bits = window_bits_},
                                           context_ != nullptr ? &history_ : nullptr);
    require(inflated && text_of(inflated->payload) == text_of(message), "inflated by us = what was sent");
    pool.recycle(inflated->buffer);

    const auto verdict = reference.inflate(compressed, bytes_of(reference_history_), message.size(), inflated_by_reference);
    require(verdict == ReferenceInflater::Verdict::good && inflated_by_reference == text_of(message),
            "inflated by the reference = what was sent");
    const std::size_t window_bytes = std::size_t{1} << window_bits_;
    require(reference.farthest() <= window_bytes, "no reference beyond the window");
    if (context_ == nullptr) return;
    reference_history_ += inflated_by_reference;
    if (reference_history_.size() > window_bytes) reference_history_.erase(0, reference_history_.size() - window_bytes);
  }

  static inline std::string reference_history_;
  std::uint8_t window_bits_;
  std::unique_ptr<DeflateContext> context_;
  InflateHistory history_;
};

/// `text` over and over, up to `bytes_max` bytes, each time with another byte in it, so that there is something to
/// refer to and something new.
ByteView repeated(std::string_view text, unsigned times, std::size_t bytes_max) {
  static std::string message;
  message.clear();
  for (unsigned i = 0; i <= times && message.size() + text.size() <= bytes_max; ++i) {
    message += text;
    message[message.size() - 1 - i % text.size()] ^= static_cast<char>(i);
  }
  return bytes_of(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const unsigned form = choices.byte();
  const auto window_bits = static_cast<std::uint8_t>(window_bits_min + form % 8);
  const unsigned context = form >> 3U & 3U;
  const auto memory_level = static_cast<std::uint8_t>(1 + (form >> 5U));
  Connection connection(window_bits, context != 0, memory_level);
  ByteView rest = choices.rest();
  for (std::size_t left = sent_bytes_max; rest.size() > 2;) {
    const std::size_t bytes = 1 + rest[0] % (rest.size() - 2);
    const unsigned shape = rest[1];
    const ByteView message = repeated(text_of(rest.subspan(2, bytes)), shape & 63U, left);
    if (message.empty()) break;
    left -= message.size();
    connection.send(message, context >= 2 && (shape & 128U) != 0);
    rest = rest.subspan(2 + bytes);
  }
  return 0;
}
