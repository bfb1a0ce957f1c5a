#include "admin/audit_trail.h"

#include <utility>
#include <vector>

#include "http/trace_parent.h"

namespace ringgate::admin {

void AuditTrail::write(const AuditNote& note, const Answer& answer) {
  const std::string remote = note.remote.peer.text();
  std::vector<log::Field> fields{{"who", note.caller->name}, {"what", note.what}};
  if (!note.device_id.empty()) fields.emplace_back("device_id", note.device_id);
  fields.emplace_back("outcome", answer.refusal ? facts_of(*answer.refusal).status : answer.status);
  if (answer.refusal) fields.emplace_back("reason", facts_of(*answer.refusal).reason);
  fields.emplace_back("remote", remote);
  add_process(fields, note.remote.process);
  if (const auto trace = http::parse_trace_parent(note.trace_parent)) {
    fields.emplace_back("trace_id", trace->trace_id);
    fields.emplace_back("parent_id", trace->parent_id);
  }
  log::write(note.level, "admin call", fields);
}

void add_process(std::vector<log::Field>& fields, const std::optional<ring::PeerProcess>& process) {
  if (!process) return;
  fields.emplace_back("uid", process->uid);
  fields.emplace_back("pid", process->pid);
}

Responder AuditTrail::follow(const Responder& responder, AuditNote note) {
  open_.insert_or_assign(responder.ticket(), Entry{std::move(note), responder});
  return {*this, responder.ticket()};
}

void AuditTrail::answer(const AnswerTicket& ticket, Answer answer) {
  auto entry = open_.extract(ticket);
  write(entry.mapped().note, answer);
  entry.mapped().responder.answer(std::move(answer));
}

}  // namespace ringgate::admin
