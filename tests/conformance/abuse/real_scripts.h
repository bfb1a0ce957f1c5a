// Rows of the list that need the binary: its log, its metrics, its configuration, its accept queue.
//
// Each function is one row, starts a gate of its own, and adds GoogleTest failures.
#pragma once

#include <string>

#include "runner.h"

namespace ringgate::abuse {

void one_connection_too_many(const std::string& binary);        // F09
void one_too_many_from_one_address(const std::string& binary);  // F10
void connections_reset_at_once(const std::string& binary);      // F11
void log_keeps_its_lines(const std::string& binary);            // M01, M10
void metrics_keep_their_size(const std::string& binary);        // M03
void forwarded_address_is_ignored(const std::string& binary);   // M23
void scrapes_at_once(const std::string& binary);                // M26
void broken_configuration(const std::string& binary);           // M28

/// All of them by row id.
std::map<std::string, Script, std::less<>> real_scripts(const std::string& binary);

}  // namespace ringgate::abuse
