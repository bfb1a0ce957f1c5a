// The public view of an opening handshake: reads the parsed head, on demand.
#include "ringgate/upgrade_request.h"

#include "dispatch/upgrade_answer.h"
#include "dispatch/upgrade_facts.h"
#include "http/uri.h"

namespace ringgate {
namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::string result(text.size(), '\0');
  const auto size = http::percent_decode(text, result);
  if (!size) return std::nullopt;
  result.resize(*size);
  return result;
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Calls `take(name, value)` for each cookie until it returns false. A part without "=" is no cookie.
template <typename Take>
void read_cookies(const http::RequestView& request, Take&& take) {
  for (std::size_t i = request.find_field("Cookie"); i < request.fields_count(); i = request.find_field("Cookie", i + 1)) {
    std::string_view rest = request.field_value(i);
    while (!rest.empty()) {
      const std::size_t end = rest.find(';');
      const std::string_view part = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
      const std::size_t equals = part.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view name = without_blanks(part.substr(0, equals));
      std::string_view value = without_blanks(part.substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
      if (!take(name, value)) return;
    }
  }
}

}  // namespace

std::string dispatch::path_id_of(const admission::PathPattern& route, std::string_view path) {
  const auto segment = route.match(path);
  return segment ? decoded(*segment).value_or("") : std::string{};
}

std::optional<TlsFacts> dispatch::tls_facts_of(const conn::Transport& transport, const conn::Connection& connection) {
  const auto facts = transport.tls_facts(connection);
  if (!facts) return std::nullopt;
  TlsFacts told{.version = std::string(facts->version),
                .cipher = std::string(facts->cipher),
                .server_name = std::string(facts->server_name),
                .client_subject = {},
                .client_common_name = {}};
  if (const tls::ClientIdentity* const client = transport.client_identity(connection)) {
    told.client_subject = client->subject;
    told.client_common_name = client->common_name;
  }
  return told;
}

std::string_view UpgradeRequest::method() const { return facts_.request.method_text(); }
std::string_view UpgradeRequest::target() const { return facts_.request.target(); }
std::string_view UpgradeRequest::path() const { return facts_.request.path(); }
std::string_view UpgradeRequest::query() const { return facts_.request.query(); }
std::string_view UpgradeRequest::route() const { return facts_.route; }
std::string UpgradeRequest::path_id() const { return dispatch::path_id_of(facts_.route, path()); }

std::optional<std::string> UpgradeRequest::query_parameter(std::string_view name) const {
  const http::QueryParameter found = http::query_parameter(query(), name);
  if (found.presence == http::QueryParameter::Presence::absent) return std::nullopt;
  return decoded(found.value);
}

std::optional<std::string_view> UpgradeRequest::field(std::string_view name) const { return facts_.request.field(name); }
std::size_t UpgradeRequest::fields_count() const { return facts_.request.fields_count(); }
UpgradeRequest::Pair UpgradeRequest::field(std::size_t index) const {
  return {facts_.request.field_name(index), facts_.request.field_value(index)};
}

std::vector<UpgradeRequest::Pair> UpgradeRequest::cookies() const {
  std::vector<Pair> found;
  read_cookies(facts_.request, [&](std::string_view name, std::string_view value) {
    found.emplace_back(name, value);
    return true;
  });
  return found;
}

std::optional<std::string_view> UpgradeRequest::cookie(std::string_view name) const {
  std::optional<std::string_view> found;
  read_cookies(facts_.request, [&](std::string_view its_name, std::string_view value) {
    if (its_name == name) found = value;
    return !found;
  });
  return found;
}

std::vector<std::string_view> UpgradeRequest::offered_subprotocols() const {
  return dispatch::offered_subprotocols(facts_.request);
}

std::string_view UpgradeRequest::subprotocol() const { return facts_.admission.subprotocol; }
std::string_view UpgradeRequest::device_id() const { return facts_.admission.device_id.view(); }
bool UpgradeRequest::is_anonymous() const { return facts_.admission.is_anonymous; }
std::string UpgradeRequest::remote() const { return facts_.connection.peer.text(); }
std::optional<TlsFacts> UpgradeRequest::tls() const { return dispatch::tls_facts_of(facts_.transport, facts_.connection); }
ConnectionRef UpgradeRequest::ref() const { return facts_.ref; }

}  // namespace ringgate
