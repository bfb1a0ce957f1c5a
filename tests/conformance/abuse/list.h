// The abuse list as data: what one peer does on one connection, and what the gate must make of it.
//
// Read from rows/*.rows (list_reader.h); docs/conformance/abuse-list.md describes the notation. Plain values, no behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ws/opcode.h"

namespace ringgate::abuse {

/// One thing a peer does.
struct Step {
  enum class Kind : std::uint8_t { send, drip, wait, finish, reset, stop_reading, resume_reading };
  Kind kind = Kind::send;
  std::string bytes;        // send, drip
  DurationNs duration = 0;  // wait; drip: between two bytes
};

struct WantedAnswer {
  int status = 0;
  bool closes = false;                 // says `Connection: close`, and means it
  std::vector<std::string> lines;      // field lines its head must have
  std::vector<std::string> texts_not;  // what its head must not contain
  bool has_no_body = false;
};

struct WantedFrame {
  ws::Opcode opcode;
  std::string payload;
};

/// What the connection is like after everything that was wanted has come.
enum class Afterwards : std::uint8_t {
  alive,   // and answers the next request or ping
  silent,  // open, and nothing comes: a message or a request is half there
  ended,
  unseen,  // the peer has reset it: what it gets to see is chance, what the gate keeps is not
};

struct Verdict {
  std::vector<WantedAnswer> answers;
  std::vector<WantedFrame> frames;
  std::optional<std::uint16_t> close_code;  // 1005: a Close without one
  std::optional<std::string> close_reason;
  Afterwards afterwards = Afterwards::alive;
  std::vector<std::string> pushes;  // what reaches the device that good pushes are for
};

enum class Port : std::uint8_t { devices, admin };
enum class Place : std::uint8_t { everywhere, simulated, real };

struct Case {
  std::string text;  // as written
  int line = 0;
  Port port = Port::devices;
  std::string opening;  // a good handshake that is answered before the steps begin; empty: none
  std::vector<Step> steps;
  std::vector<Verdict> accepted;      // any of them
  std::vector<std::string> settings;  // "limits.send_queue=64KiB"
  Place place = Place::everywhere;

  bool is_timed() const {
    for (const Step& step : steps)
      if (step.duration != 0) return true;
    return false;
  }
};

struct Row {
  enum class Kind : std::uint8_t {
    cases,      // the cases below
    code,       // and perhaps cases: a function of the programs that `note` names, "simulated", "real" or both
    elsewhere,  // another test of this repository; `note` names it
    waits,      // for a feature; `note` names it
    left_out,   // `note` says why
  };
  std::string id;
  std::string title;
  Kind kind = Kind::cases;
  std::string note;
  std::vector<Case> cases;
};

struct Section {
  std::string file;   // "a_request_line.rows"
  std::string title;  // "A. Request line"
  std::vector<Row> rows;
};

}  // namespace ringgate::abuse
