#include "delivery.h"

#include <algorithm>
#include <set>

#include "bytes.h"
#include "verdict.h"

namespace ringgate::abuse {

namespace {

constexpr std::size_t cut_everywhere_bytes_max = 2048;
constexpr std::size_t seeded_cuts_count = 64;

/// What is cut: the bytes of all `send` steps; those of `drip` are sent one by one anyway.
std::string bytes_of(const Case& one) {
  std::string bytes;
  for (const Step& step : one.steps)
    if (step.kind == Step::Kind::send) bytes += step.bytes;
  return bytes;
}

std::vector<std::size_t> every_offset(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t offset = 1; offset < size; ++offset) cuts.push_back(offset);
  return cuts;
}

/// One before, at, and one behind each CR LF; then offsets from `random`.
std::set<std::size_t> chosen_offsets(const std::string& bytes, Random& random) {
  constexpr std::size_t boundaries_max = 128;  // the rows with more repeat one of them
  std::set<std::size_t> offsets;
  std::size_t count = 0;
  for (std::size_t at = bytes.find("\r\n"); at != std::string::npos && count < boundaries_max; at = bytes.find("\r\n", at + 2)) {
    for (const std::size_t offset : {at, at + 1, at + 2, at + 3})
      if (offset > 0 && offset < bytes.size()) offsets.insert(offset);
    ++count;
  }
  for (std::size_t offset = 1; offset < 16; ++offset) offsets.insert(offset);  // of a frame's header
  for (std::size_t i = 0; i < seeded_cuts_count; ++i) offsets.insert(1 + below(random, bytes.size() - 1));
  return offsets;
}

Delivery cut_at(std::size_t offset) { return {.name = "cut at " + std::to_string(offset), .cuts = {offset}, .tail = ""}; }

/// A case that is refused for good: whatever comes behind it must not be looked at.
bool takes_tail(const Case& one) {
  return std::ranges::all_of(one.steps, [](const Step& step) { return step.kind == Step::Kind::send; }) &&
         std::ranges::all_of(one.accepted, is_refusal);
}

}  // namespace

std::vector<Delivery> all_deliveries(const Case& one, Random& random) {
  const std::string bytes = bytes_of(one);
  std::vector<Delivery> deliveries{{.name = "whole", .cuts = {}, .tail = ""}};
  if (!one.opening.empty() && !one.steps.empty() && one.steps.front().kind == Step::Kind::send)
    deliveries.push_back({.name = "behind the handshake", .cuts = {}, .opening_in_front = true, .tail = ""});
  if (takes_tail(one))
    deliveries.push_back(
        {.name = "followed by good bytes", .cuts = {}, .tail = good_upgrade(smuggled_id) + frame(0x81, "smuggled")});
  if (bytes.size() < 2) return deliveries;
  deliveries.push_back({.name = "byte by byte", .cuts = every_offset(bytes.size()), .tail = ""});
  if (bytes.size() <= cut_everywhere_bytes_max) {
    for (std::size_t offset = 1; offset < bytes.size(); ++offset) deliveries.push_back(cut_at(offset));
  } else {
    for (const std::size_t offset : chosen_offsets(bytes, random)) deliveries.push_back(cut_at(offset));
  }
  return deliveries;
}

std::vector<Delivery> some_deliveries(const Case& one, std::size_t count, Random& random) {
  const std::string bytes = bytes_of(one);
  std::vector<Delivery> deliveries{{.name = "whole", .cuts = {}, .tail = ""}};
  if (bytes.size() < 2) return deliveries;
  deliveries.push_back({.name = "byte by byte", .cuts = every_offset(bytes.size()), .tail = ""});
  std::set<std::size_t> offsets;
  for (std::size_t i = 0; i < count; ++i) offsets.insert(1 + below(random, bytes.size() - 1));
  for (const std::size_t offset : offsets) deliveries.push_back(cut_at(offset));
  return deliveries;
}

}  // namespace ringgate::abuse
