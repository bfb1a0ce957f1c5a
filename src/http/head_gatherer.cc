#include "http/head_gatherer.h"

#include "http/foreign_protocol.h"

namespace ringgate::http {

GatheredHead HeadGatherer::read(ByteView input) {
  const std::size_t bytes_before = bytes_.size();
  if (bytes_before > 0) bytes_.insert(bytes_.end(), input.begin(), input.end());
  head_ = bytes_before > 0 ? ByteView{bytes_} : input;
  const HeadVerdict verdict = parser_.resume(head_);
  switch (verdict.status) {
    case HeadStatus::need_more:
      if (bytes_before == 0) bytes_.assign(input.begin(), input.end());
      return {.consumed_bytes = input.size()};
    case HeadStatus::rejected:
      return {.status = HeadStatus::rejected, .rejection = foreign_protocol(head_).value_or(verdict.rejection)};
    case HeadStatus::complete: break;
  }
  return {.status = HeadStatus::complete, .consumed_bytes = verdict.head_bytes - bytes_before};
}

void HeadGatherer::reset() {
  parser_.reset();
  bytes_.clear();
  head_ = {};
}

}  // namespace ringgate::http
