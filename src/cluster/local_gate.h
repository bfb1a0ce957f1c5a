// What a cluster does to the gate that it belongs to. Any thread; nothing blocks. Each callback runs exactly once, on some thread.
#pragma once

#include <cstdint>
#include <string>

#include "cluster/wire.h"
#include "ringgate/connection_ref.h"
#include "ringgate/message.h"

namespace ringgate::cluster {

class LocalGate {
 public:
  virtual ~LocalGate() = default;

  /// To devices of this gate alone: nothing is asked elsewhere.
  virtual void push(const std::string& device_id, MessageView message, PushTerms terms, PushCallback on_result) = 0;
  virtual void close(const std::string& device_id, const CloseTerms& terms, CloseCallback on_result) = 0;
  virtual void describe(const std::string& device_id, DescribeCallback on_result) = 0;

  /// Closes a connection with 4409: another gate has the id. False: not now, so try again.
  virtual bool yield(const std::string& device_id, ConnectionRef connection) = 0;

  /// The gate's time as an epoch (dispatch/epochs.h), never below an epoch that it has issued.
  virtual std::uint64_t clock() = 0;
  /// From now on it issues epochs above `clock`. False: that is too far ahead to be followed.
  virtual bool follow(std::uint64_t clock) = 0;
};

}  // namespace ringgate::cluster
