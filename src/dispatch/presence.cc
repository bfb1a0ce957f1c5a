// Questions about one device without a message: closing it, extending its credential, changing its groups, describing it, and the takeover notice to the shard of a replaced
// connection. Part of PushService.
//
// A device may move to another connection while a question is on its way. The owner that was asked then answers "not here", and
// the question goes to the owner that the map names now. "Not here" is final if the map names no other owner: an id leaves the
// map when its connection leaves the open phase, on the owner's thread.
#include <algorithm>

#include "base/limits.h"
#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

/// The owner to ask next; nullopt if the map names none, or only the one that was asked last.
template <typename Question>
std::optional<device::ConnectionRef> PushService::next_owner(Question& question) {
  const auto owner = map_.find(question.key);
  if (!owner || *owner == question.asked) return std::nullopt;
  question.asked = *owner;
  ++question.owners_asked;
  return owner;
}

// -- Closing by id

void PushService::close_device(std::string_view device_id, CloseCode code, std::string reason, CloseCallback on_result) {
  const device::IdKey key = gate_.hash(device_id);
  if (is_elsewhere(key)) return close_elsewhere(device_id, code, reason, std::move(on_result));
  close_device(key, code, std::move(reason), std::move(on_result));
}

void PushService::close_device(device::IdKey key, CloseCode code, std::string reason, CloseCallback on_result) {
  close_everywhere({.key = key, .code = code, .reason = std::move(reason), .on_result = std::move(on_result)});
}

void PushService::extend_credential(std::string_view device_id, std::int64_t expires_at, CloseCallback on_result) {
  close_everywhere({.key = gate_.hash(device_id), .extend_to = expires_at, .on_result = std::move(on_result)});
}

void PushService::change_group(std::string_view device_id, GroupChange change, CloseCallback on_result) {
  close_everywhere({.key = gate_.hash(device_id), .group = std::move(change), .on_result = std::move(on_result)});
}

namespace {

/// Lends what the question needs on another shard.
std::uintptr_t lend_errand(const CloseQuestion& question) {
  if (question.extend_to) return reinterpret_cast<std::uintptr_t>(new std::int64_t(*question.extend_to));
  if (question.group) return reinterpret_cast<std::uintptr_t>(new GroupChange(*question.group));
  return reinterpret_cast<std::uintptr_t>(new std::string(question.reason));
}

/// Takes back what was lent for a request that was not posted.
void drop_errand(const Request& request) {
  if (request.kind == RequestKind::extend_credential) (void)take<std::int64_t>(request.owned);
  else if (request.kind == RequestKind::change_group) (void)take<GroupChange>(request.owned);
  else (void)take<std::string>(request.owned);
}

RequestKind kind_of(const CloseQuestion& question) {
  if (question.extend_to) return RequestKind::extend_credential;
  return question.group ? RequestKind::change_group : RequestKind::close_by_backend;
}

/// Of two outcomes without success the one that leaves more to do comes first.
int rank(CloseOutcome outcome) {
  switch (outcome) {
    case CloseOutcome::closed: return 0;
    case CloseOutcome::partly: return 1;
    case CloseOutcome::unknown_outcome: return 2;
    case CloseOutcome::backpressure: return 3;
    case CloseOutcome::moving: return 4;
    case CloseOutcome::stopping: return 5;
    case CloseOutcome::no_room: return 6;
    case CloseOutcome::unknown_device: return 7;
  }
  return 8;
}

/// A connection may be asked twice: by name, and as the one that holds the id. Once it was done, it is done.
void note_part(CloseResult& whole, const ClosePart& part) {
  const auto known = std::ranges::find(whole.parts, part.connection, &ClosePart::connection);
  if (known == whole.parts.end()) whole.parts.push_back(part);
  else if (rank(part.outcome) < rank(known->outcome)) known->outcome = part.outcome;
}

CloseOutcome outcome_of(std::vector<ClosePart>& parts) {
  std::erase_if(parts, [](const ClosePart& part) { return part.outcome == CloseOutcome::unknown_device; });  // gone before
  if (parts.empty()) return CloseOutcome::unknown_device;
  const auto [best, worst] = std::ranges::minmax(parts, {}, [](const ClosePart& part) { return rank(part.outcome); });
  return best.outcome == CloseOutcome::closed && worst.outcome != CloseOutcome::closed ? CloseOutcome::partly : best.outcome;
}

}  // namespace

/// Each connection of a device with several is asked for itself, so that a shard that cannot be reached keeps no other back. Those that
/// a look-up of one moment named are asked by name, the newest as the one that holds the id.
void PushService::close_everywhere(CloseQuestion whole) {
  const std::vector<device::ConnectionRef> several = all_of(whole.key);
  if (several.empty()) return close_where_it_is(std::make_unique<CloseQuestion>(std::move(whole)));
  const auto sum = std::make_shared<CloseSum>(CloseSum{.parts_open = several.size(), .on_result = std::move(whole.on_result)});
  for (const device::ConnectionRef connection : several) {
    const bool is_by_name = connection != several.back();
    close_where_it_is(std::make_unique<CloseQuestion>(CloseQuestion{.key = whole.key,
                                                                    .code = whole.code,
                                                                    .reason = whole.reason,
                                                                    .extend_to = whole.extend_to,
                                                                    .group = whole.group,
                                                                    .on_result = {},
                                                                    .sum = sum,
                                                                    .asked = is_by_name ? connection : device::ConnectionRef{},
                                                                    .is_by_name = is_by_name}));
  }
}

void PushService::finish_close(CloseQuestion& question, CloseOutcome outcome) {
  if (question.sum == nullptr) return question.on_result(outcome);
  CloseSum& sum = *question.sum;
  note_part(sum.result, {outcome, to_public(question.asked)});
  if (--sum.parts_open > 0) return;
  sum.result.outcome = outcome_of(sum.result.parts);
  sum.on_result(sum.result);
}

/// unknown_device: the connection is gone, or not open any more.
CloseOutcome PushService::carry_out_here(const Request& request, const CloseQuestion& question) {
  const auto outcome_of = [](bool done) { return done ? CloseOutcome::closed : CloseOutcome::unknown_device; };
  if (!question.extend_to && !question.group) return outcome_of(close_here(request, question.reason));
  conn::Connection* connection = devices_.find(request.target, request.key);
  if (connection == nullptr) return CloseOutcome::unknown_device;
  if (question.group) return devices_.change_group(*connection, *question.group);
  return outcome_of(devices_.extend_credential(*connection, *question.extend_to));
}

/// The connection to ask next; nullopt: all have been asked. Whoever holds the id is followed from owner to owner.
std::optional<device::ConnectionRef> PushService::next_to_close(CloseQuestion& question) {
  if (!question.is_by_name) return question.owners_asked < limits::owners_asked_max ? next_owner(question) : std::nullopt;
  return std::exchange(question.owners_asked, 1) == 0 ? std::optional(question.asked) : std::nullopt;
}

void PushService::close_where_it_is(std::unique_ptr<CloseQuestion> question) {
  while (const auto target = next_to_close(*question)) {
    Request request{
        .kind = kind_of(*question), .code = static_cast<std::uint16_t>(question->code), .target = *target, .key = question->key};
    if (target->shard == shard_index_) {
      const CloseOutcome outcome = carry_out_here(request, *question);
      if (outcome != CloseOutcome::unknown_device) return finish_close(*question, outcome);
      continue;
    }
    request.owned = lend_errand(*question);
    request.ticket = tickets_.open({std::move(question), *target}, Tickets::Patience::question, clock());
    if (ask(target->shard, request)) return;
    drop_errand(request);
    Ticket unasked = *tickets_.take(request.ticket);
    return finish_close(*std::get<std::unique_ptr<CloseQuestion>>(unasked.waiter), CloseOutcome::backpressure);
  }
  const bool keeps_moving =
      !question->is_by_name && question->owners_asked >= limits::owners_asked_max && map_.find(question->key);
  finish_close(*question, keeps_moving ? CloseOutcome::moving : CloseOutcome::unknown_device);
}

void PushService::on_close_reply(std::unique_ptr<CloseQuestion> question, CloseOutcome outcome) {
  if (outcome != CloseOutcome::unknown_device) return finish_close(*question, outcome);
  close_where_it_is(std::move(question));
}

/// True if this call began the closing handshake.
bool PushService::close_here(const Request& request, std::string_view reason) {
  conn::Connection* connection = devices_.find(request.target, request.key);
  if (connection == nullptr) return false;
  if (request.kind == RequestKind::close_replaced) return devices_.close(*connection, CloseCode::replaced, reason);
  return devices_.close(*connection, static_cast<CloseCode>(request.code), reason, EndedBy::backend);
}

void PushService::serve_close(std::uint32_t from, const Request& request) {
  const auto reason = take<std::string>(request.owned);
  answer(from, request.ticket, CloseReply{close_here(request, *reason) ? CloseOutcome::closed : CloseOutcome::unknown_device});
}

void PushService::serve_extension(std::uint32_t from, const Request& request) {
  const auto expires_at = take<std::int64_t>(request.owned);
  conn::Connection* connection = devices_.find(request.target, request.key);
  const bool done = connection != nullptr && devices_.extend_credential(*connection, *expires_at);
  answer(from, request.ticket, CloseReply{done ? CloseOutcome::closed : CloseOutcome::unknown_device});
}

void PushService::serve_group_change(std::uint32_t from, const Request& request) {
  const auto change = take<GroupChange>(request.owned);
  conn::Connection* connection = devices_.find(request.target, request.key);
  answer(from, request.ticket,
         CloseReply{connection == nullptr ? CloseOutcome::unknown_device : devices_.change_group(*connection, *change)});
}

// -- Takeover

void PushService::notify_replaced(device::ConnectionRef replaced, device::IdKey key) {
  const Request request{.kind = RequestKind::close_replaced, .target = replaced, .key = key};
  if (replaced.shard == shard_index_) (void)close_here(request, "replaced");
  else ask_in_order(replaced.shard, request);
}

// -- Presence

void PushService::describe(std::string_view device_id, Detail detail, DescribeCallback on_result) {
  const device::IdKey key = gate_.hash(device_id);
  if (is_elsewhere(key)) return describe_elsewhere(device_id, std::move(on_result));
  describe(key, detail, std::move(on_result));
}

void PushService::describe(device::IdKey key, Detail detail, DescribeCallback on_result) {
  describe_where_it_is(std::make_unique<DescribeQuestion>(
      DescribeQuestion{.key = key, .detail = detail, .on_result = std::move(on_result), .asked = {}}));
}

void PushService::describe_where_it_is(std::unique_ptr<DescribeQuestion> question) {
  while (question->owners_asked < limits::owners_asked_max) {
    const auto owner = next_owner(*question);
    if (!owner) return question->on_result({DescribeOutcome::unknown_device, nullptr});
    if (owner->shard == shard_index_) {
      auto device = describe_here(*owner);
      if (device == nullptr) continue;
      if (question->detail == Detail::record) return question->on_result({DescribeOutcome::found, std::move(device)});
      return add_link(std::move(device), *owner, [on_result = std::move(question->on_result)](auto described) mutable {
        on_result({DescribeOutcome::found, std::move(described)});
      });
    }
    if (overdue_[owner->shard] > 0) break;  // that shard does not answer now: do not wait for it again
    const auto detail = static_cast<std::uint16_t>(question->detail);
    const TicketName ticket = tickets_.open({std::move(question), *owner}, Tickets::Patience::question, clock());
    if (ask(owner->shard, {.kind = RequestKind::describe, .code = detail, .ticket = ticket, .target = *owner})) return;
    question = std::move(std::get<std::unique_ptr<DescribeQuestion>>(tickets_.take(ticket)->waiter));
    break;
  }
  question->on_result({DescribeOutcome::unavailable, nullptr});
}

void PushService::on_describe_reply(std::unique_ptr<DescribeQuestion> question, DescribeResult result) {
  if (result.outcome == DescribeOutcome::unknown_device) return describe_where_it_is(std::move(question));
  question->on_result(std::move(result));
}

/// Null if that connection is not open.
std::unique_ptr<DeviceInfo> PushService::describe_here(device::ConnectionRef ref) {
  conn::Connection* connection = devices_.find(ref);
  if (connection == nullptr || !devices_.is_open_device(ref.slot)) return nullptr;
  return std::make_unique<DeviceInfo>(devices_.describe(*connection));
}

void PushService::serve_describe(std::uint32_t from, const Request& request) {
  auto device = describe_here(request.target);
  if (device == nullptr) return answer(from, request.ticket, DescribeReply{DescribeOutcome::unknown_device, 0});
  const auto answer_with = [this, from, ticket = request.ticket](std::unique_ptr<DeviceInfo> described) {
    answer(from, ticket, DescribeReply{DescribeOutcome::found, reinterpret_cast<std::uintptr_t>(described.release())});
  };
  if (static_cast<Detail>(request.code) == Detail::record) return answer_with(std::move(device));
  add_link(std::move(device), request.target, answer_with);
}

}  // namespace ringgate::dispatch
