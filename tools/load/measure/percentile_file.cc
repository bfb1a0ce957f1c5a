#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "load/measure/report.h"

namespace ringgate::measure {
namespace {

constexpr double ticks_per_half = 5;
constexpr double unit_ns = 1000;  // microseconds

void put_line(std::string& text, const load::Histogram& latency, double percentile) {
  const std::uint64_t value = latency.at(percentile);
  const auto micros = static_cast<double>(value) / unit_ns;
  const std::uint64_t count = latency.count_up_to(value);
  if (percentile < 1) text += fmt::format("{:12.3f} {:2.12f} {:10} {:14.2f}\n", micros, percentile, count, 1 / (1 - percentile));
  else text += fmt::format("{:12.3f} {:2.12f} {:10}\n", micros, percentile, count);
}

}  // namespace

// As in HdrHistogram's output, each five steps halve the share of values above, until one value is left.
std::string percentile_text(const load::Histogram& latency) {
  std::string text = fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
  double percentile = 0;
  const auto count = static_cast<double>(latency.count());
  while (count > 0 && (1 - percentile) * count >= 1) {
    put_line(text, latency, percentile);
    const double halvings = std::floor(std::log2(1 / (1 - percentile))) + 1;
    percentile += 1 / (ticks_per_half * std::pow(2, halvings));
  }
  if (count > 0) put_line(text, latency, 1);
  text +=
      fmt::format("#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n", latency.mean() / unit_ns, latency.deviation() / unit_ns);
  text += fmt::format("#[Max     = {:12.3f}, Total count    = {:12}]\n", static_cast<double>(latency.max()) / unit_ns,
                      latency.count());
  text += fmt::format("#[Buckets = {:12}, SubBuckets     = {:12}]\n", 58, load::Histogram::cells_per_octave);
  return text;
}

std::expected<void, std::string> write_file(const std::string& file, const std::string& text) {
  std::FILE* const out = file == "-" ? stdout : std::fopen(file.c_str(), "w");
  if (out == nullptr) return std::unexpected(fmt::format("cannot write {}: {}", file, std::strerror(errno)));
  const bool is_written = std::fwrite(text.data(), 1, text.size(), out) == text.size();
  const bool is_flushed = (out == stdout ? std::fflush(out) : std::fclose(out)) == 0;
  if (!is_written || !is_flushed) return std::unexpected(fmt::format("cannot write {}: {}", file, std::strerror(errno)));
  return {};
}

}  // namespace ringgate::measure
