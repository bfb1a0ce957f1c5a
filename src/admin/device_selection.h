// Which devices a request concerns: those of the filter in its query, as far as its caller reaches. Pure; any thread.
#pragma once

#include <array>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "admin/access.h"
#include "admin/parameters.h"
#include "admin/refusal.h"
#include "dispatch/sweep.h"
#include "ringgate/device_filter.h"

namespace ringgate::admin {

/// The parameters of a filter.
inline constexpr std::array<std::string_view, 3> filter_parameters{"prefix", "group", "route"};

/// Reads `prefix`, `group` and `route`. bad_filter for one that is empty: `group=` must not stand for everybody; bad_group.
inline std::expected<DeviceFilter, Refusal> filter_of(const Parameters& parameters) {
  DeviceFilter filter;
  for (const auto& [name, member] : {std::pair{filter_parameters[0], &filter.prefix},
                                     {filter_parameters[1], &filter.group},
                                     {filter_parameters[2], &filter.route}}) {
    const std::string* const value = parameters.find(name);
    if (value == nullptr) continue;
    if (value->empty()) return std::unexpected(Refusal::bad_filter);
    *member = *value;
  }
  if (!filter.group.empty() && !is_valid_group_name(filter.group)) return std::unexpected(Refusal::bad_group);
  return filter;
}

/// The devices that meet `filter` and are covered by the token of `caller`.
inline dispatch::Selection selection_of(const DeviceFilter& filter, const Caller& caller) {
  dispatch::Selection selection(filter);
  selection.restrict_to({.prefix = caller.prefix, .group = caller.group, .route = caller.route});
  return selection;
}

/// What a connection must meet where it is for a push of `caller` to reach it; null: its id alone tells.
inline std::shared_ptr<const dispatch::Selection> reach_of(const Caller& caller) {
  if (!caller.depends_on_connection()) return nullptr;
  return std::make_shared<const dispatch::Selection>(selection_of({}, caller));
}

}  // namespace ringgate::admin
