#include "events/record.h"

#include "base/assert.h"

namespace ringgate::events {

namespace {

constexpr std::size_t group_bytes_max = 255;

/// Calls `visit` for each group that the record has.
template <typename Visit>
void for_each_kept(std::span<const std::string> groups, Visit&& visit) {
  std::size_t left = RecordParts::groups_bytes_max;
  for (const std::string& group : groups) {
    if (group.size() > group_bytes_max || group.size() + 1 > left) continue;
    left -= group.size() + 1;
    visit(group);
  }
}

}  // namespace

std::size_t RecordParts::groups_bytes() const {
  std::size_t bytes = 0;
  for_each_kept(groups, [&](const std::string& group) { bytes += 1 + group.size(); });
  return bytes;
}

void write_record(const RecordParts& parts, std::size_t size, std::uint8_t* out) {
  RINGGATE_ASSERT(parts.words.size() == event_words_counts[static_cast<std::size_t>(parts.type)] &&
                  parts.device_id.size() <= 255);
  const std::size_t groups_bytes = parts.groups.empty() ? 0 : parts.groups_bytes();
  const RecordHead head{.size = static_cast<std::uint32_t>(size),
                        .type = static_cast<std::uint8_t>(parts.type),
                        .detail = parts.detail,
                        .route = parts.route,
                        .shard = parts.shard,
                        .time_ms = parts.time_ms,
                        .number = 0,
                        .connection = parts.connection,
                        .epoch = parts.epoch,
                        .seq = parts.seq,
                        .sinks = parts.sinks,
                        .id_bytes = static_cast<std::uint8_t>(parts.device_id.size()),
                        .reserved = 0,
                        .groups_bytes = static_cast<std::uint16_t>(groups_bytes),
                        .payload_bytes = static_cast<std::uint32_t>(parts.payload.size())};
  std::uint8_t* const end = out + size;
  const auto append = [&out](const void* bytes, std::size_t count) {
    if (count == 0) return;  // memcpy from null is undefined even then
    std::memcpy(out, bytes, count);
    out += count;
  };
  append(&head, sizeof head);
  append(parts.words.data(), parts.words.size_bytes());
  append(parts.device_id.data(), parts.device_id.size());
  if (groups_bytes != 0) {
    for_each_kept(parts.groups, [&](const std::string& group) {
      const auto count = static_cast<std::uint8_t>(group.size());
      append(&count, 1);
      append(group.data(), group.size());
    });
  }
  append(parts.payload.data(), parts.payload.size());
  std::memset(out, 0, static_cast<std::size_t>(end - out));
}

}  // namespace ringgate::events
