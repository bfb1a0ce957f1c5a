#include "dispatch/group_index.h"

#include <algorithm>
#include <bit>

#include "base/limits.h"

namespace ringgate::dispatch {

namespace {

constexpr std::uint64_t bit_of(std::uint32_t slot) { return std::uint64_t{1} << (slot % 64); }

}  // namespace

bool GroupIndex::has(const Group& group, std::uint32_t slot) {
  const auto page = group.pages.find(slot / slots_per_page);
  return page != group.pages.end() && (page->second[slot % slots_per_page / 64] & bit_of(slot)) != 0;
}

GroupIndex::Joined GroupIndex::join(std::uint32_t slot, std::string_view name) {
  auto found = groups_.find(name);
  if (found != groups_.end() && has(found->second, slot)) return Joined::already;
  if (found == groups_.end() && groups_.size() >= limits::groups_per_shard_max) return Joined::no_room;
  const auto known = by_slot_.find(slot);
  if (known != by_slot_.end() && known->second.size() >= limits::groups_per_device_max) return Joined::no_room;
  try {
    auto& groups = by_slot_[slot];
    groups.reserve(groups.size() + 1);
    if (found == groups_.end()) found = groups_.try_emplace(std::string(name)).first;
    found->second.pages[slot / slots_per_page][slot % slots_per_page / 64] |= bit_of(slot);
    groups.push_back(&*found);
  } catch (const std::bad_alloc&) {
    if (found != groups_.end() && found->second.count == 0) groups_.erase(found);
    drop_if_empty(slot);
    throw;
  }
  ++found->second.count;
  ++memberships_count_;
  return Joined::joined;
}

/// From the group alone.
void GroupIndex::take_out(Groups::value_type& entry, std::uint32_t slot) {
  Group& group = entry.second;
  const auto page = group.pages.find(slot / slots_per_page);
  page->second[slot % slots_per_page / 64] &= ~bit_of(slot);
  if (std::ranges::all_of(page->second, [](std::uint64_t word) { return word == 0; })) group.pages.erase(page);
  --memberships_count_;
  if (--group.count == 0) groups_.erase(groups_.find(std::string_view(entry.first)));
}

void GroupIndex::drop_if_empty(std::uint32_t slot) {
  if (const auto known = by_slot_.find(slot); known != by_slot_.end() && known->second.empty()) by_slot_.erase(known);
}

bool GroupIndex::leave(std::uint32_t slot, std::string_view name) {
  const auto found = groups_.find(name);
  if (found == groups_.end() || !has(found->second, slot)) return false;
  std::erase(by_slot_.find(slot)->second, &*found);
  drop_if_empty(slot);
  take_out(*found, slot);
  return true;
}

void GroupIndex::leave_all(std::uint32_t slot) {
  const auto known = by_slot_.find(slot);
  if (known == by_slot_.end()) return;
  for (Groups::value_type* const group : known->second) take_out(*group, slot);
  by_slot_.erase(known);
}

bool GroupIndex::is_member(std::uint32_t slot, std::string_view name) const {
  const auto found = groups_.find(name);
  return found != groups_.end() && has(found->second, slot);
}

std::vector<std::string_view> GroupIndex::groups_of(std::uint32_t slot) const {
  std::vector<std::string_view> names;
  if (const auto known = by_slot_.find(slot); known != by_slot_.end())
    for (const Groups::value_type* const group : known->second) names.emplace_back(group->first);
  return names;
}

std::size_t GroupIndex::members_from(std::string_view name, std::uint32_t from, std::span<std::uint32_t> slots) const {
  const auto found = groups_.find(name);
  if (found == groups_.end()) return 0;
  std::size_t count = 0;
  for (auto page = found->second.pages.lower_bound(from / slots_per_page); page != found->second.pages.end(); ++page) {
    const std::uint32_t first = page->first * slots_per_page;
    std::uint32_t at = from > first ? from - first : 0;
    for (; at < slots_per_page; at = (at / 64 + 1) * 64) {
      for (std::uint64_t word = page->second[at / 64] & (~std::uint64_t{0} << (at % 64)); word != 0; word &= word - 1) {
        if (count == slots.size()) return count;
        slots[count++] = first + at / 64 * 64 + static_cast<std::uint32_t>(std::countr_zero(word));
      }
    }
  }
  return count;
}

std::size_t GroupIndex::members_count(std::string_view name) const {
  const auto found = groups_.find(name);
  return found == groups_.end() ? 0 : found->second.count;
}

}  // namespace ringgate::dispatch
