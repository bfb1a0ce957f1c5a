#include "dispatch/compression.h"

#include <algorithm>

#include "base/limits.h"
#include "base/try_resize.h"
#include "ws/frame_writer.h"
#include "ws/utf8.h"

namespace ringgate::dispatch {

namespace {

/// A connection may spend its share of a core this long in advance.
constexpr DurationNs inflate_burst = nanoseconds_per_second;

/// The most that one message may cost, whatever share its connection has left. It is several times the cost of the largest
/// message of an honest sender with zlib's smallest blocks.
constexpr std::uint64_t cost_ns_max(std::uint64_t message_bytes_max) {
  return 20 * nanoseconds_per_millisecond + 40 * message_bytes_max;
}

/// A scratch buffer beyond this size is freed after use.
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

ws::InflateRules Compression::rules_of(const Account& account) {
  return {.bytes_max = account.message_bytes_max,
          .window_bits = account.state == nullptr ? ws::window_bits_max : account.state->agreement.client_window_bits,
          .cost_ns_max = cost_ns_max(account.message_bytes_max)};
}

/// Each message moves `paid_at` forward by its cost divided by the share of a core. While `paid_at` is more than inflate_burst
/// ahead, messages are refused.
ws::Violation Compression::inflate(ws::Event& event, ws::FrameReader& reader, const Account& account,
                                   std::unique_ptr<InflatingMessage>& rest) {
  if (account.paid_at > account.now + inflate_burst) return ws::Violation::inflating_too_costly;
  InflatingMessage message;
  message.event = event;
  std::expected<bool, ws::Violation> finished = false;
  if (may_inflate()) {
    message.was_tried = true;
    finished = inflate_slice(message, reader, account);
    event = message.event;
    if (!finished) return finished.error();
  }
  if (*finished) return ws::Violation::none;
  if (detached_count_ >= limits::inflaters_detached_max) message.job = {};
  detached_count_ += message.job ? 1U : 0U;
  rest = std::make_unique<InflatingMessage>(std::move(message));
  return ws::Violation::none;
}

std::expected<bool, ws::Violation> Compression::go_on(InflatingMessage& message, ws::FrameReader& reader,
                                                      const Account& account) {
  if (!may_inflate()) return false;
  if (!message.job) {
    if (message.was_tried && detached_count_ >= limits::inflaters_detached_max) return false;
    message.was_tried = true;
  } else {
    --detached_count_;
  }
  const auto finished = inflate_slice(message, reader, account);
  if (!finished || *finished) {
    message.job = {};
    return finished;
  }
  if (detached_count_ >= limits::inflaters_detached_max) message.job = {};
  detached_count_ += message.job ? 1U : 0U;
  return false;
}

void Compression::forget(InflatingMessage& message) {
  detached_count_ -= message.job ? 1U : 0U;
  message.job = {};
}

/// Inflates for the rest of the turn. Checks text for UTF-8 slice by slice, but reports it only at the end: the verdict must not
/// depend on where the slices were cut.
std::expected<bool, ws::Violation> Compression::inflate_slice(InflatingMessage& message, ws::FrameReader& reader,
                                                              const Account& account) {
  ws::Event& event = message.event;
  const bool is_new = !message.job;
  ws::InflateHistory* const history = account.state != nullptr && account.state->history ? &*account.state->history : nullptr;
  const std::uint64_t cost_before_ns = is_new ? 0 : message.cost_ns;
  const auto finished = inflater_.resume(message.job, event.payload, rules_of(account), history, turn_left_ns_);
  message.cost_ns = inflater_.cost_ns();
  const std::uint64_t cost_ns = message.cost_ns - cost_before_ns;
  account.paid_at = std::max(account.paid_at, account.now) + cost_ns * 100 / limits_.inflate_cpu_percent;
  turn_left_ns_ -= std::min(turn_left_ns_, cost_ns);
  if (!finished) return finished;
  const bool is_text = event.type == MessageType::text;
  if (is_new && *finished) {
    message.is_utf8 = !is_text || ws::valid_utf8(message.job.inflated());
  } else if (is_text) {
    if (is_new) {
      message.text = {};
      message.checked_bytes = 0;
      message.is_utf8 = true;
    }
    const ByteView inflated = message.job.inflated();
    message.is_utf8 = message.is_utf8 && message.text.feed(inflated.subspan(message.checked_bytes));
    message.checked_bytes = inflated.size();
    if (*finished) message.is_utf8 = message.is_utf8 && message.text.complete();
  }
  if (!*finished) return false;
  counters_.inflated_bytes_in.add(event.payload.size());
  const ws::Inflated inflated = inflater_.take(message.job);
  counters_.inflated_bytes_out.add(inflated.payload.size());
  reader.recycle(event.assembled);
  event.assembled = inflated.buffer;
  event.payload = inflated.payload;
  if (!message.is_utf8) return std::unexpected{ws::Violation::text_not_utf8};
  return true;
}

ws::DeflateContext* Compression::context_of(DeflateState* state, const DeflateConfig& config) {
  if (state == nullptr || !state->agreement.server_context_takeover) return nullptr;
  if (state->context == nullptr) state->context = ws::DeflateContext::make(options_of(state->agreement, config));
  return state->context.get();  // null without memory: then the message is compressed without context
}

ByteView Compression::compress(MessageType type, ByteView payload, DeflateState* state, const DeflateConfig& config) {
  if (payload.size() < config.message_bytes_min) return {};
  ByteView deflated;
  if (ws::DeflateContext* const context = context_of(state, config)) {
    if (!context->deflate(payload, deflated_)) return {};
    deflated = deflated_;
  } else {
    deflated = deflater_.deflate(payload, state == nullptr ? ws::window_bits_max : state->agreement.server_window_bits);
    // Without context the message may as well be sent uncompressed.
    if (deflated.empty() || deflated.size() >= payload.size()) return {};
  }
  const std::size_t header_bytes = ws::header_bytes(deflated.size());
  trim(frame_);
  if (!try_resize(frame_, header_bytes + deflated.size())) {
    // The context has seen a message that the peer will not get. The next message begins a new context.
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
