// The lines of the log about one reader of events: that it begins, and how it ends, once. For both ways to read them.
//
// A value of the stream that it is about; owner shard.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "admin/remote.h"

namespace ringgate::admin {

class ReaderNotes {
 public:
  /// The messages of the two lines; literals.
  struct Messages {
    std::string_view begins, ends;
  };
  /// `caller`: the name of its token, or what else lets it in.
  ReaderNotes(const Messages& messages, std::string caller, const Remote& remote)
      : messages_(messages), caller_(std::move(caller)), remote_(remote) {}

  void begin() const;
  /// It ends as readers do, or breaks a rule. `reason`: one word, or the rule.
  void end(std::string_view reason);
  /// The gate cuts it: events are lost to it unless it comes back in time, so this is a warning.
  void cut(std::string_view reason);
  bool has_ended() const { return has_ended_; }

 private:
  Messages messages_;
  std::string caller_;
  Remote remote_;
  bool has_ended_ = false;
};

}  // namespace ringgate::admin
