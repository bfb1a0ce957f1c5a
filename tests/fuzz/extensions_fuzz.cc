// Sec-WebSocket-Extensions and Sec-WebSocket-Protocol, over any number of lines. Oracles: both grammars = a slow
// reference; lines joined into one list mean the same; permessage-deflate is agreed on exactly if an offer may be
// accepted, and the answer is a legal one to the first such offer, within the route's policy.
//
// Input: byte 0 = policy (bits 0-2 window bits less 8, bit 3 context takeover), then lines ended by LF; a line that
// begins with `P` is of Sec-WebSocket-Protocol, all others of Sec-WebSocket-Extensions.
//
// Tests: src/ws/handshake_offers.* src/ws/offer_cursor.h src/ws/deflate_negotiation.* src/http/request_head.* src/http/byte_class.h
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "fuzz_case.h"
#include "offer_reference.h"
#include "ws/deflate_negotiation.h"
#include "ws/handshake_offers.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;

constexpr std::string_view extensions_name = "Sec-WebSocket-Extensions";
constexpr std::string_view protocol_name = "Sec-WebSocket-Protocol";

/// A request head of those two fields alone.
class Head {
 public:
  void clear() {
    text_.assign(extensions_name).append(protocol_name);
    head_.fields.clear();
    head_.names = 0;
  }
  void add(bool is_protocol, std::string_view value) {
    const auto offset = static_cast<std::uint16_t>(text_.size());
    const http::HeadSpan name =
        is_protocol ? http::HeadSpan{extensions_name.size(), protocol_name.size()} : http::HeadSpan{0, extensions_name.size()};
    head_.fields.push_back({name, {offset, static_cast<std::uint16_t>(value.size())}});
    head_.names |= http::name_bit(is_protocol ? protocol_name : extensions_name);
    text_ += value;
  }
  http::RequestView view() const { return {head_, bytes_of(text_)}; }

 private:
  http::RequestHead head_;
  std::string text_;
};

struct Lines {
  Head separate;
  Head joined;  // all lines of a name as one
  std::string extensions;
  std::string protocols;
};

void join(std::string& list, std::string_view line) {
  if (!list.empty()) list += ", ";
  list += line;
}

void read_lines(std::string_view text, Lines& lines) {
  lines.separate.clear();
  lines.joined.clear();
  lines.extensions.clear();
  lines.protocols.clear();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const bool is_protocol = text.front() == 'P';
    const std::string_view value = http::trim(text.substr(0, end).substr(is_protocol ? 1 : 0));
    text.remove_prefix(std::min(end + 1, text.size()));
    lines.separate.add(is_protocol, value);
    join(is_protocol ? lines.protocols : lines.extensions, value);
  }
  if (!lines.extensions.empty()) lines.joined.add(false, lines.extensions);
  if (!lines.protocols.empty()) lines.joined.add(true, lines.protocols);
}

/// Reads tokens between commas, and not too many, into `offers`; false if that is not what stands there. Empty members count for
/// nothing.
bool reference_subprotocols(const http::RequestView& request, std::vector<std::string_view>& offers) {
  offers.clear();
  for (std::size_t i = 0; i < request.fields_count(); ++i) {
    if (request.field_name(i) != protocol_name) continue;
    std::string_view rest = request.field_value(i);
    for (bool more = true; more;) {
      const std::size_t comma = rest.find(',');
      const std::string_view member = http::trim(rest.substr(0, comma));
      if (!member.empty() && !http::is_token(member)) return false;
      if (!member.empty()) offers.push_back(member);
      more = comma != std::string_view::npos;
      if (more) rest.remove_prefix(comma + 1);
    }
  }
  return offers.size() <= limits::subprotocols_count_max;
}

void check_subprotocols(const http::RequestView& request, const http::RequestView& joined) {
  static constexpr std::array<std::string_view, 3> spoken{"mqtt", "superchat", "chat"};
  static std::vector<std::string_view> offers;
  const bool good = ws::check_subprotocol_offers(request).has_value();
  require(good == reference_subprotocols(request, offers), "subprotocols = reference");
  if (!good) return;
  require(ws::check_subprotocol_offers(joined).has_value(), "subprotocols joined = separate");
  const auto is_offered = [](std::string_view name) { return std::ranges::find(offers, name) != offers.end(); };
  const auto expected = std::ranges::find_if(spoken, is_offered);
  const std::string_view chosen = ws::choose_subprotocol(request, spoken);
  require(chosen == (expected == spoken.end() ? std::string_view{} : *expected), "the first we speak of those offered");
}

bool reference_extensions(const http::RequestView& request, OfferList& list) {
  list.clear();
  for (std::size_t i = 0; i < request.fields_count(); ++i) {
    if (request.field_name(i) == extensions_name && !list.read(request.field_value(i))) return false;
  }
  return true;
}

std::optional<DeflateParameters> first_acceptable(const OfferList& list) {
  for (const Offer& offer : list.offers()) {
    if (const auto parameters = acceptable(offer)) return parameters;
  }
  return std::nullopt;
}

void check_negotiation(const http::RequestView& request, const OfferList& offers, const ws::DeflatePolicy& policy) {
  static std::string text;
  static OfferList answer_list;
  const auto agreement = ws::negotiate_deflate(request, policy);
  const auto offer = first_acceptable(offers);
  require(agreement.has_value() == offer.has_value(), "agreed exactly if an offer may be accepted");
  if (!agreement) return;
  text.clear();
  ws::append_deflate_answer(text, *agreement);
  answer_list.clear();
  require(answer_list.read(text) && answer_list.offers().size() == 1, "an answer is one extension");
  const auto answer = acceptable(answer_list.offers().front());
  require(answer && answers(*answer, *offer), "an answer is legal to the offer");
  require(answer->server_no_context_takeover == !agreement->server_context_takeover &&
              answer->client_no_context_takeover == !agreement->client_context_takeover,
          "an answer states the agreement's contexts");
  require(answer->server_window_bits.value_or(15) == agreement->server_window_bits &&
              answer->client_window_bits.value_or(15) == agreement->client_window_bits,
          "an answer states the agreement's windows");
  require(policy.context_takeover || (answer->server_no_context_takeover && answer->client_no_context_takeover),
          "no context against the policy");
  require(agreement->server_window_bits <= policy.window_bits, "no window of ours above the policy");
  require(!offer->client_window_bits || agreement->client_window_bits <= policy.window_bits,
          "no window of a client's that can be told above the policy");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Lines lines;
  static OfferList offers;
  static OfferList offers_joined;
  Choices choices(data, size);
  const std::uint8_t chosen = choices.byte();
  const ws::DeflatePolicy policy{.enabled = true,
                                 .context_takeover = (chosen & 8) != 0,
                                 .window_bits = static_cast<std::uint8_t>(ws::window_bits_min + chosen % 8)};
  read_lines(text_of(choices.rest()).substr(0, 8192), lines);
  const http::RequestView request = lines.separate.view();
  const http::RequestView joined = lines.joined.view();

  check_subprotocols(request, joined);
  const bool good_extensions = ws::extension_offers_are_valid(request);
  require(good_extensions == reference_extensions(request, offers), "extensions = reference");
  if (!good_extensions) return 0;
  check_negotiation(request, offers, policy);
  require(ws::extension_offers_are_valid(joined), "extensions joined = separate");
  require(reference_extensions(joined, offers_joined), "extensions joined = reference");
  require(ws::negotiate_deflate(joined, policy) == ws::negotiate_deflate(request, policy), "agreement joined = separate");
  return 0;
}
