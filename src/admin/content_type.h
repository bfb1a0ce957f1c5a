// Which type of message a request body is, by its Content-Type (RFC 9110 section 8.3).
#pragma once

#include <optional>
#include <string_view>

#include "ringgate/message.h"

namespace ringgate::admin {

/// `text/*`, `application/json` and `application/*+json` are text, with no charset or a name of UTF-8 or ASCII;
/// `application/octet-stream` is binary; nullopt for all else and for a value that breaks the grammar. Case is ignored, other
/// parameters too.
std::optional<MessageType> message_type_of(std::string_view content_type);

}  // namespace ringgate::admin
