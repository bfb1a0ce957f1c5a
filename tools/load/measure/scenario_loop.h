// For the scenarios on DeviceClient: a loop for many connections, on the requested processor.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "load/device_client.h"
#include "load/loop.h"
#include "load/measure/common_options.h"

namespace ringgate::measure {

/// Pins the thread, raises the limit of descriptors and opens a loop for `sockets` connections. The error is a sentence.
std::expected<std::unique_ptr<load::Loop>, std::string> open_loop(const CommonOptions& options, unsigned sockets);

/// `tls`: made by `open_tls`, and outlives the devices; null without --tls.
load::DeviceTarget device_target_of(const CommonOptions& options, load::TlsContext* tls);

/// Null without --tls. The error is a sentence.
std::expected<std::unique_ptr<load::TlsContext>, std::string> open_tls(const CommonOptions& options, load::TlsBuffers buffers);

inline DurationNs duration_of(double seconds) { return static_cast<DurationNs>(seconds * 1e9); }

/// "1001 going away", or the fault, or a note that TCP ended.
std::string text_of_ending(const load::Ending& ending);

}  // namespace ringgate::measure
