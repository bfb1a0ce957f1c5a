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

void HeadGatherer::keep() {
  const std::size_t head_bytes = parser_.resume(head_).head_bytes;  // the same verdict again
  if (bytes_.empty()) bytes_.assign(head_.begin(), head_.begin() + static_cast<std::ptrdiff_t>(head_bytes));
  else bytes_.resize(head_bytes);
  bytes_.shrink_to_fit();
  head_ = bytes_;
}

void HeadGatherer::reset() {
  parser_.reset();
  bytes_.clear();
  head_ = {};
}

}  // namespace ringgate::http
