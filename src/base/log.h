// The log: lines of a message and key=value fields for the operator. It never blocks a shard: the sink is asynchronous, and drops
// and counts the oldest line when its queue is full. The hot path logs nothing per message.
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

/// One `key=value` of a line; borrows both. The formatter escapes values; keys are literals of our code.
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

/// Keeps the sink of the process running. The first session starts the sink with its level and format, the last one to end stops
/// it; so of two gates in one process the first decides. A session with level `off` starts nothing. Any thread.
class Session {
 public:
  Session(Level level, Format format);
  ~Session();
  /// Changes the level of the process. A session that began with `off` starts the sink with its format if it must.
  void set_level(Level level);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  const Format format_;
  bool counts_;
};

/// True if a line at `level` would be written; ask before building a costly line. Any thread.
bool enabled(Level level);

/// Queues one line, or drops it if `level` is not enabled or there is no memory for it. Any thread; copies its arguments; allocates, and
/// throws nothing.
void write(Level level, std::string_view message, std::span<const Field> fields);
inline void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  write(level, message, std::span<const Field>(fields.begin(), fields.size()));
}

inline void debug(std::string_view m, std::initializer_list<Field> f = {}) { write(Level::debug, m, f); }
inline void info(std::string_view m, std::initializer_list<Field> f = {}) { write(Level::info, m, f); }
inline void warning(std::string_view m, std::initializer_list<Field> f = {}) { write(Level::warning, m, f); }
inline void error(std::string_view m, std::initializer_list<Field> f = {}) { write(Level::error, m, f); }

/// The line that the sink writes, without its newline. `format` is not `automatic`; `unix_microseconds` is the wall-clock time.
/// `message` and the values may be any bytes: the result is printable ASCII. Any thread; allocates.
std::string format_line(Format format, Level level, std::int64_t unix_microseconds, std::string_view message,
                        std::span<const Field> fields);

/// Lines dropped because the queue was full, since `start`, or because there was no memory for them. Any thread.
std::uint64_t dropped_count();

}  // namespace ringgate::log
