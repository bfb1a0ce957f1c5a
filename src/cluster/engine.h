// The messaging engine that a cluster stands on: publish and subscribe by subject, with an answer at once where nobody listens.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace ringgate::cluster {

/// One message between gates.
struct Letter {
  std::string subject;
  std::string answer_to;  // the subject that answers go to; empty: none is wanted
  std::string act;        // what is asked: see wire.h
  std::string terms;      // JSON, or empty
  std::string body;
  bool nobody_listens = false;  // the engine's own answer: there was no subscriber
};

/// Whoever owns an engine hears from it. Any thread of the engine; must not block.
class EngineListener {
 public:
  virtual ~EngineListener() = default;
  virtual void on_letter(Letter letter) = 0;
  /// There is something to tend.
  virtual void on_state() = 0;
};

/// Of several gates that listen on a subject.
enum class Hearing : std::uint8_t {
  all_of_us,
  one_of_us,  // each letter reaches exactly one of them, so its answer is the whole answer
};

/// What became of a letter.
enum class Sent : std::uint8_t {
  sent,
  down,       // the engine is away: it was not sent, and will not be
  too_large,  // the engine takes no letter of this size
};

class Engine {
 public:
  virtual ~Engine() = default;  // then the listener is called no more
  virtual void start(EngineListener& listener) = 0;

  // The owner's thread alone. May wait for a socket, never longer than its write deadline.
  /// Connects, and looks after the connection. Whether letters can be sent, and the server knows all that is listened to.
  virtual bool tend(TimeNs now) = 0;
  /// When it must be tended at the latest.
  virtual TimeNs due_at() const = 0;
  /// From now on letters to the subject come, as long as the engine is up.
  virtual void listen(const std::string& subject, Hearing hearing = Hearing::all_of_us) = 0;
  virtual void unlisten(const std::string& subject) = 0;
  virtual Sent send(const Letter& letter) = 0;
};

}  // namespace ringgate::cluster
