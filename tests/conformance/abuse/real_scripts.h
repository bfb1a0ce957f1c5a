// Rows of the list that need the binary: its log, its metrics, its configuration, its accept queue.
//
// Each function is one row, starts a gate of its own, and adds GoogleTest failures.
#pragma once

#include "real_world.h"
#include "runner.h"

namespace ringgate::abuse {

void one_connection_too_many(const RealGate& gate);        // F09
void one_too_many_from_one_address(const RealGate& gate);  // F10
void connections_reset_at_once(const RealGate& gate);      // F11
void log_keeps_its_lines(const RealGate& gate);            // M01, M10
void tokens_of_backends(const RealGate& gate);             // M18, M19
void metrics_keep_their_size(const RealGate& gate);        // M03
void forwarded_address_is_ignored(const RealGate& gate);   // M23
void scrapes_at_once(const RealGate& gate);                // M26
void broken_configuration(const RealGate& gate);           // M28

/// All of them by row id.
std::map<std::string, Script, std::less<>> real_scripts(const RealGate& gate);

}  // namespace ringgate::abuse
