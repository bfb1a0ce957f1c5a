// The log front: what the gate says to its operator, as key=value lines. Never blocks a shard: the sink is asynchronous and
// drops the oldest line when its queue is full (counted). The hot path logs nothing per message.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "ringgate/config.h"

namespace ringgate::log {

using Level = LogLevel;
using Format = LogFormat;

/// One `key=value` of a line. Values are escaped by the formatter; keys are literals of ours.
struct Field {
  std::string_view key;
  std::string_view text;
  std::int64_t number = 0;
  bool is_number = false;

  Field(std::string_view k, std::string_view v) : key(k), text(v) {}
  Field(std::string_view k, const char* v) : key(k), text(v) {}
  Field(std::string_view k, const std::string& v) : key(k), text(v) {}
  template <typename Integer>
    requires(std::is_integral_v<Integer>)
  Field(std::string_view k, Integer v) : key(k), number(static_cast<std::int64_t>(v)), is_number(true) {}
};

/// Starts the asynchronous sink on stderr. Before this, and after `stop`, lines are dropped. Main thread.
void start(Level level, Format format);

/// Flushes what is queued and ends the sink's thread. Main thread.
void stop();

/// The sink for as long as anybody needs it: the first session starts it with its level and format, the last one to end stops it.
/// A level of `off` starts nothing. The sink is the process's: of two gates in one process the first decides. Any thread.
class Session {
 public:
  Session(Level level, Format format);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  const bool counts_;
};

/// True if a line at `level` would be written: guard for lines that cost something to build. Any thread.
bool enabled(Level level);

/// Queues one line. Any thread; copies everything it is given.
void write(Level level, std::string_view message, std::span<const Field> fields);
inline void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  write(level, message, std::span<const Field>(fields.begin(), fields.size()));
}

inline void debug(std::string_view m, std::initializer_list<Field> f = {}) { write(Level::debug, m, f); }
inline void info(std::string_view m, std::initializer_list<Field> f = {}) { write(Level::info, m, f); }
inline void warning(std::string_view m, std::initializer_list<Field> f = {}) { write(Level::warning, m, f); }
inline void error(std::string_view m, std::initializer_list<Field> f = {}) { write(Level::error, m, f); }

/// One line, without its newline, as the sink writes it. `format` is not `automatic`; `unix_microseconds` is the wall-clock
/// time. The bytes of `message` and of the values may be anything: the result is printable ASCII. Any thread.
std::string format_line(Format format, Level level, std::int64_t unix_microseconds, std::string_view message,
                        std::span<const Field> fields);

/// Lines lost because the queue was full, since `start`. Any thread.
std::uint64_t dropped_count();

}  // namespace ringgate::log
