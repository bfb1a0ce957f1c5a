// One blocking GET to the admin port, for metrics and device records between the phases of a run.
//
// Any thread; opens and closes its own connection.
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

/// The samples of /metrics: each name is the sum over its labels; the series of histograms stay separate.
using Metrics = std::map<std::string, double, std::less<>>;
std::expected<Metrics, std::string> read_metrics(const Endpoint& admin);
Metrics parse_metrics(std::string_view text);

}  // namespace ringgate::load
