// The rows of the table of settings, by subject. Sections stay together, in the order in which print-config shows them; table.cc joins the
// subjects in the order in which they stand here.
#pragma once

#include <vector>

#include "config/table.h"

namespace ringgate::config {

std::vector<Key> rows_of_ports();
std::vector<Key> rows_of_webhooks();
std::vector<Key> rows_of_routes();
std::vector<Key> rows_of_devices();
std::vector<Key> rows_of_limits();
std::vector<Key> rows_of_operation();
std::vector<Key> rows_of_cluster();

}  // namespace ringgate::config
