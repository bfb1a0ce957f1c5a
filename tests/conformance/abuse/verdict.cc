#include "verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bytes.h"

namespace ringgate::abuse {

namespace {

std::string mismatch(const WantedAnswer& wanted, const SeenAnswer& seen) {
  if (wanted.status != seen.status) return fmt::format("status {} instead of {}", seen.status, wanted.status);
  if (wanted.closes && !seen.closes()) return "no Connection: close";
  for (const std::string& line : wanted.lines)
    if (!seen.head.contains("\r\n" + line + "\r\n")) return "no field line '" + line + "' in " + printable(seen.head);
  for (const std::string& text : wanted.texts_not)
    if (seen.head.contains(text)) return "its head has '" + printable(text) + "'";
  if (wanted.has_no_body && !seen.body.empty()) return "it has a body";
  if (!wanted.has_no_body && seen.lacks_body) return "its body is missing";
  // A row with a key of its own says what belongs to it.
  const bool has_own_key =
      std::ranges::any_of(wanted.lines, [](const std::string& line) { return line.starts_with("Sec-WebSocket-Accept: "); });
  if (seen.status == 101 && !has_own_key && !seen.head.contains(good_accept_line)) return "no proper Sec-WebSocket-Accept";
  return "";
}

std::string mismatch(const std::vector<WantedFrame>& wanted, const std::vector<WantedFrame>& seen) {
  if (wanted.size() != seen.size()) return fmt::format("{} frames instead of {}", seen.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].opcode != seen[i].opcode) return fmt::format("frame {} is of another kind", i);
    if (wanted[i].payload != seen[i].payload) return fmt::format("frame {} holds {}", i, printable(seen[i].payload));
  }
  return "";
}

}  // namespace

std::string mismatch(const Verdict& verdict, const Outcome& outcome) {
  const WireView& view = outcome.view;
  if (!view.fault().empty()) return view.fault();
  if (verdict.afterwards == Afterwards::unseen) return "";
  if (view.answers().size() != verdict.answers.size())
    return fmt::format("{} answers instead of {}", view.answers().size(), verdict.answers.size());
  for (std::size_t i = 0; i < verdict.answers.size(); ++i)
    if (std::string fault = mismatch(verdict.answers[i], view.answers()[i]); !fault.empty())
      return fmt::format("answer {}: {}", i, fault);
  if (std::string fault = mismatch(verdict.frames, view.frames()); !fault.empty()) return fault;
  if (verdict.close_code.has_value() != view.close().has_value()) return view.close() ? "a Close frame" : "no Close frame";
  if (view.close() && view.close()->code != *verdict.close_code)
    return fmt::format("close code {} instead of {}", view.close()->code, *verdict.close_code);
  if (verdict.close_reason && view.close()->reason != *verdict.close_reason) return "another close reason";
  if ((verdict.afterwards == Afterwards::ended) != view.has_ended())
    return view.has_ended() ? "it was ended" : "it was not ended";
  if (verdict.afterwards == Afterwards::alive && !outcome.answered_probe) return "it is dead";
  if (verdict.pushes != outcome.pushes)
    return fmt::format("{} pushes instead of {}", outcome.pushes.size(), verdict.pushes.size());
  return "";
}

std::string mismatch(const Case& one, const Outcome& outcome) {
  std::string fault;
  for (const Verdict& verdict : one.accepted) {
    fault = mismatch(verdict, outcome);
    if (fault.empty()) return "";
  }
  return fault + "; seen: " + outcome.view.text();
}

bool is_complete(const Verdict& verdict, const WireView& view) {
  if (view.has_ended() || !view.fault().empty()) return true;
  return verdict.afterwards != Afterwards::ended && view.answers().size() >= verdict.answers.size() &&
         view.frames().size() >= verdict.frames.size();
}

bool is_refusal(const Verdict& verdict) {
  if (!verdict.answers.empty()) return verdict.answers.back().closes && verdict.answers.back().status >= 400;
  constexpr std::array<std::uint16_t, 4> refusing{1002, 1007, 1008, 1009};
  return verdict.close_code && std::ranges::find(refusing, *verdict.close_code) != refusing.end();
}

}  // namespace ringgate::abuse
