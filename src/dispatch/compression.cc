#include "dispatch/compression.h"

#include <algorithm>

#include "base/try_resize.h"
#include "ws/frame_writer.h"
#include "ws/utf8.h"

namespace ringgate::dispatch {

namespace {

/// A connection may spend its share of a core for this long in advance.
constexpr DurationNs inflate_burst = nanoseconds_per_second;

/// What one message may cost, however much of its share a connection has saved: several times what the largest message of an honest
/// sender does, with the smallest blocks that zlib makes.
constexpr std::uint64_t cost_ns_max(std::uint64_t message_bytes_max) {
  return 20 * nanoseconds_per_millisecond + 40 * message_bytes_max;
}

/// What is kept of a scratch buffer that one large message needed.
constexpr std::size_t scratch_bytes_kept_max = 256 * 1024;

ws::DeflateContextOptions options_of(const ws::DeflateAgreement& agreement, const DeflateConfig& config) {
  return {.window_bits = agreement.server_window_bits, .memory_level = static_cast<std::uint8_t>(config.memory_level)};
}

std::uint64_t memory_bytes(const ws::DeflateAgreement& agreement, const DeflateConfig& config) {
  const std::uint64_t server =
      agreement.server_context_takeover ? ws::DeflateContext::memory_bytes(options_of(agreement, config)) : 0;
  const std::uint64_t client = agreement.client_context_takeover ? std::uint64_t{1} << agreement.client_window_bits : 0;
  return server + client;
}

void trim(std::vector<std::uint8_t>& scratch) {
  if (scratch.capacity() <= scratch_bytes_kept_max) return;
  scratch.clear();
  scratch.shrink_to_fit();
}

}  // namespace

Compression::Compression(ws::AssemblyPool& pool, const LimitsConfig& limits, MemoryBudget& budget, ShardCounters& counters)
    : limits_(limits), budget_(budget), counters_(counters), inflater_(pool) {}

std::optional<ws::DeflateAgreement> Compression::agree(const http::RequestView& request, const ws::DeflatePolicy& policy,
                                                       const DeflateConfig& config, std::unique_ptr<DeflateState>& state) {
  auto agreement = ws::negotiate_deflate(request, policy);
  if (!agreement) return std::nullopt;
  MemoryBudget::Share share;
  if (const std::uint64_t bytes = memory_bytes(*agreement, config); bytes != 0) {
    share = budget_.reserve(bytes);
    if (!share) {
      counters_.deflate_contexts_refused.add(1);
      agreement->server_context_takeover = agreement->client_context_takeover = false;
    }
  }
  const bool full_windows =
      agreement->server_window_bits == ws::window_bits_max && agreement->client_window_bits == ws::window_bits_max;
  if (share || !full_windows) {
    state = std::make_unique<DeflateState>(DeflateState{*agreement, std::nullopt, nullptr, std::move(share)});
    if (agreement->client_context_takeover) state->history.emplace(agreement->client_window_bits);
  }
  return agreement;
}

/// Each message moves `paid_at` on by its cost over the share; too far ahead, and the next one is refused.
ws::Violation Compression::inflate(ws::Event& event, ws::FrameReader& reader, DeflateState* state, TimeNs now, TimeNs& paid_at) {
  if (paid_at > now + inflate_burst) return ws::Violation::inflating_too_costly;
  const ws::InflateRules rules{.bytes_max = limits_.message_bytes_max,
                               .window_bits = state == nullptr ? ws::window_bits_max : state->agreement.client_window_bits,
      .cost_ns_max = cost_ns_max(limits_.message_bytes_max)};
  const auto inflated = inflater_.inflate(event.payload, rules, state != nullptr && state->history ? &*state->history : nullptr);
  paid_at = std::max(paid_at, now) + inflater_.cost_ns() * 100 / limits_.inflate_cpu_percent;
  if (!inflated) return inflated.error();
  counters_.inflated_bytes_in.add(event.payload.size());
  counters_.inflated_bytes_out.add(inflated->payload.size());
  reader.recycle(event.assembled);
  event.assembled = inflated->buffer;
  event.payload = inflated->payload;
  const bool is_valid = event.type == MessageType::binary || ws::valid_utf8(event.payload);
  return is_valid ? ws::Violation::none : ws::Violation::text_not_utf8;
}

ws::DeflateContext* Compression::context_of(DeflateState* state, const DeflateConfig& config) {
  if (state == nullptr || !state->agreement.server_context_takeover) return nullptr;
  if (state->context == nullptr) state->context = ws::DeflateContext::make(options_of(state->agreement, config));
  return state->context.get();  // null if memory is out: a message may always be compressed without
}

ByteView Compression::compress(MessageType type, ByteView payload, DeflateState* state, const DeflateConfig& config) {
  if (payload.size() < config.message_bytes_min) return {};
  ByteView deflated;
  if (ws::DeflateContext* const context = context_of(state, config)) {
    if (!context->deflate(payload, deflated_)) return {};
    deflated = deflated_;
  } else {
    deflated = deflater_.deflate(payload, state == nullptr ? ws::window_bits_max : state->agreement.server_window_bits);
    // Without context nothing obliges to send what was compressed.
    if (deflated.empty() || deflated.size() >= payload.size()) return {};
  }
  const std::size_t header_bytes = ws::header_bytes(deflated.size());
  trim(frame_);
  if (!try_resize(frame_, header_bytes + deflated.size())) {
    // The peer will not see what the context has: the next message begins another.
    if (state != nullptr) state->context.reset();
    return {};
  }
  counters_.deflated_bytes_in.add(payload.size());
  counters_.deflated_bytes_out.add(deflated.size());
  ws::write_header(frame_.data(), type, deflated.size(), {.compressed = true});
  std::ranges::copy(deflated, frame_.begin() + static_cast<std::ptrdiff_t>(header_bytes));
  trim(deflated_);
  return frame_;
}

ws::MessageRef Compression::compressed_form(const ws::PreparedMessage& message, DeflateState* state,
                                            const DeflateConfig& config) {
  const ByteView payload = message.payload();
  if (payload.size() < config.message_bytes_min) return {};
  const std::uint8_t window_bits = state == nullptr ? ws::window_bits_max : state->agreement.server_window_bits;
  const ws::PreparedMessage* form = message.compressed_form(window_bits);
  if (form == nullptr) {
    const ByteView deflated = deflater_.deflate(payload, window_bits);
    if (deflated.empty()) return {};
    form = message.keep_compressed_form(deflated, window_bits);
  }
  if (form == nullptr || form->frame().empty()) return {};
  counters_.deflated_bytes_in.add(payload.size());
  counters_.deflated_bytes_out.add(form->payload().size());
  if (state != nullptr && state->context != nullptr) state->context->note_sent(payload);
  return ws::MessageRef::share(*form);
}

}  // namespace ringgate::dispatch
