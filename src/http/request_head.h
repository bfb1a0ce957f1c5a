// A parsed request head: the position of each part in the caller's bytes.
//
// request_head_parser.h parses it; admission/ and admin/ judge the request. `RequestHead` stores only offsets, so the bytes
// may move between parsing and reading. The holder of the bytes owns it. Invariant: every span lies inside the head.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "ringgate/bytes.h"

namespace ringgate::http {

/// A part of the head: the bytes `[offset, offset + length)` from the start of the request.
struct HeadSpan {
  std::uint16_t offset = 0;
  std::uint16_t length = 0;
};
static_assert(limits::head_bytes_most <= UINT16_MAX);

/// One field line; `value` excludes the white space around it.
struct FieldLine {
  HeadSpan name;
  HeadSpan value;
};
static_assert(sizeof(FieldLine) == 8);

/// The methods of RFC 9110 section 9.3 and RFC 5789. Methods are case-sensitive: `get` is unknown.
enum class Method : std::uint8_t { get, head, post, put, delete_, connect, options, trace, patch, query, unknown };

struct RequestHead {
  HeadSpan method_text;
  HeadSpan target;     // as sent
  HeadSpan authority;  // of a target in absolute-form; else empty
  HeadSpan path;       // not decoded; empty, meaning "/", if an absolute-form has none; in other forms the whole target
  HeadSpan query;      // after the question mark, not decoded; empty if there is none
  HeadSpan host;       // value of the Host field; empty only if HTTP/1.0 has none
  Method method = Method::unknown;
  std::uint8_t minor_version = 1;  // 0 or 1; a higher one counts as 1 (RFC 9110 section 2.5)
  std::uint64_t names = 0;         // a bit for each field's name (see name_bit): most questions are for a field that is absent
  std::vector<FieldLine> fields;
};

/// One of 64 bits, the same for names that are equal but for case. `name` is not empty.
constexpr std::uint64_t name_bit(std::string_view name) {
  const auto letter = [](char c) { return static_cast<unsigned>(static_cast<unsigned char>(c) | 0x20); };
  return std::uint64_t{1} << ((static_cast<unsigned>(name.size()) + 4 * letter(*name.data()) +
                               letter(name.data()[name.size() - 1])) &
                              63);
}

/// A head and the bytes it describes. Borrows both; the views it returns borrow the bytes. Does not allocate.
class RequestView {
 public:
  /// `bytes` starts at the start of the request and holds at least the whole head.
  RequestView(const RequestHead& head, ByteView bytes) : head_(&head), bytes_(text_of(bytes)) {}

  Method method() const { return head_->method; }
  std::string_view method_text() const { return text(head_->method_text); }
  std::string_view target() const { return text(head_->target); }
  std::string_view query() const { return text(head_->query); }
  std::string_view host() const { return text(head_->host); }
  bool is_http10() const { return head_->minor_version == 0; }

  /// The path of the target, still percent-encoded; at least "/". For asterisk-form and authority-form, which occur only with
  /// methods that are not served: the target, which does not begin like a path.
  std::string_view path() const { return head_->path.length == 0 ? std::string_view{"/"} : text(head_->path); }

  /// The authority that the request is for: that of an absolute-form target, else the Host field (RFC 9112 section 3.3).
  std::string_view authority() const { return text(head_->authority.length > 0 ? head_->authority : head_->host); }

  std::size_t fields_count() const { return head_->fields.size(); }
  std::string_view field_name(std::size_t index) const { return text(head_->fields[index].name); }
  std::string_view field_value(std::size_t index) const { return text(head_->fields[index].value); }

  /// Index of the first field line at or after `from` with name `name` (ignores case); `fields_count()` if there is none.
  std::size_t find_field(std::string_view name, std::size_t from = 0) const {
    return may_have(name) ? search_field(name, from) : fields_count();
  }

  /// Value of the first line with name `name`; nullopt if there is none. There may be more lines: see `count_fields`.
  std::optional<std::string_view> field(std::string_view name) const {
    const std::size_t index = find_field(name);
    return index == fields_count() ? std::nullopt : std::optional{field_value(index)};
  }
  std::size_t count_fields(std::string_view name) const { return may_have(name) ? count_found(name) : 0; }

  /// True if the comma-separated list over all lines of `name` has `token` as a whole member; ignores case.
  bool list_has_token(std::string_view name, std::string_view token) const { return may_have(name) && search_token(name, token); }

 private:
  bool may_have(std::string_view name) const { return (head_->names & name_bit(name)) != 0; }
  std::size_t search_field(std::string_view name, std::size_t from) const;
  std::size_t count_found(std::string_view name) const;
  bool search_token(std::string_view name, std::string_view token) const;
  std::string_view text(HeadSpan span) const { return bytes_.substr(span.offset, span.length); }

  const RequestHead* head_;
  std::string_view bytes_;
};

/// Reads the members of a comma-separated list over all lines of one name (RFC 9110 section 5.6.1). Trims members and skips empty
/// ones. Splits at every comma, so it does not suit fields with quoted strings.
class ListReader {
 public:
  ListReader(const RequestView& request, std::string_view name) : request_(&request), name_(name) { find_line(0); }

  /// The next member, or nullopt at the end of the last line.
  std::optional<std::string_view> next();

 private:
  void find_line(std::size_t from);

  const RequestView* request_;
  std::string_view name_;
  std::size_t line_index_ = 0;
  std::string_view rest_;
};

}  // namespace ringgate::http
