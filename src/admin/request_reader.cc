#include "admin/request_reader.h"

#include <utility>

#include "base/assert.h"

namespace ringgate::admin {

ReadProgress RequestReader::read(ByteView input) {
  return body_ ? read_body(input) : read_head(input);
}

ReadProgress RequestReader::read_head(ByteView input) {
  if (input.empty()) return {};
  const http::GatheredHead head = gatherer_.read(input);
  switch (head.status) {
    case http::HeadStatus::need_more:
      return {.consumed_bytes = head.consumed_bytes};
    case http::HeadStatus::rejected:
      return {.status = ReadStatus::rejected, .rejection = head.rejection};
    case http::HeadStatus::complete:
      break;
  }
  if (const auto rejection = take_head(gatherer_.view()))
    return {.status = ReadStatus::rejected, .rejection = *rejection};
  gatherer_.reset();
  return {.status = body_ ? ReadStatus::body_follows : ReadStatus::complete, .consumed_bytes = head.consumed_bytes};
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
