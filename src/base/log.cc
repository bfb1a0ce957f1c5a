// The caller's thread formats the line, so that arguments need not outlive the call; the sink's thread only writes.
#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "base/limits.h"

namespace ringgate::log {
namespace {

constexpr std::array<std::string_view, 5> level_names{"debug", "info", "warning", "error", "off"};

/// The running sink. Replaced as a whole under `sink_mutex`; a `write` that holds it keeps it alive.
struct Sink {
  Format format;
  std::shared_ptr<spdlog::async_logger> logger;
  std::shared_ptr<spdlog::details::thread_pool> pool;  // destroyed first: joins the thread that writes for the logger
};

std::mutex session_mutex;        // held during start and stop
std::size_t sessions_count = 0;  // under session_mutex

std::mutex sink_mutex;
std::shared_ptr<const Sink> sink;  // null: not started

// Relaxed: publishes nothing; a line written during a start or stop may be lost.
std::atomic<Level> threshold{Level::off};
std::atomic<std::uint64_t> lines_without_memory{0};  // relaxed: a count

std::shared_ptr<const Sink> current_sink() {
  const std::lock_guard lock(sink_mutex);
  return sink;
}

bool is_bare(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

/// Length of the well-formed UTF-8 sequence (RFC 3629) that `text` begins with, and its code point; 0 if there is none.
std::size_t decode_utf8(std::string_view text, std::uint32_t& code_point) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  code_point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    code_point = code_point << 6U | (byte(i) & 0x3FU);
  }
  const bool overlong = code_point < (length == 4 ? 0x10000U : length == 3 ? 0x800U : 0x80U);
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return overlong || surrogate || code_point > 0x10FFFF ? 0 : length;
}

void append_json_unicode(std::string& out, std::uint32_t code_point) {
  if (code_point >= 0x10000) {
    const std::uint32_t rest = code_point - 0x10000;
    fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10U), 0xDC00 + (rest & 0x3FFU));
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", code_point);
  }
}

/// Appends the escape for the first character of `text`, which is not printable ASCII. Returns its length in bytes.
std::size_t append_escaped_bytes(std::string& out, Format format, std::string_view text) {
  const auto byte = static_cast<std::uint8_t>(text.front());
  if (format == Format::logfmt) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    return 1;
  }
  std::uint32_t code_point = byte;
  const std::size_t length = byte < 0x80 ? 1 : decode_utf8(text, code_point);
  append_json_unicode(out, length == 0 ? 0xFFFD : code_point);
  return length == 0 ? 1 : length;
}

/// Appends `text` between quotes; cuts it after limits::log_value_bytes_max and appends three points then.
void append_quoted(std::string& out, Format format, std::string_view text) {
  const bool cut = text.size() > limits::log_value_bytes_max;
  if (cut) text = text.substr(0, limits::log_value_bytes_max);
  out += '"';
  while (!text.empty()) {
    std::size_t taken = 1;
    switch (const char c = text.front()) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (c >= ' ' && c <= '~') out += c;
        else taken = append_escaped_bytes(out, format, text);
    }
    text.remove_prefix(taken);
  }
  out += cut ? "...\"" : "\"";
}

/// Appends the time as in RFC 3339, in UTC with microseconds.
void append_time(std::string& out, std::int64_t unix_microseconds) {
  const std::time_t seconds = unix_microseconds / 1'000'000;
  std::tm t{};
  gmtime_r(&seconds, &t);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                 t.tm_hour, t.tm_min, t.tm_sec, unix_microseconds % 1'000'000);
}

std::string format_logfmt(std::string_view level, std::int64_t unix_microseconds, std::string_view message,
                          std::span<const Field> fields) {
  std::string out = "ts=";
  append_time(out, unix_microseconds);
  out.append(" level=").append(level).append(" msg=");
  append_quoted(out, Format::logfmt, message);
  for (const Field& field : fields) {
    out.append(" ").append(field.key).append("=");
    if (field.is_number) out += std::to_string(field.number);
    else if (is_bare(field.text) && field.text.size() <= limits::log_value_bytes_max) out += field.text;
    else append_quoted(out, Format::logfmt, field.text);
  }
  return out;
}

std::string format_json(std::string_view level, std::int64_t unix_microseconds, std::string_view message,
                        std::span<const Field> fields) {
  std::string out = "{\"ts\":\"";
  append_time(out, unix_microseconds);
  out.append("\",\"level\":\"").append(level).append("\",\"msg\":");
  append_quoted(out, Format::json, message);
  for (const Field& field : fields) {
    out += ',';
    append_quoted(out, Format::json, field.key);
    out += ':';
    if (field.is_number) out += std::to_string(field.number);
    else append_quoted(out, Format::json, field.text);
  }
  return out + '}';
}

}  // namespace

void start(Level level, Format format) {
  stop();
  if (format == Format::automatic) format = isatty(STDERR_FILENO) == 1 ? Format::logfmt : Format::json;
  auto pool = std::make_shared<spdlog::details::thread_pool>(limits::log_queue_lines_max, 1U);
  auto logger = std::make_shared<spdlog::async_logger>("ringgate", std::make_shared<spdlog::sinks::stderr_sink_mt>(), pool,
                                                       spdlog::async_overflow_policy::overrun_oldest);
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::trace);               // `threshold` decides
  logger->set_error_handler([](const std::string&) {});  // with stderr broken there is nowhere to report it
  {
    const std::lock_guard lock(sink_mutex);
    sink = std::make_shared<const Sink>(Sink{format, std::move(logger), std::move(pool)});
  }
  threshold.store(level, std::memory_order_relaxed);
}

void stop() {
  threshold.store(Level::off, std::memory_order_relaxed);
  std::shared_ptr<const Sink> last;
  {
    const std::lock_guard lock(sink_mutex);
    last.swap(sink);
  }
  // The pool's destructor writes the queued lines and joins. It runs here, or on the thread whose `write` holds the sink last.
}

Session::Session(Level level, Format format) : format_(format), counts_(level != Level::off) {
  if (!counts_) return;
  const std::lock_guard lock(session_mutex);
  if (sessions_count++ == 0) start(level, format);
}

void Session::set_level(Level level) {
  const std::lock_guard lock(session_mutex);
  if (!counts_ && level == Level::off) return;
  if (!std::exchange(counts_, true) && sessions_count++ == 0) return start(level, format_);
  threshold.store(level, std::memory_order_relaxed);
}

Session::~Session() {
  if (!counts_) return;
  const std::lock_guard lock(session_mutex);
  if (--sessions_count == 0) stop();
}

bool enabled(Level level) { return level != Level::off && level >= threshold.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, std::span<const Field> fields) {
  if (!enabled(level)) return;
  const auto to = current_sink();
  if (to == nullptr) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  try {
    const std::string line = format_line(to->format, level, microseconds, message, fields);
    to->logger->log(spdlog::level::info, spdlog::string_view_t(line));
  } catch (const std::bad_alloc&) {
    lines_without_memory.fetch_add(1, std::memory_order_relaxed);
  }
}

std::string format_line(Format format, Level level, std::int64_t unix_microseconds, std::string_view message,
                        std::span<const Field> fields) {
  const std::string_view name = level_names[static_cast<std::size_t>(level)];
  return format == Format::json ? format_json(name, unix_microseconds, message, fields)
                                : format_logfmt(name, unix_microseconds, message, fields);
}

std::uint64_t dropped_count() {
  const auto from = current_sink();
  return (from == nullptr ? 0 : from->pool->overrun_counter()) + lines_without_memory.load(std::memory_order_relaxed);
}

}  // namespace ringgate::log
