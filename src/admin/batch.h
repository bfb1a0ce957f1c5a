// A batch of pushes: lines of JSON in, a line with the result of each out, both as they come.
//
// The stream of one POST /v1/messages:batch. Owned by the admin session; owner shard. Invariants: each line that was begun gets exactly one
// result; at most limits::batch_lines_open_max pushes are under way; the caller is not read from while they are, or while it does not read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "admin/push_line.h"
#include "admin/stream.h"
#include "dispatch/push_service.h"
#include "ringgate/push.h"

namespace ringgate::admin {

struct BatchRules {
  std::string prefix;                                          // of ids that the caller reaches; empty: all
  std::shared_ptr<const dispatch::Selection> reach = nullptr;  // that connections must meet beside it; null: nothing
  IdCharacters id_characters = IdCharacters::strict;
  std::size_t line_bytes_max = 0;
};

class Batch final : public Stream {
 public:
  /// `pushes` outlives the stream.
  Batch(dispatch::PushService& pushes, BatchRules rules);
  ~Batch() override;

  void on_open(const StreamPort& port) override;
  void on_input(ByteView bytes) override;
  void on_input_end() override;
  bool on_turn() override;
  void on_drain() override;
  bool outlives_input() const override { return true; }  // the results of what was sent are still to come

 private:
  /// What the results of pushes refer to, which may come when the stream is gone.
  struct Results {
    std::string waiting;  // whole lines, not yet written
    std::uint64_t open_count = 0;
    std::uint64_t delivered_count = 0;
  };

  void read_lines();
  bool take_line();
  void push(std::string_view line);
  void refuse_line(Refusal refusal, const std::optional<std::string>& id = {});
  void flush();
  void finish_if_done();

  dispatch::PushService& pushes_;
  const BatchRules rules_;
  StreamPort port_;
  std::shared_ptr<Results> results_ = std::make_shared<Results>();
  std::string input_;
  std::size_t read_bytes_ = 0;      // of `input_`: lines that were begun
  std::size_t searched_bytes_ = 0;  // behind those: they hold no LF
  std::uint64_t lines_count_ = 0;
  bool skips_line_ = false;  // the rest of a line that was too long
  bool lacks_room_ = false;  // lines wait for nothing but room in the output
  bool input_ended_ = false;
  bool is_finished_ = false;
};

}  // namespace ringgate::admin
