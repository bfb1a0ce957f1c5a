// The right and the duty to answer one request. A value: it may outlive its connection, and an answer is then dropped.
#pragma once

#include <utility>

#include "admin/answer.h"
#include "admin/answer_ticket.h"

namespace ringgate::admin {

/// Takes answers. Implemented by the session; outlives every Responder.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void answer(const AnswerTicket& ticket, Answer answer) = 0;
};

/// Passed to the endpoint of a request, which answers exactly once: at once or some turns later. Owner shard.
class Responder {
 public:
  Responder(AnswerSink& sink, const AnswerTicket& ticket) : sink_(&sink), ticket_(ticket) {}

  void answer(Answer answer) const { sink_->answer(ticket_, std::move(answer)); }
  const AnswerTicket& ticket() const { return ticket_; }
  void refuse(Refusal refusal) const { answer(Answer::refuse(refusal)); }

 private:
  AnswerSink* sink_;
  AnswerTicket ticket_;
};

}  // namespace ringgate::admin
