// The right, and the duty, to answer one request: a value that outlives the connection it is for.
#pragma once

#include <cstdint>

#include "admin/answer.h"

namespace ringgate::admin {

/// Names one request. Generation and sequence make a name that is used too late mean nobody.
struct AnswerTicket {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint32_t sequence = 0;
};

/// Where answers go. Implemented by the session; lives longer than every Responder.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void answer(const AnswerTicket& ticket, Answer answer) = 0;
};

/// Passed to whoever serves a request, who answers exactly once: at once or turns later. Owner shard.
class Responder {
 public:
  Responder(AnswerSink& sink, const AnswerTicket& ticket) : sink_(&sink), ticket_(ticket) {}

  void answer(Answer answer) const { sink_->answer(ticket_, std::move(answer)); }
  void refuse(Refusal refusal) const { answer(Answer::refuse(refusal)); }

 private:
  AnswerSink* sink_;
  AnswerTicket ticket_;
};

}  // namespace ringgate::admin
