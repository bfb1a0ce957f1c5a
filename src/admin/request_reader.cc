#include "admin/request_reader.h"

#include <utility>

#include "base/assert.h"

namespace ringgate::admin {

ReadProgress RequestReader::read(ByteView input) {
  return body_ ? read_body(input) : read_head(input);
}

/// Most heads arrive whole and are parsed where they lie; one that does not is gathered, and parsing goes on
/// where it stopped.
ReadProgress RequestReader::read_head(ByteView input) {
  if (input.empty()) return {};
  const std::size_t bytes_before = head_bytes_.size();
  if (bytes_before > 0) head_bytes_.insert(head_bytes_.end(), input.begin(), input.end());
  const ByteView all = bytes_before > 0 ? ByteView{head_bytes_} : input;

  const http::HeadVerdict verdict = parser_.resume(all);
  switch (verdict.status) {
    case http::HeadStatus::need_more:
      if (bytes_before == 0) head_bytes_.assign(input.begin(), input.end());
      return {.consumed_bytes = input.size()};
    case http::HeadStatus::rejected:
      return {.status = ReadStatus::rejected, .rejection = verdict.rejection};
    case http::HeadStatus::complete:
      break;
  }
  if (const auto rejection = take_head(parser_.view(all)))
    return {.status = ReadStatus::rejected, .rejection = *rejection};
  parser_.reset();
  head_bytes_.clear();
  return {.status = body_ ? ReadStatus::body_follows : ReadStatus::complete,
          .consumed_bytes = verdict.head_bytes - bytes_before};
}

/// Copies what is needed of the head, and prepares for the body if there is one.
std::optional<http::Rejection> RequestReader::take_head(const http::RequestView& view) {
  const auto framing = http::body_framing(view);
  if (!framing) return framing.error();
  const auto expects_continue = http::expects_continue(view);
  if (!expects_continue) return expects_continue.error();
  http::BodyReader body{*framing, body_bytes_max_};
  if (const auto checked = body.check_length(); !checked) return checked.error();

  const bool closes = view.is_http10() || view.list_has_token("Connection", "close");
  request_ = {
      .method = view.method(),
      .persistence = closes ? http::Persistence::close : http::Persistence::keep_alive,
      .has_origin = view.field("Origin").has_value(),
      // Only with the connection option is it meant for this server (RFC 9110 section 7.8).
      .asks_for_upgrade = view.field("Upgrade").has_value() && view.list_has_token("Connection", "upgrade"),
      .expects_continue = *expects_continue,
      .path = std::string(view.path()),
      .query = std::string(view.query()),
  };
  if (view.count_fields("Content-Type") == 1) request_.content_type = *view.field("Content-Type");
  if (framing->has_body()) body_.emplace(std::move(body));
  return std::nullopt;
}

ReadProgress RequestReader::read_body(ByteView input) {
  const auto progress = body_->read(input, request_.body);
  if (!progress) return {.status = ReadStatus::rejected, .rejection = progress.error()};
  return {.status = progress->complete ? ReadStatus::complete : ReadStatus::need_more,
          .consumed_bytes = progress->consumed_bytes};
}

Request RequestReader::take() {
  body_.reset();
  return std::exchange(request_, {});
}

}  // namespace ringgate::admin
