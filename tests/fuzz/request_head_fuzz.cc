// Oracle: a request head has one verdict and one layout, whole and cut; its spans lie inside the head; and whatever
// is asked of an accepted head has an answer.
//
// Input: two bytes that choose the cut, then the request. The cut is a place below 0x8000; above, the size of equal
// pieces. A cut that is odd reads by the rules of the device port, an even one by those of the admin port.
//
// Tests: src/http/request_head.* src/http/request_head_parser.* src/http/uri.* src/http/body.* src/http/byte_class.h src/admission/*.[ch]* src/ws/handshake.* src/ws/handshake_offers.* src/ws/offer_cursor.h
#include <array>

#include "admission/admission.h"
#include "fuzz_case.h"
#include "http/body.h"
#include "http/request_head_parser.h"
#include "http/uri.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;

bool equal(http::HeadSpan a, http::HeadSpan b) { return a.offset == b.offset && a.length == b.length; }

bool equal(const http::RequestHead& a, const http::RequestHead& b) {
  return a.method == b.method && a.minor_version == b.minor_version && equal(a.method_text, b.method_text) &&
         equal(a.target, b.target) && equal(a.authority, b.authority) && equal(a.path, b.path) && equal(a.query, b.query) &&
         equal(a.host, b.host) && std::ranges::equal(a.fields, b.fields, [](const http::FieldLine& x, const http::FieldLine& y) {
           return equal(x.name, y.name) && equal(x.value, y.value);
         });
}

bool equal(const http::HeadVerdict& a, const http::HeadVerdict& b) {
  return a.status == b.status && a.head_bytes == b.head_bytes && a.rejection == b.rejection;
}

bool inside(http::HeadSpan span, std::size_t head_bytes) { return std::size_t{span.offset} + span.length <= head_bytes; }

/// Shows the parser more and more of the request, from the start each time.
http::HeadVerdict parse_cut(http::RequestHeadParser& parser, ByteView request, std::size_t cut) {
  static PieceRoom room;
  http::HeadVerdict verdict;
  const std::size_t piece_bytes = 1 + cut % 64;
  const std::size_t first = cut < 0x8000 ? cut % (request.size() + 1) : piece_bytes;
  const std::size_t step = cut < 0x8000 ? request.size() + 1 : piece_bytes;
  for (std::size_t length = first; length < request.size(); length += step) {
    verdict = parser.resume(room.lend(request.first(length)));
    room.take_back();
    if (verdict.status != http::HeadStatus::need_more) return verdict;
  }
  return parser.resume(request);
}

void check_layout(const http::RequestHead& head, std::size_t head_bytes) {
  for (const http::FieldLine& line : head.fields)
    require(inside(line.name, head_bytes) && inside(line.value, head_bytes), "fields lie inside the head");
  for (const http::HeadSpan span : {head.method_text, head.target, head.authority, head.path, head.query, head.host})
    require(inside(span, head_bytes), "the request line lies inside the head");
}

void ask_everything(const http::RequestView& request) {
  static constexpr std::array<admission::IdSource, 2> sources{
      {{admission::IdSource::Kind::query, "deviceId"}, {admission::IdSource::Kind::header, "X-Device-Id"}}};
  static constexpr std::array<admission::IdSource, 1> in_path{{{admission::IdSource::Kind::path}}};
  static constexpr std::array<admission::RouteView, 2> routes{
      {{.path = "/ws", .id_sources = sources},
       {.path = "/ocpp/{id}", .id_sources = in_path, .id_characters = IdCharacters::printable}}};
  static constexpr std::array<std::uint8_t, admission::anonymous_id_random_chars> seed{};
  require(request.is_http10() || http::is_valid_authority(request.host()), "HTTP/1.1 has a valid Host");
  require(request.path().starts_with('/') || request.method() != http::Method::get, "a GET is of a path");
  const auto framing = http::body_framing(request);
  const auto admission = admission::admit(request, {.routes = routes, .device_id_required = false}, seed);
  if (!admission) return;
  require(framing && !framing->has_body(), "an upgrade has no body");
  require(request.method() == http::Method::get && !request.is_http10(), "an upgrade is a GET of HTTP/1.1");
  require(is_valid_device_id(admission->device_id.view(), routes[admission->route_index].id_characters),
          "an admitted id is valid");
  require(admission->websocket_key.size() == 24, "an admitted key is of 24 characters");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Kept from run to run, as a connection keeps its parser from request to request.
  static constexpr http::HeadRules device_rules{.query = http::QueryRule::as_browsers_send,
                                                .methods = http::methods_mask({http::Method::get})};
  static std::array<http::RequestHeadParser, 2> wholes{http::RequestHeadParser{}, http::RequestHeadParser{device_rules}};
  static std::array<http::RequestHeadParser, 2> splits{http::RequestHeadParser{}, http::RequestHeadParser{device_rules}};
  Choices choices(data, size);
  const std::size_t cut = choices.number16();
  http::RequestHeadParser& whole = wholes[cut % 2];
  http::RequestHeadParser& split = splits[cut % 2];
  const ByteView request = choices.rest();
  whole.reset();
  split.reset();
  const http::HeadVerdict verdict = whole.resume(request);
  require(equal(parse_cut(split, request, cut), verdict), "cut = whole, verdict");
  require(equal(split.head(), whole.head()), "cut = whole, layout");
  require(whole.bytes_examined() <= request.size() + whole.head().fields.size(), "no byte is looked at again");
  if (verdict.status != http::HeadStatus::complete) return 0;
  require(verdict.head_bytes <= request.size(), "a head has arrived");
  check_layout(whole.head(), verdict.head_bytes);
  ask_everything(whole.view(request));
  return 0;
}
