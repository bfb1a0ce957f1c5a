// Where a case happens: the simulated gate, or the binary behind real sockets. One interface, so that a row means the same in both.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "list.h"
#include "wire_view.h"

namespace ringgate::abuse {

/// `settings`, and those of the list unless a row sets its own: the hosts that the rows and the clients beside them name, so that
/// every other Host is refused throughout, and no limit on how often a device connects, since each delivery of a row is a connection.
/// A value "here:NAME" is the file NAME in the folder credentials.
std::vector<std::string> with_own_settings(std::vector<std::string> settings);

/// One connection, at the peer's end. Destroying it closes it.
class Channel {
 public:
  virtual ~Channel() = default;

  virtual void send(std::string_view bytes) = 0;
  virtual void finish() = 0;  // FIN
  virtual void reset() = 0;   // RST
  virtual void stop_reading() = 0;
  virtual void resume_reading() = 0;

  /// Ends a segment: what was sent so far reaches the gate before anything later does, as far as this world can tell.
  virtual void end_segment() = 0;
  virtual void wait(DurationNs duration) = 0;
  /// Until `holds`, or nothing more is to be expected: the simulated gate is at rest, or patience with the real one has ended.
  virtual void wait_until(const std::function<bool(const WireView&)>& holds) = 0;

  WireView& view() { return view_; }

 protected:
  WireView view_;
};

class World {
 public:
  virtual ~World() = default;

  /// A gate with these settings, and a witness for pushes if `port` is the admin's. An error in words; empty: none.
  virtual std::string prepare(const std::vector<std::string>& settings, Port port) = 0;
  virtual std::unique_ptr<Channel> connect(Port port) = 0;
  /// What reached the witness since the last call.
  virtual std::vector<std::string> take_pushes() = 0;
  /// What is not back where it was after `prepare`: slots, buffers, descriptors, operations. Empty: all is.
  virtual std::string leftovers() = 0;
};

}  // namespace ringgate::abuse
