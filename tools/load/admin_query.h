// One blocking GET at the admin port: metrics and device records between the phases of a run.
//
// Thread: any; opens a connection of its own and closes it.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "load/endpoint.h"

namespace ringgate::load {

struct QueryAnswer {
  int status = 0;
  std::string body;
};

/// The error is a sentence.
std::expected<QueryAnswer, std::string> query(const Endpoint& admin, std::string_view target);

/// The samples of /metrics, each name summed over its labels and histograms' series left as they are.
using Metrics = std::map<std::string, double, std::less<>>;
std::expected<Metrics, std::string> read_metrics(const Endpoint& admin);
Metrics parse_metrics(std::string_view text);

}  // namespace ringgate::load
