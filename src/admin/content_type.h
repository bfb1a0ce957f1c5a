// The message type of a request body, by its Content-Type (RFC 9110 section 8.3). Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "ringgate/message.h"

namespace ringgate::admin {

/// Text: `text/*`, `application/json` and `application/*+json`, without a charset or with a name of UTF-8 or ASCII. Binary:
/// `application/octet-stream`. Nullopt: anything else, and a value that breaks the grammar. Ignores case and other parameters.
std::optional<MessageType> message_type_of(std::string_view content_type);

}  // namespace ringgate::admin
