// Which events a reader wants, and which it may see. Values of one kind are alternatives; the kinds hold together. A value; any thread.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "events/record.h"

namespace ringgate::events {

class Filter {
 public:
  /// What the reader asks for; empty lists: everything.
  struct Wanted {
    std::uint32_t types = 0;  // bits of EventType; 0: all
    std::vector<std::string> devices;
    std::vector<std::string> groups;
    std::vector<std::string> prefixes;  // of device ids
    std::bitset<limits::routes_max> routes;
  };
  /// What the reader may see; empty texts: everything.
  struct Allowed {
    std::string prefix;
    std::string group;
    std::bitset<limits::routes_max> routes;  // none: all
  };

  Filter() = default;
  Filter(Wanted wanted, Allowed allowed);

  /// Gaps pass: they may be of anything.
  bool passes(const RecordView& record) const {
    if (passes_everything_ || !record.is_of_device()) return true;
    return judge(record);
  }
  bool passes_everything() const { return passes_everything_; }

 private:
  bool judge(const RecordView& record) const;

  Wanted wanted_;  // `devices` are sorted
  Allowed allowed_;
  bool passes_everything_ = true;
};

}  // namespace ringgate::events
