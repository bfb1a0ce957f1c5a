// Descriptions of devices with the quality of their links, and comparisons by it. Part of PushService.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/limits.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

/// Of this shard. The connection was open a moment ago; if it ends meanwhile its description says so.
void PushService::add_link(std::unique_ptr<DeviceInfo> device, device::ConnectionRef ref, DescribedCallback on_described) {
  const auto shared =
      std::make_shared<std::pair<std::unique_ptr<DeviceInfo>, DescribedCallback>>(std::move(device), std::move(on_described));
  links_.read(
      {ref}, LinkReader::Haste::question,
      [shared](device::ConnectionRef, const LinkReading& reading) { shared->first->link = reading; },
      [shared] { shared->second(std::move(shared->first)); });
}

std::size_t PushService::ranked_links_left(const BroadcastJob& job) const {
  const std::size_t most = std::max<std::size_t>(limits::ranked_links_max / gate_.shards_count, 1);
  return most - std::min(most, job.links.size());
}

/// The devices of the sweep are known: their links are read, in turns of their own, so that no broadcast waits. `delivered` of the result
/// are those that were read.
void PushService::rank_by_links(BroadcastJob job) {
  if (job.links.empty()) return job.on_done(job.result);
  const auto shared = std::make_shared<BroadcastJob>(std::move(job));
  shared->result.delivered = 0;
  std::vector<device::ConnectionRef> devices = std::exchange(shared->links, {});
  links_.read(
      std::move(devices), LinkReader::Haste::survey,
      [this, shared](device::ConnectionRef ref, const LinkReading& reading) {
        if (reading.status != LinkStatus::known) return;
        ++shared->result.delivered;
        WorstDevices& worst = *shared->sweep->worst;
        if (!worst.may_be_among(reading.quality.retransmits)) return;
        auto device = describe_here(ref);
        if (device == nullptr) return;
        device->link = reading;
        worst.offer(reading.quality.retransmits, std::move(*device));
      },
      [this, shared] {
        shared->result.refused = shared->result.matched - shared->result.delivered;
        if (closed_) shared->result.outcome = BroadcastOutcome::closing;
        shared->on_done(shared->result);
      });
}

}  // namespace ringgate::dispatch

namespace ringgate {

const char* name_of(LinkStatus status) {
  switch (status) {
    case LinkStatus::not_asked: return "not_asked";
    case LinkStatus::known: return "known";
    case LinkStatus::unix_socket: return "unix_socket";
    case LinkStatus::unsupported: return "unsupported";
    case LinkStatus::no_descriptors: return "no_descriptors";
    case LinkStatus::connection_ended: return "connection_ended";
    case LinkStatus::busy: return "busy";
    case LinkStatus::failed: return "failed";
  }
  return "failed";
}

}  // namespace ringgate
