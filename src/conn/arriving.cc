// Connections of listeners behind proxies, from accepting until the client is known. Part of Transport.
//
// Such a connection is in state `arriving`: first the ring tells the peer's address, then, if the listener wants a PROXY header, the
// peer must be a trusted proxy and send one. No session and no TLS codec know the connection before. Other listeners pay nothing:
// every path for open connections looks at the state anyway.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/try_resize.h"
#include "conn/transport.h"

namespace ringgate::conn {

void Transport::renew_proxies(std::uint32_t listener_index, std::shared_ptr<const net::ProxyPolicy> proxies) {
  RINGGATE_ASSERT(listener_index < listeners_.size());
  hides_connections_ |= proxies != nullptr;
  listeners_[listener_index].slot.proxies = std::move(proxies);
}

/// False without memory. Before the connection is anybody's, so that none is lost halfway.
bool Transport::expect_arrival(ring::Socket socket, const ListenerState& listener) {
  try {
    arrivals_.try_emplace(socket, listener.slot.proxies);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

void Transport::begin_arrival(Connection& connection, Naming naming) {
  connection.state = State::arriving;
  if (arrivals_.size() > options_.handshakes_max) return refuse_arrival(connection, counters_.proxy_overload, "overload");
  schedule(connection, now_ + options_.arrival_time);
  if (naming == Naming::done) on_peer_named(connection);
}

/// Receives only now: whoever is no trusted proxy has nothing to say.
void Transport::on_peer_named(Connection& connection) {
  const net::ProxyPolicy& proxies = *arrivals_.at(table_.slot_of(connection)).proxies;
  if (!proxies.header) return arrive(connection, {});
  if (!connection.peer.is_known()) return terminate(connection, EndCause::reset, Farewell::reset);  // gone before it had a name
  if (!proxies.trusted.contains(connection.peer)) return refuse_arrival(connection, counters_.proxy_untrusted, "untrusted_proxy");
  settle_input(connection);
}

void Transport::on_header_received(Connection& connection, MutableBytes bytes) {
  auto& [proxies, header, is_counted] = arrivals_.at(table_.slot_of(connection));
  const std::size_t before = header.size();
  ByteView seen = bytes;
  if (before > 0) {
    const std::size_t taken = std::min(bytes.size(), limits::proxy_header_bytes_max - before);
    if (!try_append(header, bytes.first(taken))) return refuse_arrival(connection, counters_.proxy_overload, "no_memory");
    seen = header;
  }
  const auto parsed = net::parse_proxy_header(seen, *proxies->header);
  if (!parsed) {
    const bool is_missing = parsed.error() == net::ProxyViolation::no_header;
    return refuse_arrival(connection, is_missing ? counters_.proxy_missing : counters_.proxy_malformed, name_of(parsed.error()));
  }
  if (!*parsed) {
    if (before == 0 && !try_append(header, bytes)) refuse_arrival(connection, counters_.proxy_overload, "no_memory");
    return;
  }
  counters_.proxy_accepted.add(1);
  if ((*parsed)->source) connection.peer = *(*parsed)->source;
  arrive(connection, bytes.subspan((*parsed)->size - before));
}

/// `rest`: what the client sent behind the header.
void Transport::arrive(Connection& connection, MutableBytes rest) {
  arrivals_.erase(table_.slot_of(connection));
  wheel_.cancel(table_.slot_of(connection));
  connection.state = State::open;
  settle_input(connection);
  introduce(connection);
  if (rest.empty() || connection.state != State::open) return;
  has_tls(connection) ? on_sealed_received(connection, rest) : deliver(connection, rest);
}

bool Transport::is_announced_at_last(const Connection& connection) const {
  return !is_arriving(connection) && (!has_tls(connection) || is_established(connection));
}

void Transport::introduce(Connection& connection) {
  if (has_tls(connection)) expect_hello(connection);
  else session_of(connection).on_open(connection);
}

void Transport::refuse_arrival(Connection& connection, Counter& counter, std::string_view reason) {
  counter.add(1);
  arrivals_.at(table_.slot_of(connection)).is_counted = true;
  if (const auto left_out = log::enabled(log::Level::info) ? arrival_logs_.admit(now_) : std::nullopt) {
    log::info("connection refused", {{"remote", connection.peer.text()}, {"reason", reason}, {"suppressed", *left_out}});
  }
  terminate(connection, EndCause::aborted, Farewell::reset);
}

/// Called when the slot is about to be released: the connection ended before its client was known.
void Transport::forget_arrival(const Connection& connection) {
  const auto arrival = arrivals_.find(table_.slot_of(connection));
  if (!arrival->second.is_counted) counters_.proxy_abandoned.add(1);
  arrivals_.erase(arrival);
}

}  // namespace ringgate::conn
