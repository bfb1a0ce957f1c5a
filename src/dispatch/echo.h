// The built-in handler: every message comes back with its type kept.
#pragma once

#include "ringgate/handler.h"

namespace ringgate::dispatch {

class EchoHandler final : public Handler {
 public:
  void on_message(Connection& connection, MessageView) override { connection.echo(); }
};

}  // namespace ringgate::dispatch
