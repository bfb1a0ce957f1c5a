// What a handler said about an opening handshake, judged and put into the form of an answer. The handler's mistakes are values: the
// device gets 500, and the log says what was wrong. Pure; any thread; allocates.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admission/admission.h"
#include "http/rejection_facts.h"
#include "http/request_head.h"
#include "ringgate/device_id.h"
#include "ringgate/upgrade_verdict.h"

namespace ringgate::dispatch {

/// A part of a sentence for the log: "the verdict cannot be used because ...".
using VerdictFault = std::string_view;

/// Field lines, each ending in CRLF.
std::expected<std::string, VerdictFault> field_lines(std::span<const AnswerField> fields);

/// `lines`, and what an answer of that status must have beside them (RFC 9110 section 15.5): `challenges` of a 401, Allow of a 405,
/// Upgrade of a 426. Nothing is added that is there.
std::string with_demanded_fields(std::uint16_t status, std::string_view lines, std::string_view challenges);

/// What the client offers, in its order, but for the entries that hold a token: an answer, or whoever logs names, would show it.
std::vector<std::string_view> offered_subprotocols(const http::RequestView& request);

/// The subprotocol of the 101: as the client offers it, borrowed from the request; empty: none.
std::expected<std::string_view, VerdictFault> offered_subprotocol(const http::RequestView& request, std::string_view name);

/// Whether a handler may let a device with this id connect to a route with these characters.
std::expected<void, VerdictFault> check_device_id(std::string_view id, IdCharacters characters);

/// What an acceptance says of groups, rates and the end. Puts it into the grant of `admission`, which it makes if there is none.
std::expected<void, VerdictFault> apply_terms(UpgradeAccept& told, admission::Admission& admission);

/// A refusal with the texts that its facts borrow. Neither copied nor moved.
class RefusalAnswer {
 public:
  explicit RefusalAnswer(const UpgradeRefusal& refusal);
  RefusalAnswer(const RefusalAnswer&) = delete;
  RefusalAnswer& operator=(const RefusalAnswer&) = delete;

  /// Borrows from this object.
  std::expected<http::RejectionFacts, VerdictFault> facts() const;

 private:
  const std::uint16_t status_;
  const std::string reason_;
  const std::string detail_;  // escaped for JSON
  const std::expected<std::string, VerdictFault> fields_;
  const bool detail_fits_;
};

}  // namespace ringgate::dispatch
