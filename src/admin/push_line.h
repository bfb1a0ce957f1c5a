// A push as one line of a batch: a flat JSON object, read strictly (RFC 8259; each member once, no nesting). Pure; any thread. Allocates in
// proportion to the line.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "admin/refusal.h"
#include "ringgate/device_id.h"
#include "ringgate/message.h"
#include "ringgate/push.h"

namespace ringgate::admin {

struct PushLine {
  std::string device_id;
  MessageType type = MessageType::text;
  std::string payload;            // a text is valid UTF-8
  std::optional<std::string> id;  // what the result repeats, as JSON: a string or a whole number
  PushOptions options = {};
};

struct PushLineFault {
  Refusal refusal = Refusal::bad_line;
  std::optional<std::string> id;  // as above, if it was read before the fault
};

/// Reads {"device":…,"text":…|"base64":…,"type":"text"|"binary","id":…}. `type` may be left out: text for `text`, binary for `base64`. The
/// members `line_options` ask more of the push: `ttl` is a number of seconds, the others are texts.
/// Refusals: bad_line (no such object: malformed, nested, a member that is not known, missing, given twice or of another type), bad_id,
/// bad_base64, invalid_utf8, and those of the options.
std::expected<PushLine, PushLineFault> read_push_line(std::string_view line, IdCharacters characters);

}  // namespace ringgate::admin
