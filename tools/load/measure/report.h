// The result of a measuring scenario as JSON, as text and as an HdrHistogram percentile file.
//
// Any thread. It measures nothing.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>

#include "load/histogram.h"
#include "load/measure/run_result.h"

namespace ringgate::measure {

using Json = nlohmann::ordered_json;

/// {"tool": ..., "version": ..., "scenario": scenario}
Json scenario_json(const char* scenario);

double per_second(std::uint64_t count, DurationNs window);

/// {"p50": ..., "max": ..., "mean": ..., "count": ...}
Json latency_json(const load::Histogram& latency);
/// About 60 pairs [quantile, ns] from 0 to 0.99999, evenly spaced in log(1 - quantile).
Json latency_curve_json(const load::Histogram& latency);
Json client_json(const ClientFigures& client);
/// `what`: the unit in the key busy_ns_per_<what>; `count` of them were in the window.
Json server_json(const ServerFigures& server, int server_cpu, const char* what, std::uint64_t count);

Json run_json(const RunOptions& options, const RunResult& result);
std::string run_text(const RunOptions& options, const RunResult& result);

/// Lines of the text that several scenarios share.
std::string latency_text(const char* name, const load::Histogram& latency);
std::string client_text(const ClientFigures& client, const char* what, std::uint64_t count);
/// A sentence if the client limited the result or other programs disturbed it; otherwise empty.
std::string bottleneck_text(const ClientFigures& client);
std::string server_text(const ServerFigures& server, int server_cpu, const char* what, std::uint64_t count);

/// The .hgrm text that HdrHistogram's plotter reads: value in microseconds, percentile, count, 1/(1-percentile).
std::string percentile_text(const load::Histogram& latency);

/// Writes `text` into `file` ("-": stdout); the error is a sentence.
std::expected<void, std::string> write_file(const std::string& file, const std::string& text);

}  // namespace ringgate::measure
