#include "admin/request_reader.h"

#include <algorithm>
#include <utility>

#include "admission/presented.h"
#include "base/assert.h"
#include "http/byte_class.h"

namespace ringgate::admin {
namespace {

/// Browsers tell with Sec-Fetch-Site whether another site's page made the request. `none` (the user typed the address) and
/// `same-origin` do not count as such (W3C Fetch Metadata).
bool is_from_web_page(const http::RequestView& view) {
  if (view.field("Origin")) return true;
  constexpr std::string_view name = "Sec-Fetch-Site";
  for (std::size_t i = view.find_field(name); i < view.fields_count(); i = view.find_field(name, i + 1))
    if (view.field_value(i) != "none" && view.field_value(i) != "same-origin") return true;
  return false;
}

/// An Upgrade field counts only with the connection option `upgrade`, and not in HTTP/1.0 (RFC 9110 section 7.8).
bool asks_for_websocket(const http::RequestView& view) {
  return !view.is_http10() && view.list_has_token("Connection", "upgrade") && view.list_has_token("Upgrade", "websocket");
}

bool is_encoded(const http::RequestView& view) {
  http::ListReader codings{view, "Content-Encoding"};
  while (const auto coding = codings.next())
    if (!http::equals_ignoring_case(*coding, "identity")) return true;
  return false;
}

std::vector<std::string> values_of(const http::RequestView& view, std::string_view name) {
  std::vector<std::string> values;
  for (std::size_t i = view.find_field(name); i < view.fields_count(); i = view.find_field(name, i + 1))
    values.emplace_back(view.field_value(i));
  return values;
}

constexpr std::uint64_t kept_names = [] {
  std::uint64_t bits = 0;
  for (const std::string_view name : kept_fields) bits |= http::name_bit(name);
  return bits;
}();

/// Of each line that is kept.
std::vector<std::pair<std::string, std::string>> kept_fields_of(const http::RequestView& view) {
  std::vector<std::pair<std::string, std::string>> kept;
  for (std::size_t i = 0; i < view.fields_count(); ++i) {
    const std::string_view name = view.field_name(i);
    if ((kept_names & http::name_bit(name)) == 0) continue;
    for (const std::string_view wanted : kept_fields)
      if (wanted.size() == name.size() && http::equals_ignoring_case(wanted, name))
        kept.emplace_back(wanted, view.field_value(i));
  }
  return kept;
}

/// Backends write a space in a query as `+`, as forms do.
std::string form_query(std::string_view query) {
  std::string text;
  text.reserve(query.size());
  for (const char c : query) c == '+' ? text += "%20" : text += c;
  return text;
}

/// The token of a backend that cannot set fields: a subprotocol entry of an opening handshake, as for devices.
void take_offered_token(const http::RequestView& view, Request& request) {
  http::ListReader entries{view, "Sec-WebSocket-Protocol"};
  while (const auto entry = entries.next()) {
    if (!entry->starts_with(admission::token_subprotocol_prefix)) continue;
    request.authorization = "Bearer " + std::string(entry->substr(admission::token_subprotocol_prefix.size()));
    ++request.authorizations_count;
  }
}

}  // namespace

std::optional<std::string_view> Request::field(std::string_view name) const {
  for (const auto& [kept, value] : fields)
    if (kept == name) return value;
  return std::nullopt;
}

std::size_t Request::count_fields(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count(fields, name, &std::pair<std::string, std::string>::first));
}

std::string Request::list(std::string_view name) const {
  std::string list;
  for (const auto& [kept, value] : fields)
    if (kept == name) list.append(list.empty() ? "" : ",").append(value);
  return list;
}

ReadProgress RequestReader::read(ByteView input) { return body_ ? read_body(input) : read_head(input); }

ReadProgress RequestReader::read_head(ByteView input) {
  if (input.empty()) return {};
  const http::GatheredHead head = gatherer_.read(input);
  switch (head.status) {
    case http::HeadStatus::need_more: return {.consumed_bytes = head.consumed_bytes};
    case http::HeadStatus::rejected: return {.status = ReadStatus::rejected, .rejection = head.rejection};
    case http::HeadStatus::complete: break;
  }
  if (const auto rejection = take_head(gatherer_.view())) return {.status = ReadStatus::rejected, .rejection = *rejection};
  gatherer_.reset();
  return {.status = body_ ? ReadStatus::body_follows : ReadStatus::complete, .consumed_bytes = head.consumed_bytes};
}

/// Copies the needed parts of the head into `request_`, which is as new, and prepares for a body. Fills `request_` even if it then
/// rejects the request: the session judges the caller by it.
std::optional<http::Rejection> RequestReader::take_head(const http::RequestView& view) {
  const std::size_t authorizations_count = view.count_fields("Authorization");
  const bool closes = view.is_http10() || view.list_has_token("Connection", "close");
  request_.method = view.method();
  request_.persistence = closes ? http::Persistence::close : http::Persistence::keep_alive;
  request_.is_from_web_page = is_from_web_page(view);
  request_.asks_for_websocket = asks_for_websocket(view);
  request_.is_encoded = is_encoded(view);
  if (authorizations_count != 0) request_.authorization = *view.field("Authorization");
  request_.authorizations_count = authorizations_count;
  request_.x_forwarded_for = values_of(view, "X-Forwarded-For");
  request_.forwarded = values_of(view, "Forwarded");
  request_.is_http10 = view.is_http10();
  request_.fields = kept_fields_of(view);
  request_.authority = view.authority();
  request_.path = view.path();
  request_.query = form_query(view.query());
  if (request_.asks_for_websocket) take_offered_token(view, request_);
  if (view.count_fields("Content-Type") == 1) request_.content_type = *view.field("Content-Type");

  const auto framing = http::body_framing(view);
  if (!framing) return framing.error();
  const auto expects_continue = http::expects_continue(view);
  if (!expects_continue) return expects_continue.error();
  request_.is_read_in_pieces = in_pieces_ != nullptr && in_pieces_(request_);
  http::BodyReader body{*framing, request_.is_read_in_pieces ? SIZE_MAX : body_bytes_max_};
  if (const auto checked = body.check_length(); !checked) return checked.error();
  request_.expects_continue = *expects_continue;
  if (framing->has_body()) body_.emplace(std::move(body));
  return std::nullopt;
}

ReadProgress RequestReader::read_body(ByteView input) {
  const auto progress = body_->read(input, request_.body);
  if (!progress) return {.status = ReadStatus::rejected, .rejection = progress.error()};
  const bool has_piece = request_.is_read_in_pieces && !request_.body.empty();
  const ReadStatus unfinished = has_piece ? ReadStatus::piece : ReadStatus::need_more;
  return {.status = progress->complete ? ReadStatus::complete : unfinished, .consumed_bytes = progress->consumed_bytes};
}

Request RequestReader::take() {
  body_.reset();
  return std::exchange(request_, {});
}

}  // namespace ringgate::admin
