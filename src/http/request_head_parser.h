// The strict, incremental parser of a request head (RFC 9112 sections 2 to 5): bytes in, a layout or a broken rule out.
//
// No I/O, no clock; it does not judge method or path. A connection owns a parser while its head arrives. A rule about
// one byte is judged at that byte, a rule about a line at its end, a rule about all fields at the end of the head: so the verdict
// does not depend on how TCP cuts the bytes. Invariant: a later call never scans bytes before the cursor again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "http/rejection.h"
#include "http/request_head.h"
#include "ringgate/bytes.h"

namespace ringgate::http {

/// The bytes that a query may contain.
enum class QueryRule : std::uint8_t {
  strict,            // RFC 3986: pchar, "/" and "?", whole escapes
  as_browsers_send,  // also raw [ ] { } | \ ^ ` and any percent sign (WHATWG URL, "query state"); its reader decodes it. Also a raw |
                     // in the path, where identities of charging stations have it ("path state")
};

using MethodsMask = std::uint16_t;
constexpr MethodsMask methods_mask(std::initializer_list<Method> methods) {
  MethodsMask mask = 0;
  for (const Method method : methods) mask |= static_cast<MethodsMask>(1U << static_cast<unsigned>(method));
  return mask;
}

/// Rules that differ between the device port and the admin port, or depend on settings.
struct HeadRules {
  std::uint16_t head_bytes_max = limits::head_bytes_default;  // limits::head_bytes_least to head_bytes_most
  std::uint16_t fields_max = limits::fields_count_default;
  QueryRule query = QueryRule::strict;
  /// The served methods. Only their targets must be a path or an absolute URI; a request with another method is refused for its
  /// method.
  MethodsMask methods = methods_mask({Method::get, Method::head, Method::post, Method::delete_});
};

enum class HeadStatus : std::uint8_t { need_more, complete, rejected };

/// The result of `resume`. `head_bytes`: the size of a complete head with its empty line, and with a skipped CRLF before it; the
/// body or frames follow. `rejection` is valid only if rejected.
struct HeadVerdict {
  HeadStatus status = HeadStatus::need_more;
  std::size_t head_bytes = 0;
  Rejection rejection{};
};

/// Parses one head. Owner shard. Holds only offsets: less than 1 KiB of memory with the field table of an ordinary head.
class RequestHeadParser {
 public:
  RequestHeadParser() = default;
  explicit RequestHeadParser(const HeadRules& rules) : rules_(rules) {}

  /// Goes on where the last call stopped. `bytes`: all bytes since the start of the request, those of the last call (perhaps at
  /// another address) and any number of new ones. Allocates only to grow the field table. Once complete or rejected, it returns
  /// the same verdict again.
  ///
  /// Limits: method_too_long, target_too_long, fields_too_many at the byte that crosses the limit; head_too_large at the last
  /// permitted byte of a head.
  HeadVerdict resume(ByteView bytes);

  /// The layout found so far. After a rejection it has the method and the parts of the target if they were read to the end.
  const RequestHead& head() const { return head_; }

  /// `head` with the bytes it describes; incomplete until `resume` returned complete.
  RequestView view(ByteView bytes) const { return {head_, bytes}; }

  /// True before the first byte of a request line: there was no byte yet, or only one empty line.
  bool is_idle() const { return state_ <= State::start_method; }

  /// Prepares for the next request on the same connection. Keeps the rules and the field table's memory.
  void reset();

  /// Bytes examined over all calls. For tests: it is linear in the size of the head, however the bytes are cut.
  std::size_t bytes_examined() const { return bytes_examined_; }

  /// Heap memory in bytes.
  std::size_t memory_bytes() const { return head_.fields.capacity() * sizeof(FieldLine); }

 private:
  enum class State : std::uint8_t {
    start,         // first byte; an empty line may be skipped
    start_lf,      // after CR of that empty line
    start_method,  // after the empty line
    second_lf,     // after CR of a second empty line, a fault; but the next byte may show a PROXY protocol header
    second_empty,  // after that LF
    method,
    target,
    version,
    request_line_lf,
    field_start,
    field_name,
    field_ows,  // white space before a value
    field_value,
    field_line_lf,
    head_lf,  // after CR of the empty line at the end
    complete,
    rejected,
  };
  using Fault = std::optional<Rejection>;

  void pass_run(ByteView bytes, std::size_t end, std::uint8_t classes);
  void pass_plain_value(ByteView bytes, std::size_t end);
  Fault step(ByteView bytes, std::size_t end);
  Fault read_start(std::uint8_t byte);
  Fault read_method(ByteView bytes, std::size_t end);
  Fault read_target(ByteView bytes, std::size_t end);
  Fault read_target_byte(std::uint8_t byte);
  Fault read_version(ByteView bytes, std::size_t end);
  Fault finish_request_line(ByteView bytes);
  void cut_target(ByteView bytes);
  Fault judge_target(ByteView bytes) const;
  Fault read_field_line(ByteView bytes, std::size_t end);
  Fault read_field_start(std::uint8_t byte);
  Fault read_field_name(ByteView bytes, std::size_t end);
  void pass_blanks(ByteView bytes, std::size_t end);
  Fault read_field_value(ByteView bytes, std::size_t end);
  Fault read_value_byte(std::uint8_t byte);
  Fault finish_head(ByteView bytes);
  HeadVerdict verdict() const;

  HeadSpan span_to_cursor() const { return {mark_, static_cast<std::uint16_t>(cursor_ - mark_)}; }

  HeadRules rules_;
  RequestHead head_;
  std::size_t bytes_examined_ = 0;
  std::uint16_t cursor_ = 0;     // the next byte
  std::uint16_t mark_ = 0;       // start of the current part
  std::uint16_t value_end_ = 0;  // behind the last byte of a value that is not white space
  State state_ = State::start;
  Rejection rejection_{};
  std::uint8_t escape_digits_ = 0;  // hexadecimal digits of a percent escape still to come
  std::uint8_t escape_value_ = 0;
  bool in_query_ = false;
};

}  // namespace ringgate::http
