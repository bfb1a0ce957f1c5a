// What an UpgradeRequest shows. Lives on the stack of one handler call and borrows everything; owner shard.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "admission/admission.h"
#include "conn/connection.h"
#include "conn/transport.h"
#include "http/request_head.h"
#include "ringgate/connection_ref.h"
#include "ringgate/tls_facts.h"

namespace ringgate::dispatch {

struct UpgradeFacts {
  const http::RequestView& request;
  const admission::Admission& admission;
  std::string_view route;
  const conn::Connection& connection;
  ConnectionRef ref;
  const conn::Transport& transport;
};

/// Nothing without TLS.
std::optional<TlsFacts> tls_facts_of(const conn::Transport& transport, const conn::Connection& connection);

/// The segment of `path` in the place of `{id}` in `route`, percent-decoded once; empty if the route has no such place, or the
/// path does not fit it.
std::string path_id_of(const admission::PathPattern& route, std::string_view path);

}  // namespace ringgate::dispatch
