// Judges a credential, and whether it is good for the device that the request claims. Finds no credential (presented.h) and reads no
// file (auth/verifiers.h). Any thread. An attempt takes a bounded time: see the verifiers.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "admission/identity.h"
#include "admission/presented.h"
#include "admission/refusal.h"
#include "auth/grant.h"
#include "auth/verifiers.h"
#include "http/request_head.h"
#include "tls/client_identity.h"

namespace ringgate::admission {

/// As the claim that holds the id: tokens are good for any device.
inline constexpr std::string_view jwt_claim_off = "off";

/// What a request comes with beyond its bytes. Borrows all for the call.
struct CallerView {
  const auth::Verifiers* verifiers = nullptr;               // null: nothing is configured, so every credential is wrong
  const tls::ClientIdentity* client_certificate = nullptr;  // verified by TLS; null: none
  std::int64_t now_seconds = 0;                             // Unix time
};

/// What `presented` proves. Errors: credential_wrong or credential_expired, with the fault as its cause; a wrong user and a wrong
/// password differ only there.
std::expected<auth::Grant, Refusal> check_credential(const Presented& presented, const http::RequestView& request,
                                                     std::span<const IdSource> id_sources, const CallerView& caller);

/// The id of the device: the claimed one if the grant covers it, else the one that the grant proves and `id_sources` names. nullopt:
/// neither. Errors: device_not_covered; device_id_malformed and device_id_reserved for a proven id that is no id of this route.
std::expected<std::optional<DeviceIdText>, Refusal> resolve_device_id(const std::optional<DeviceIdText>& claimed,
                                                                      const auth::Grant& grant, const ClaimedId& request,
                                                                      std::span<const IdSource> id_sources,
                                                                      IdCharacters characters);

}  // namespace ringgate::admission
