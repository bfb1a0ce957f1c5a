// What a peer sees of the gate: HTTP answers, then frames, taken apart as they come and decompressed.
//
// Judges only what no server may ever send (masked or fragmented frames, reserved bits, a frame after Close); everything else is
// for verdict.h. Its own reader, not the gate's codec.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deflate.h"
#include "list.h"

namespace ringgate::abuse {

struct SeenAnswer {
  int status = 0;
  std::string head;
  std::string body;
  bool lacks_body = false;  // its head announces a body that never came

  bool closes() const { return head.find("\r\nConnection: close\r\n") != std::string::npos; }
};

struct SeenClose {
  std::uint16_t code = 1005;
  std::string reason;
};

class WireView {
 public:
  void take(std::string_view bytes);
  void take_end();

  const std::vector<SeenAnswer>& answers() const { return answers_; }  // final ones
  int continues_count() const { return continues_count_; }             // 100 (Continue)
  const std::vector<WantedFrame>& frames() const { return frames_; }
  const std::optional<SeenClose>& close() const { return close_; }
  bool has_ended() const { return has_ended_; }
  bool is_upgraded() const { return !answers_.empty() && answers_.front().status == 101; }
  const std::string& fault() const { return fault_; }

  /// Forgets the oldest answer, or the newest frame.
  void drop_first_answer() { answers_.erase(answers_.begin()); }
  void drop_last_frame() { frames_.pop_back(); }
  void drop_last_answer() { answers_.pop_back(); }

  /// All of it in one line; two deliveries of the same bytes must give the same.
  std::string text() const;

 private:
  void read();
  bool read_answer();
  bool read_frame();
  bool inflate(std::string& payload);
  void read_close(const std::string& payload);

  std::string input_;
  bool speaks_frames_ = false;
  std::shared_ptr<Inflation> inflation_;  // null: no extension was agreed on
  std::vector<SeenAnswer> answers_;
  int continues_count_ = 0;
  std::vector<WantedFrame> frames_;
  std::optional<SeenClose> close_;
  bool has_ended_ = false;
  std::string fault_;
};

/// `bytes` for people: printable, and cut.
std::string printable(std::string_view bytes);

}  // namespace ringgate::abuse
