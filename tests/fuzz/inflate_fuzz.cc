// Inflating whatever a client sends, as up to three messages of one connection. Oracles: verdict and bytes = a slow
// reference of RFC 1951, under every ceiling and window, with and without context; no byte beyond the ceiling is kept;
// the history is the end of all that was inflated; and the pool gets back what it lent.
//
// Input: byte 0 = window bits less 8 (bits 0-2), context kept (bit 3), the full window (bit 4), messages (bits 5-6);
// two bytes of ceiling; then the messages, each but the last with its size in a byte before it.
//
// Tests: src/ws/inflater.* src/ws/window_check.* src/ws/deflate_parameters.h src/ws/message_assembly.*
#include <string>

#include "fuzz_case.h"
#include "support/reference_inflater.h"
#include "ws/inflater.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using ringgate::test::ReferenceInflater;
using namespace ringgate::ws;

using Verdict = ReferenceInflater::Verdict;

Verdict verdict_of(Violation violation) {
  require(violation == Violation::message_too_big || violation == Violation::compressed_data_invalid,
          "only size and data are at fault");
  return violation == Violation::message_too_big ? Verdict::too_big : Verdict::invalid;
}

/// The last 2^bits bytes of both.
void extend(std::string& history, std::string_view message, std::uint8_t window_bits) {
  history += message;
  const std::size_t bytes_max = std::size_t{1} << window_bits;
  if (history.size() > bytes_max) history.erase(0, history.size() - bytes_max);
}

class Connection {
 public:
  Connection(Inflater& inflater, AssemblyPool& pool, const InflateRules& rules, bool keeps_context)
      : inflater_(inflater), pool_(pool), rules_(rules), keeps_context_(keeps_context), history_(rules.window_bits) {
    expected_history_.clear();
  }

  /// False if the message was refused, which ends the connection.
  bool receive(ByteView payload) {
    static ReferenceInflater reference;
    Verdict expected = reference.inflate(payload, bytes_of(expected_history_), rules_.bytes_max, expected_);
    if (expected == Verdict::good && reference.farthest() > std::size_t{1} << rules_.window_bits) expected = Verdict::invalid;

    const auto inflated = inflater_.inflate(payload, rules_, keeps_context_ ? &history_ : nullptr);
    require(inflater_.cost_ns() > 0, "inflating has a cost");
    if (!inflated) {
      require(verdict_of(inflated.error()) == expected, "refused = reference");
      return false;
    }
    require(expected == Verdict::good, "taken = reference");
    require(text_of(inflated->payload) == expected_, "inflated = reference");
    require(inflated->payload.size() <= rules_.bytes_max, "no byte beyond the ceiling");
    std::memset(inflated->payload.data() - AssemblyBuffer::room_bytes, 0xEE,
                AssemblyBuffer::room_bytes + inflated->payload.size());  // the caller's, with the room before it
    pool_.recycle(inflated->buffer);
    if (keeps_context_) extend(expected_history_, expected_, rules_.window_bits);
    require(text_of(history_.bytes()) == expected_history_, "history = the end of what was inflated");
    return true;
  }

 private:
  static inline std::string expected_;
  static inline std::string expected_history_;
  Inflater& inflater_;
  AssemblyPool& pool_;
  InflateRules rules_;
  bool keeps_context_;
  InflateHistory history_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static AssemblyPool pool(1U << 24);
  static Inflater inflater(pool);  // kept from run to run, as a shard keeps it from connection to connection
  Choices choices(data, size);
  const unsigned form = choices.byte();
  const auto small_window = static_cast<std::uint8_t>(window_bits_min + form % 8);
  const InflateRules rules{.bytes_max = choices.number16(), .window_bits = (form & 16) != 0 ? window_bits_max : small_window};
  ByteView rest = choices.rest();
  Connection connection(inflater, pool, rules, (form & 8) != 0);
  bool open = true;
  for (unsigned more = form >> 5U & 3U; open && more > 0 && !rest.empty(); --more) {
    const std::size_t bytes = std::min<std::size_t>(rest[0], rest.size() - 1);
    open = connection.receive(rest.subspan(1, bytes));
    rest = rest.subspan(1 + bytes);
  }
  if (open) connection.receive(rest);
  require(pool.held_bytes() == pool.cached_bytes(), "what the pool lent it has back");
  return 0;
}
