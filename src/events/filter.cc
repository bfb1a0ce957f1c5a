#include "events/filter.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace ringgate::events {

Filter::Filter(Wanted wanted, Allowed allowed) : wanted_(std::move(wanted)), allowed_(std::move(allowed)) {
  std::ranges::sort(wanted_.devices);
  const bool wants_all = wanted_.types == 0 && wanted_.devices.empty() && wanted_.groups.empty() && wanted_.prefixes.empty() &&
                         wanted_.routes.none();
  passes_everything_ = wants_all && allowed_.prefix.empty() && allowed_.group.empty() && allowed_.routes.none();
}

bool Filter::judge(const RecordView& record) const {
  const std::string_view id = record.device_id();
  const auto begins = [&](const std::string& prefix) { return id.starts_with(prefix); };
  const auto is_in = [&](const std::string& group) { return record.groups().contains(group); };
  if (wanted_.types != 0 && (wanted_.types & bit_of(record.type())) == 0) return false;
  if (!begins(allowed_.prefix)) return false;
  if (allowed_.routes.any() && !allowed_.routes.test(record.head().route)) return false;
  if (wanted_.routes.any() && !wanted_.routes.test(record.head().route)) return false;
  if (!allowed_.group.empty() && !is_in(allowed_.group)) return false;
  if (!wanted_.devices.empty() && !std::binary_search(wanted_.devices.begin(), wanted_.devices.end(), id, std::less<>{}))
    return false;
  if (!wanted_.prefixes.empty() && std::ranges::none_of(wanted_.prefixes, begins)) return false;
  return wanted_.groups.empty() || std::ranges::any_of(wanted_.groups, is_in);
}

}  // namespace ringgate::events
