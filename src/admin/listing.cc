// GET /v1/devices: pages of all devices, over all shards.
//
// A page asks each device's shard once. Pages are filled one after the other, so that they never fill the
// lanes between shards, where a device that cannot be asked for would look like one that has gone.
#include <array>
#include <charconv>
#include <cstdio>

#include "admin/admin_api.h"
#include "admin/json.h"
#include "admin/query_number.h"
#include "base/limits.h"

namespace ringgate::admin {
namespace {

using Presence = http::QueryParameter::Presence;
using Cursor = device::DeviceMap::Cursor;

constexpr NumberRange page_sizes{.lowest = 1, .highest = limits::listed_devices_max, .otherwise = 100};
static_assert(limits::listed_devices_max <= limits::lane_parcels_max / 2);

constexpr std::size_t cursor_chars = 16;

std::string cursor_text(Cursor cursor) {
  std::array<char, cursor_chars + 1> text;
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(cursor));
  return {text.data(), cursor_chars};
}

std::optional<Cursor> cursor_of(std::string_view query) {
  const http::QueryParameter parameter = http::query_parameter(query, "cursor");
  if (parameter.presence == Presence::absent) return Cursor{0};
  if (parameter.presence == Presence::conflicting || parameter.value.size() != cursor_chars)
    return std::nullopt;
  Cursor cursor = 0;
  const auto end = std::from_chars(parameter.value.data(), parameter.value.data() + cursor_chars, cursor, 16);
  if (end.ec != std::errc{} || cursor_text(cursor) != parameter.value) return std::nullopt;  // one spelling: ours
  return cursor;
}

}  // namespace

void AdminApi::list_devices(Call call) {
  const auto limit = query_number(call.request.query, "limit", page_sizes);
  if (!limit) return call.responder.refuse(Refusal::bad_limit);
  const auto cursor = cursor_of(call.request.query);
  if (!cursor) return call.responder.refuse(Refusal::bad_cursor);
  listings_.push_back(
      std::make_shared<Listing>(Listing{.responder = call.responder, .cursor = *cursor, .limit = *limit}));
  if (listings_.size() == 1) start_listings();
}

/// Fills pages until one has to wait for other shards. A page that is complete at once is not a level of
/// recursion.
void AdminApi::start_listings() {
  if (listing_starts_) return;
  listing_starts_ = true;
  while (!listings_.empty() && listings_.front()->awaited_count == 0) fill(listings_.front());
  listing_starts_ = false;
}

void AdminApi::fill(const std::shared_ptr<Listing>& front) {
  const std::shared_ptr<Listing> listing = front;
  const device::DeviceMap::Page page = push_service_.map().scan(listing->cursor, listing->limit);
  if (page.next) listing->next_cursor = cursor_text(*page.next);
  listing->devices.resize(page.refs.size());
  listing->awaited_count =
      page.refs.size() + 1;  // one for this loop, so that the page does not end inside it
  for (std::size_t i = 0; i < page.refs.size(); ++i) {
    push_service_.describe(page.refs[i], [this, listing, i](std::unique_ptr<dispatch::DeviceInfo> device) {
      listing->devices[i] = std::move(device);
      if (--listing->awaited_count == 0) finish(*listing);
    });
  }
  if (--listing->awaited_count == 0) finish(*listing);
}

void AdminApi::finish(Listing& listing) {
  const Responder responder = listing.responder;
  Answer answer = Answer::json(device_page_json(listing.devices, listing.next_cursor));
  listings_.pop_front();
  responder.answer(std::move(answer));
  start_listings();
}

}  // namespace ringgate::admin
