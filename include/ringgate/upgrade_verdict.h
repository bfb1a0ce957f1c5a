// A handler's answer to an opening handshake: Handler::on_upgrade returns it, Server::decide brings it later. Values that own
// what they say.
//
//   return UpgradeAccept{.device_id = user, .fields = {{"Set-Cookie", "seen=1"}}};
//   return UpgradeRefusal{.status = 403, .reason = "no_session", .detail = "Log in first."};
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ringgate {

/// A field line of the gate's answer. `name` is a token (RFC 9110 section 5.6.2); `value` has no control characters but tabs, and
/// neither begins nor ends with white space.
struct AnswerField {
  std::string name;
  std::string value;
};

/// What Connection::user_data will be. From on_open on the connection has the pointer, and the handler frees what it points to.
/// If the connection does not open after all, this object frees it.
using UserData = std::unique_ptr<void, void (*)(void*)>;

/// Makes UserData of an owned object.
template <typename T>
UserData user_data_of(std::unique_ptr<T> object) {
  return {object.release(), [](void* pointer) { delete static_cast<T*>(pointer); }};
}

/// The device may connect. What is left out stays as the gate decides it.
///
/// The gate answers 500 and logs the fault if a value breaks its rule: an id must be valid (device_id.h) and may not begin with
/// `anon-`; the client must have offered the subprotocol; the fields must be at most 4 KiB together and must not be the gate's
/// own: Connection, Upgrade, Sec-WebSocket-*, Content-*, Transfer-Encoding, Date; there are at most 64 groups of 1 to 128 bytes; a rate
/// is at most 64 Mi a second.
struct UpgradeAccept {
  std::optional<std::string> device_id{};    // this device connects, whatever id the request claims
  std::optional<std::string> subprotocol{};  // empty text: none
  std::vector<AnswerField> fields{};         // of the 101, such as Set-Cookie
  UserData user_data{nullptr, [](void*) {}};
  std::optional<std::vector<std::string>> groups{};  // in place of those of the credential
  // What the device may send a second, in place of its credential's and its route's; 0: any number.
  std::optional<std::uint64_t> message_rate{}, byte_rate{};
  // Unix seconds: closed with 4401 then, or when the credential ends, if that is earlier.
  std::optional<std::int64_t> expires_at{};
};

/// The device is answered with this status and a problem document (RFC 9457), and TCP is closed.
struct UpgradeRefusal {
  std::uint16_t status = 403;      // 400 to 599
  std::string reason = "refused";  // for programs: 1 to 64 characters of [a-z0-9_]; also in the log
  std::string detail{};            // a sentence for people, at most 500 bytes of UTF-8; empty: a general one
  // Such as WWW-Authenticate or Retry-After; rules as in UpgradeAccept. What RFC 9110 demands of a 401, 405 or 426 is added if it is
  // not there.
  std::vector<AnswerField> fields{};
};

/// The handler has kept UpgradeRequest::ref and decides later, with Server::decide.
struct UpgradeLater {};

using UpgradeVerdict = std::variant<UpgradeAccept, UpgradeRefusal, UpgradeLater>;
/// A verdict that came later is one of these.
using UpgradeDecision = std::variant<UpgradeAccept, UpgradeRefusal>;

/// What became of a decision.
enum class DecideOutcome : std::uint8_t {
  opened,       // the device is connected; on_open has run
  refused,      // the device was refused: by this decision, or because the gate drains, is full, or the decision breaks a rule
  gone,         // nobody waits for it: the device has left, its time was over, or it was decided before
  unavailable,  // nothing was decided: a queue is full, so try again; or the server does not run
};

/// Runs exactly once; null if nobody wants the outcome. It must not throw.
using DecideCallback = std::move_only_function<void(DecideOutcome)>;

}  // namespace ringgate
