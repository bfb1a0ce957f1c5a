// Oracle: a request head has one verdict and one layout, whole, cut in two, and octet by octet; its spans lie
// inside the head; and whatever is asked of an accepted head has an answer. Input: two octets that choose the
// cut, then the request.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "gate/admission.h"
#include "http/body.h"
#include "http/request_head_parser.h"
#include "http/uri.h"

namespace {

using namespace ringgate;

void require(bool condition) {
  if (!condition) std::abort();
}

bool equal(http::HeadSpan a, http::HeadSpan b) {
  return a.offset == b.offset && a.length == b.length;
}

void require_equal(const http::RequestHead& a, const http::RequestHead& b) {
  require(a.method == b.method && a.minor_version == b.minor_version && equal(a.method_text, b.method_text));
  require(equal(a.target, b.target) && equal(a.authority, b.authority) && equal(a.path, b.path));
  require(equal(a.query, b.query) && equal(a.host, b.host) && a.fields.size() == b.fields.size());
  for (std::size_t i = 0; i < a.fields.size(); ++i) {
    require(equal(a.fields[i].name, b.fields[i].name) && equal(a.fields[i].value, b.fields[i].value));
  }
}

void require_equal(const http::HeadVerdict& a, const http::HeadVerdict& b) {
  require(a.status == b.status && a.head_bytes == b.head_bytes && a.rejection == b.rejection);
}

void require_inside(http::HeadSpan span, std::size_t head_bytes) {
  require(std::size_t{span.offset} + span.length <= head_bytes);
}

http::HeadVerdict parse_in_steps(http::RequestHeadParser& parser, ByteView request, std::size_t first,
                                 std::size_t step) {
  http::HeadVerdict verdict;
  for (std::size_t length = first; verdict.status == http::HeadStatus::need_more; length += step) {
    const ByteView prefix = request.first(std::min(length, request.size()));
    const std::vector<std::uint8_t> copy(prefix.begin(), prefix.end());  // another address each time
    verdict = parser.resume(copy);
    if (length >= request.size()) break;
  }
  return verdict;
}

void ask_everything(const http::RequestView& request) {
  static constexpr std::array<gate::RouteView, 1> routes{{{.path = "/ws"}}};
  static constexpr std::array<gate::IdSource, 2> sources{
      {{gate::IdSource::Kind::query, "deviceId"}, {gate::IdSource::Kind::header, "X-Device-Id"}}};
  static constexpr std::array<std::uint8_t, gate::anonymous_id_random_chars> seed{};
  require(request.is_http10() || http::is_valid_authority(request.host()));
  const auto framing = http::body_framing(request);
  const auto admission =
      gate::admit(request, {.routes = routes, .id_sources = sources, .device_id_required = false}, seed);
  if (!admission) return;
  require(framing && !framing->has_body() && request.method() == http::Method::get && !request.is_http10());
  require(is_valid_device_id(admission->device_id.view()) && admission->websocket_key.size() == 24);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t cut = data[0] | std::size_t{data[1]} << 8U;
  const ByteView request{data + 2, size - 2};
  http::RequestHeadParser whole;
  const http::HeadVerdict verdict = whole.resume(request);
  http::RequestHeadParser split;
  require_equal(parse_in_steps(split, request, cut % (request.size() + 1), request.size() + 1), verdict);
  require_equal(split.head(), whole.head());
  if (request.size() <= 512) {
    http::RequestHeadParser by_octet;
    require_equal(parse_in_steps(by_octet, request, 0, 1), verdict);
    require_equal(by_octet.head(), whole.head());
  }
  require(whole.octets_examined() <= request.size() + whole.head().fields.size());
  if (verdict.status != http::HeadStatus::complete) return 0;
  require(verdict.head_bytes <= request.size());
  for (const http::FieldLine& line : whole.head().fields) {
    require_inside(line.name, verdict.head_bytes);
    require_inside(line.value, verdict.head_bytes);
  }
  require_inside(whole.head().target, verdict.head_bytes);
  ask_everything(whole.view(request));
  return 0;
}
