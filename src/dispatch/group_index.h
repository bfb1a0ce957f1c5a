// Which devices of a shard are in which groups, in both directions: a group's slots in their order, and a slot's groups.
//
// A group costs a bit for each of its members and 64 bytes for each 512 slots in which it has any; devices without groups cost nothing.
// Owned by the device session; owner shard. Invariants: both directions agree; a group without members is not kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ringgate::dispatch {

class GroupIndex {
 public:
  enum class Joined : std::uint8_t {
    joined,
    already,  // it was a member
    no_room,  // limits::groups_per_device_max or limits::groups_per_shard_max is reached; nothing changed
  };

  /// No device is in a group: then nothing needs to be looked up.
  bool empty() const { return by_slot_.empty(); }

  /// Throws std::bad_alloc; then nothing has changed.
  Joined join(std::uint32_t slot, std::string_view name);
  /// False if it was no member. Does not allocate.
  bool leave(std::uint32_t slot, std::string_view name);
  void leave_all(std::uint32_t slot);

  bool is_member(std::uint32_t slot, std::string_view name) const;
  /// The names of the groups of `slot`, in the order in which it joined them; they live until the next change.
  std::vector<std::string_view> groups_of(std::uint32_t slot) const;

  /// Fills `slots` with the first members from slot `from` on, in order; returns how many. Fewer than fit: these are the last.
  std::size_t members_from(std::string_view name, std::uint32_t from, std::span<std::uint32_t> slots) const;
  std::size_t members_count(std::string_view name) const;

  std::size_t groups_count() const { return groups_.size(); }
  std::size_t memberships_count() const { return memberships_count_; }

 private:
  static constexpr std::uint32_t slots_per_page = 512;
  using Page = std::array<std::uint64_t, slots_per_page / 64>;

  struct Group {
    std::map<std::uint32_t, Page> pages;  // by slot / slots_per_page; none without a member
    std::size_t count = 0;
  };
  struct HashOfText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Groups = std::unordered_map<std::string, Group, HashOfText, std::equal_to<>>;

  static bool has(const Group& group, std::uint32_t slot);
  void take_out(Groups::value_type& entry, std::uint32_t slot);
  void drop_if_empty(std::uint32_t slot);

  Groups groups_;
  std::unordered_map<std::uint32_t, std::vector<Groups::value_type*>> by_slot_;
  std::size_t memberships_count_ = 0;
};

}  // namespace ringgate::dispatch
