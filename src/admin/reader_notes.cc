#include "admin/reader_notes.h"

#include <utility>
#include <vector>

#include "admin/audit_trail.h"
#include "base/log.h"

namespace ringgate::admin {
namespace {

void write(log::Level level, std::string_view message, const std::string& caller, const Remote& remote, std::string_view reason) {
  const std::string address = remote.peer.text();
  std::vector<log::Field> fields{{"caller", caller}, {"remote", address}};
  add_process(fields, remote.process);
  if (!reason.empty()) fields.emplace_back("reason", reason);
  log::write(level, message, fields);
}

}  // namespace

void ReaderNotes::begin() const { write(log::Level::info, messages_.begins, caller_, remote_, {}); }

void ReaderNotes::end(std::string_view reason) {
  if (!std::exchange(has_ended_, true)) write(log::Level::info, messages_.ends, caller_, remote_, reason);
}

void ReaderNotes::cut(std::string_view reason) {
  if (!std::exchange(has_ended_, true)) write(log::Level::warning, messages_.ends, caller_, remote_, reason);
}

}  // namespace ringgate::admin
