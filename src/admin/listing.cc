// GET /v1/devices: pages of devices, over all shards; how many there are; and the worst of them. And POST /v1/devices:presence for
// callers whose reach depends on connections.
//
// A page asks the shard of each device once, and follows a device that moves meanwhile. Several pages are filled at once as long
// as they leave half of each lane between shards to pushes; further pages wait. If a shard does not answer, the page is refused
// when its time is over: a device that cannot be asked for must not look like one that is gone. Pages that do not need that shard
// go first.
#include <array>
#include <charconv>
#include <cstdio>

#include "admin/admin_api.h"
#include "admin/device_selection.h"
#include "admin/json.h"
#include "admin/query_number.h"
#include "admin/sweep_answer.h"
#include "base/limits.h"

namespace ringgate::admin {
namespace {

using Presence = http::QueryParameter::Presence;
using Cursor = device::DeviceMap::Cursor;

constexpr NumberRange page_sizes{.lowest = 1, .highest = limits::listed_devices_max, .otherwise = 100};

constexpr std::size_t cursor_chars = 16;

std::string cursor_text(Cursor cursor) {
  std::array<char, cursor_chars + 1> text;
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(cursor));
  return {text.data(), cursor_chars};
}

std::optional<Cursor> cursor_of(std::string_view query) {
  const http::QueryParameter parameter = http::query_parameter(query, "cursor");
  if (parameter.presence == Presence::absent) return Cursor{0};
  if (parameter.presence == Presence::conflicting || parameter.value.size() != cursor_chars) return std::nullopt;
  Cursor cursor = 0;
  const auto end = std::from_chars(parameter.value.data(), parameter.value.data() + cursor_chars, cursor, 16);
  if (end.ec != std::errc{} || cursor_text(cursor) != parameter.value) return std::nullopt;  // only our own spelling is valid
  return cursor;
}

}  // namespace

/// One page of the list, or the devices that were asked for. It waits for its turn, or the shards of its devices are filling it.
struct AdminApi::Listing {
  Responder responder;
  Caller caller;  // sees only devices that it covers
  Caller filter;  // of the query: the same
  Cursor cursor = 0;
  std::size_t limit = 0;
  std::vector<std::string> ids{};         // that were asked for; empty: a page
  std::optional<std::size_t> blocked_on;  // the shard whose lane had no room for this page
  std::optional<std::string> next_cursor;
  std::vector<std::size_t> asked;  // by shard: devices that it was asked for
  std::vector<std::unique_ptr<dispatch::DeviceInfo>> devices;
  std::size_t awaited_count = 0;
  bool is_complete = true;  // false if a device could not be asked for
};

void AdminApi::list_devices(Call call) {
  const auto limit = query_number(call.request.query, "limit", page_sizes);
  if (!limit) return call.responder.refuse(Refusal::bad_limit);
  const auto cursor = cursor_of(call.request.query);
  if (!cursor) return call.responder.refuse(Refusal::bad_cursor);
  constexpr std::array<std::string_view, 5> known{"prefix", "group", "route", "count_only", "sort"};
  const auto parameters = Parameters::read_query(call.request.query, known, Parameters::Others::ignored);
  if (!parameters) return call.responder.refuse(Refusal::bad_parameters);
  const auto filter = filter_of(*parameters);
  if (!filter) return call.responder.refuse(filter.error());
  const auto count_only = parameters->flag("count_only");
  if (!count_only) return call.responder.refuse(Refusal::bad_parameters);
  if (const std::string* const sort = parameters->find("sort")) return rank_devices(call, *filter, *sort);
  if (*count_only) return count_devices(call, *filter);
  listings_waiting_.push_back(std::make_shared<Listing>(
      Listing{.responder = call.responder,
              .caller = call.caller,
              .filter = {.name = {}, .scopes = {}, .prefix = filter->prefix, .group = filter->group, .route = filter->route},
              .cursor = *cursor,
              .limit = *limit}));
  start_listings();
}

void AdminApi::count_devices(Call& call, const DeviceFilter& filter) {
  push_service_.sweep(
      {.act = dispatch::Sweep::Act::count, .selection = selection_of(filter, call.caller), .message = {}, .reason = {}},
      [responder = call.responder](const BroadcastResult& result) {
        if (result.outcome != BroadcastOutcome::completed) return responder.answer(refusal_of(result));
        responder.answer(Answer::json(count_json(result.matched)));
      });
}

namespace {

std::optional<dispatch::RankBy> rank_of(std::string_view sort) {
  if (sort == "rtt") return dispatch::RankBy::rtt;
  if (sort == "queued") return dispatch::RankBy::queued;
  if (sort == "retransmits") return dispatch::RankBy::retransmits;
  return std::nullopt;
}

}  // namespace

/// The worst first; devices of which nothing is known are not among them.
void AdminApi::rank_devices(Call& call, const DeviceFilter& filter, std::string_view sort) {
  const auto rank_by = rank_of(sort);
  if (!rank_by) return call.responder.refuse(Refusal::bad_parameters);
  const auto worst = std::make_shared<dispatch::WorstDevices>(limits::ranked_devices_max);
  push_service_.sweep(
      {.act = dispatch::Sweep::Act::rank,
       .selection = selection_of(filter, call.caller),
       .message = {},
       .reason = {},
       .rank_by = *rank_by,
       .worst = worst},
      [responder = call.responder, worst,
       reads_links = *rank_by == dispatch::RankBy::retransmits](const BroadcastResult& result) {
        if (result.outcome != BroadcastOutcome::completed) return responder.answer(refusal_of(result));
        responder.answer(Answer::json(reads_links ? link_ranking_json(worst->take(), result) : ranking_json(worst->take())));
      });
}

/// The newest connection of a device tells whether the caller reaches it.
void AdminApi::show_presence_of_covered(Call& call, std::vector<std::string> ids) {
  const std::size_t count = ids.size();
  listings_waiting_.push_back(std::make_shared<Listing>(
      Listing{.responder = call.responder, .caller = call.caller, .filter = {}, .limit = count, .ids = std::move(ids)}));
  start_listings();
}

/// Starts every waiting page for which there is room. Does not recurse if a page is complete at once.
void AdminApi::start_listings() {
  if (listing_starts_) return;
  listing_starts_ = true;
  for (std::size_t at = 0; at < listings_waiting_.size();) {
    const std::shared_ptr<Listing> listing = listings_waiting_[at];
    if (start(listing)) listings_waiting_.erase(listings_waiting_.begin() + static_cast<std::ptrdiff_t>(at));
    else ++at;
  }
  listing_starts_ = false;
}

/// False, and no shard was asked, if a lane has no room for this page beside the unfinished ones.
bool AdminApi::start(const std::shared_ptr<Listing>& listing) {
  listed_.resize(gate_.shards_count);
  const auto has_room = [&](std::size_t shard, std::size_t count) {
    return listed_[shard] == 0 || listed_[shard] + count <= limits::listed_parcels_max;
  };
  if (listing->blocked_on && !has_room(*listing->blocked_on, listing->limit)) return false;
  device::DeviceMap::Page page;
  if (listing->ids.empty()) page = push_service_.map().scan(listing->cursor, listing->limit);
  for (const std::string& id : listing->ids) {
    page.keys.push_back(gate_.hash(id));
    if (const auto owner = push_service_.map().find(page.keys.back())) page.refs.push_back(*owner);
  }
  listing->asked.assign(gate_.shards_count, 0);
  for (const device::ConnectionRef& ref : page.refs) ++listing->asked[ref.shard];
  for (std::size_t shard = 0; shard < listing->asked.size(); ++shard) {
    if (has_room(shard, listing->asked[shard])) continue;
    listing->blocked_on = shard;
    return false;
  }
  for (std::size_t shard = 0; shard < listing->asked.size(); ++shard) listed_[shard] += listing->asked[shard];
  if (page.next) listing->next_cursor = cursor_text(*page.next);
  listing->devices.resize(page.keys.size());
  listing->awaited_count = page.keys.size() + 1;  // one more, so that the page is not finished within this loop
  for (std::size_t i = 0; i < page.keys.size(); ++i) {
    push_service_.describe(page.keys[i], [this, listing, i](dispatch::DescribeResult result) {
      listing->devices[i] = std::move(result.device);
      if (result.outcome == dispatch::DescribeOutcome::unavailable) listing->is_complete = false;
      if (--listing->awaited_count == 0) finish(*listing);
    });
  }
  if (--listing->awaited_count == 0) finish(*listing);
  return true;
}

void AdminApi::finish(Listing& listing) {
  for (std::size_t shard = 0; shard < listing.asked.size(); ++shard) listed_[shard] -= listing.asked[shard];
  if (listing.is_complete) answer(listing);
  else listing.responder.refuse(Refusal::unavailable);
  start_listings();
}

void AdminApi::answer(Listing& listing) {
  if (listing.ids.empty()) {
    for (const Caller* const reach : {&listing.caller, &listing.filter})
      if (reach->is_restricted())
        std::erase_if(listing.devices, [&](const auto& device) { return device == nullptr || !reach->covers(*device); });
    return listing.responder.answer(Answer::json(device_page_json(listing.devices, listing.next_cursor)));
  }
  std::string body = R"({"devices":[)";
  for (std::size_t i = 0; i < listing.ids.size(); ++i) {
    const dispatch::DeviceInfo* const device = listing.devices[i].get();
    if (i != 0) body += ',';
    // Nobody knows whether the caller would have reached a device that is gone, so how it left is not told.
    if (device == nullptr) body += presence_json(listing.ids[i], std::nullopt, std::nullopt);
    else if (listing.caller.covers(*device)) body += presence_json(listing.ids[i], device->connection, std::nullopt);
    else body += presence_not_covered_json(listing.ids[i]);
  }
  listing.responder.answer(Answer::json(body += "]}"));
}

}  // namespace ringgate::admin
