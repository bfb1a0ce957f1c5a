// /v1/groups/{group}, its messages, and its devices.
#include "admin/admin_api.h"
#include "admin/close_refusal.h"
#include "admin/content_type.h"
#include "admin/device_selection.h"
#include "admin/json.h"
#include "admin/sweep_answer.h"

namespace ringgate::admin {
namespace {

constexpr std::array<std::string_view, 1> membership_parameters{"sticky"};

}  // namespace

void AdminApi::show_group(Call call) {
  push_service_.sweep(
      {.act = dispatch::Sweep::Act::count,
       .selection = selection_of({.prefix = {}, .group = std::string(call.group.view()), .route = {}}, call.caller),
       .message = {},
       .reason = {}},
      [responder = call.responder, group = std::string(call.group.view())](const BroadcastResult& result) {
        if (result.outcome != BroadcastOutcome::completed) return responder.answer(refusal_of(result));
        responder.answer(Answer::json(group_json(group, result.matched)));
      });
}

void AdminApi::message_group(Call call) {
  send_to_all(call, selection_of({.prefix = {}, .group = std::string(call.group.view()), .route = {}}, call.caller));
}

/// A lasting membership is noted first, so that a connection that comes meanwhile has it, too.
void AdminApi::join_group(Call call) {
  const auto parameters = Parameters::read_query(call.request.query, membership_parameters);
  const auto sticky = parameters ? parameters->flag("sticky") : std::nullopt;
  if (!sticky) return call.responder.refuse(Refusal::bad_parameters);
  const std::string group(call.group.view());
  const std::string id(call.device_id.view());
  if (*sticky && gate_.sticky_groups.add(gate_.hash(id), group) == dispatch::StickyGroups::Added::no_room)
    return call.responder.refuse(Refusal::groups_full);
  push_service_.change_group(id, {dispatch::GroupChange::Kind::join, group},
                             [responder = call.responder, group, id, sticky = *sticky](const dispatch::CloseResult& result) {
                               const bool is_online = result.outcome == dispatch::CloseOutcome::closed;
                               const bool waits = sticky && result.outcome == dispatch::CloseOutcome::unknown_device;
                               if (is_online || waits)
                                 return responder.answer(Answer::json(membership_json(group, id, sticky, is_online)));
                               responder.answer(failure_of(result, "joined"));
                             });
}

/// Done if the device is in the group neither by a connection nor for good.
void AdminApi::leave_group(Call call) {
  const std::string group(call.group.view());
  const bool was_sticky = gate_.sticky_groups.remove(gate_.hash(call.device_id.view()), group);
  push_service_.change_group(call.device_id.view(), {dispatch::GroupChange::Kind::leave, group},
                             [responder = call.responder, was_sticky](const dispatch::CloseResult& result) {
                               if (result.outcome == dispatch::CloseOutcome::closed) return responder.answer({.status = 204});
                               if (was_sticky && result.outcome == dispatch::CloseOutcome::unknown_device)
                                 return responder.answer({.status = 204});
                               responder.answer(failure_of(result, "left"));
                             });
}

}  // namespace ringgate::admin
