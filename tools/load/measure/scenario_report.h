// The results of handshakes, hold and pushes, as JSON and as text.
#pragma once

#include <string>

#include "load/measure/handshakes.h"
#include "load/measure/hold.h"
#include "load/measure/pushes.h"
#include "load/measure/report.h"

namespace ringgate::measure {

Json handshakes_json(const CommonOptions& options, const HandshakesResult& result);
std::string handshakes_text(const CommonOptions& options, const HandshakesResult& result);

Json hold_json(const CommonOptions& options, const HoldResult& result);
std::string hold_text(const HoldResult& result);

Json pushes_json(const PushOptions& options, const PushResult& result);
std::string pushes_text(const PushOptions& options, const PushResult& result);

}  // namespace ringgate::measure
