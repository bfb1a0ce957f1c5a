// The strict, incremental parser of a request head (RFC 9112 sections 2 to 5).
//
// No I/O, no clock, and no view of what is asked for: bytes in, a layout or a broken rule out. One parser
// per connection that is still sending a head; owned by the connection. Rules that look at one byte are
// judged at that byte, rules that need a line when the line ends, rules that need all fields when the head
// ends: so the verdict does not depend on how TCP cut the bytes. Invariant: bytes before the cursor are
// never scanned again by a later call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "http/rejection.h"
#include "http/request_head.h"
#include "ringgate/bytes.h"

namespace ringgate::http {

/// What a query may hold.
enum class QueryRule : std::uint8_t {
  strict,            // RFC 3986: pchar, "/" and "?", whole escapes
  as_browsers_send,  // also raw [ ] { } | \ ^ ` and any percent sign (WHATWG URL, "query state"): whoever reads a parameter decodes it
};

using MethodsMask = std::uint16_t;
constexpr MethodsMask methods_mask(std::initializer_list<Method> methods) {
  MethodsMask mask = 0;
  for (const Method method : methods) mask |= static_cast<MethodsMask>(1U << static_cast<unsigned>(method));
  return mask;
}

/// What differs between heads of the device port and of the admin port, and between settings.
struct HeadRules {
  std::uint16_t head_bytes_max = limits::head_bytes_default;  // limits::head_bytes_least to head_bytes_most
  std::uint16_t fields_max = limits::fields_count_default;
  QueryRule query = QueryRule::strict;
  /// The methods that somebody serves. Only their targets must be a path or an absolute URI: any other request is refused for its
  /// method, whatever its target looks like.
  MethodsMask methods = methods_mask({Method::get, Method::head, Method::post, Method::delete_});
};

enum class HeadStatus : std::uint8_t { need_more, complete, rejected };

/// What `resume` found. `head_bytes` counts the bytes of a complete head with its empty line (and one
/// skipped CRLF before it); the body or the frames begin there. `rejection` has a meaning only if rejected.
struct HeadVerdict {
  HeadStatus status = HeadStatus::need_more;
  std::size_t head_bytes = 0;
  Rejection rejection{};
};

/// Parses one head. Owner shard. Holds offsets alone: under 1 KiB of memory with the field table of an
/// ordinary head.
class RequestHeadParser {
 public:
  RequestHeadParser() = default;
  explicit RequestHeadParser(const HeadRules& rules) : rules_(rules) {}

  /// Goes on where the last call stopped. `bytes` are all bytes since the start of the request: those of
  /// the last call (perhaps at another address) and any number of new ones. Allocates only to grow the field
  /// table. After a verdict other than need_more it returns the same verdict again.
  ///
  /// Limits: 414 for the target, 431 for the count of fields and the head, 400 for the method. They are judged at the byte that
  /// crosses them, and the whole head at its last permitted byte.
  HeadVerdict resume(ByteView bytes);

  /// Layout found so far; whole once `complete`. After a rejection the method, and the target's parts, are known if they were read
  /// to the end.
  const RequestHead& head() const { return head_; }

  /// The head with the bytes it describes: all of it once `resume` said complete, before that what `head` knows.
  RequestView view(ByteView bytes) const { return {head_, bytes}; }

  /// True until the first byte of a request line was seen: nothing but silence or one empty line so far.
  bool is_idle() const { return state_ <= State::start_method; }

  /// Makes ready for the next request on the same connection. Keeps the rules and the field table's memory.
  void reset();

  /// Bytes looked at so far, over all calls: linear in the head however it was cut (tests).
  std::size_t bytes_examined() const { return bytes_examined_; }

  /// Heap memory held, in bytes.
  std::size_t memory_bytes() const { return head_.fields.capacity() * sizeof(FieldLine); }

 private:
  enum class State : std::uint8_t {
    start,         // first byte; an empty line may be skipped
    start_lf,      // after CR of that empty line
    start_method,  // after the empty line
    second_lf,     // after CR of another one, which is one too many; but the byte behind it tells a PROXY protocol's opening
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
  Fault read_method(ByteView bytes);
  Fault read_target(ByteView bytes, std::size_t end);
  Fault read_target_byte(std::uint8_t byte);
  Fault read_version(std::uint8_t byte);
  Fault finish_request_line(ByteView bytes);
  void cut_target(ByteView bytes);
  Fault judge_target(ByteView bytes) const;
  Fault read_field_start(std::uint8_t byte);
  Fault read_field_name(ByteView bytes, std::size_t end);
  Fault read_field_value(ByteView bytes, std::size_t end);
  Fault read_value_byte(std::uint8_t byte);
  Fault finish_head(ByteView bytes);
  HeadVerdict verdict() const;

  HeadSpan span_to_cursor() const;

  HeadRules rules_;
  RequestHead head_;
  std::size_t bytes_examined_ = 0;
  std::uint16_t cursor_ = 0;     // next byte to look at
  std::uint16_t mark_ = 0;       // start of the part being read
  std::uint16_t value_end_ = 0;  // behind the last byte of a value that is not white space
  State state_ = State::start;
  Rejection rejection_{};
  std::uint8_t escape_digits_ = 0;  // hexadecimal digits of a percent escape still to come
  std::uint8_t escape_value_ = 0;
  bool in_query_ = false;
};

}  // namespace ringgate::http
