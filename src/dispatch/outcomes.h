// The outcomes of questions between shards that carry no message. Those of pushes and broadcasts are in ringgate/push.h. Values.
#pragma once

#include <cstdint>

#include "ringgate/presence.h"

namespace ringgate::dispatch {

using ringgate::CloseCallback;
using ringgate::CloseOutcome;
using ringgate::ClosePart;
using ringgate::CloseResult;
using ringgate::DescribeCallback;
using ringgate::DescribeOutcome;
using ringgate::DescribeResult;
using ringgate::DeviceInfo;
using ringgate::LinkReading;
using ringgate::LinkStatus;

/// Outcome of posting to a shard from a thread without one.
enum class PostOutcome : std::uint8_t {
  posted,
  full,   // the shard's inlet is full
  ended,  // the gate's shards have ended
};

}  // namespace ringgate::dispatch
