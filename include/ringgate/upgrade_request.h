// An opening handshake that has passed all checks of the gate, as Handler::on_upgrade sees it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringgate/connection_ref.h"
#include "ringgate/tls_facts.h"
#include "ringgate/upgrade_verdict.h"

namespace ringgate {

namespace dispatch {
struct UpgradeFacts;
}

/// Valid only during the call that it was passed to, and its views as well. Owner shard. Names of fields ignore case; names of
/// parameters and cookies do not.
class UpgradeRequest {
 public:
  using Pair = std::pair<std::string_view, std::string_view>;  // name and value

  std::string_view method() const;  // "GET"
  std::string_view target() const;  // as sent
  std::string_view path() const;    // as sent, percent-encoded
  std::string_view query() const;   // as sent, without the question mark; empty if there is none
  std::string_view route() const;   // the path that the handler is mounted on

  /// The segment of `path()` in the place of the route's `{id}`, percent-decoded once; empty if the route has none.
  std::string path_id() const;

  /// The first parameter of that name, percent-decoded once (`+` stays); nullopt if there is none, or its escapes are malformed.
  std::optional<std::string> query_parameter(std::string_view name) const;

  /// The first field of that name; nullopt if there is none.
  std::optional<std::string_view> field(std::string_view name) const;
  /// All fields in the order of the request.
  std::size_t fields_count() const;
  Pair field(std::size_t index) const;

  /// Cookies of all Cookie fields in their order (RFC 6265 section 4.2). A pair of quotes around a value is not part of it.
  std::vector<Pair> cookies() const;
  /// The first cookie of that name.
  std::optional<std::string_view> cookie(std::string_view name) const;

  /// The subprotocols that the client offers, in its order. Without the entries `ringgate.token.…`, which are credentials.
  std::vector<std::string_view> offered_subprotocols() const;
  /// The one that the gate takes unless the verdict says another; empty: none.
  std::string_view subprotocol() const;

  /// The device that connects unless the verdict says another. Anonymous: the gate made the id, because the request has none.
  std::string_view device_id() const;
  bool is_anonymous() const;

  std::string remote() const;           // "192.0.2.7:51234"
  std::optional<TlsFacts> tls() const;  // nullopt: plain TCP

  /// The name of the connection: what Connection::ref will be, and what Server::decide takes.
  ConnectionRef ref() const;

  /// For the gate.
  explicit UpgradeRequest(const dispatch::UpgradeFacts& facts) : facts_(facts) {}

 private:
  const dispatch::UpgradeFacts& facts_;
};

}  // namespace ringgate
