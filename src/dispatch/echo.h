// The built-in handler: sends every message back with its type. Has no state; any thread.
#pragma once

#include "ringgate/handler.h"

namespace ringgate::dispatch {

class EchoHandler final : public Handler {
 public:
  void on_message(Connection& connection, MessageView) override { connection.echo(); }
};

}  // namespace ringgate::dispatch
