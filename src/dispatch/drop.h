// The built-in handler that answers nothing: for routes whose messages only go upstream. Has no state; any thread.
#pragma once

#include "ringgate/handler.h"

namespace ringgate::dispatch {

class DropHandler final : public Handler {
 public:
  void on_message(Connection&, MessageView) override {}
};

}  // namespace ringgate::dispatch
