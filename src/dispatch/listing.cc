// Pages of devices for the program that embeds the gate. Part of PushService. (The admin API has pages of its own.)
//
// A page asks the shard of each device once, and follows a device that moves meanwhile. One page at a time asks; others wait.
// Invariant: each page is answered once. A device that cannot be asked for makes the page unavailable, because it must not look like
// one that is gone.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

struct PushService::PageSum {
  std::optional<std::uint64_t> next;
  std::vector<std::unique_ptr<DeviceInfo>> devices;
  std::size_t awaited_count = 0;
  bool is_complete = true;
  ListCallback on_result;
};

void PushService::list(DeviceCursor cursor, std::size_t limit, ListCallback on_result) {
  if (closed_ || pages_.size() >= limits::listings_waiting_max)
    return on_result({.outcome = ListOutcome::unavailable, .devices = {}, .next = {}});
  pages_.push_back({cursor, std::clamp<std::size_t>(limit, 1, listed_devices_max), std::move(on_result)});
  start_pages();
}

void PushService::start_pages() {
  while (!page_is_open_ && !pages_.empty()) {
    ListedPage page = std::move(pages_.front());
    pages_.pop_front();
    start_page(std::move(page));
  }
}

void PushService::start_page(ListedPage page) {
  page_is_open_ = true;
  const device::DeviceMap::Page found = map_.scan(page.cursor.word, page.limit);
  const auto sum = std::make_shared<PageSum>();
  sum->next = found.next;
  sum->devices.resize(found.refs.size());
  sum->awaited_count = found.refs.size() + 1;  // one more, so that the page is not finished within this loop
  sum->on_result = std::move(page.on_result);
  const auto answered = [this, sum] {
    if (--sum->awaited_count == 0) finish_page(*sum);
  };
  for (std::size_t i = 0; i < found.refs.size(); ++i) {
    describe(found.keys[i], [sum, answered, i](DescribeResult result) {
      sum->is_complete = sum->is_complete && result.outcome != DescribeOutcome::unavailable;
      sum->devices[i] = std::move(result.device);
      answered();
    });
  }
  answered();
}

void PushService::finish_page(PageSum& sum) {
  ListResult result;
  if (!sum.is_complete) result.outcome = ListOutcome::unavailable;
  else if (sum.next) result.next = {*sum.next};
  for (const std::unique_ptr<DeviceInfo>& device : sum.devices)
    if (device != nullptr) result.devices.push_back(std::move(*device));
  page_is_open_ = false;
  sum.on_result(std::move(result));
  start_pages();
}

}  // namespace ringgate::dispatch
