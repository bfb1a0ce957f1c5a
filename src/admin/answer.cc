#include "admin/answer.h"

#include "http/response.h"

namespace ringgate::admin {
namespace {

/// The head of an answer whose body follows piece by piece.
WrittenAnswer write_stream_head(const Answer& answer, const AnswerShape& shape, std::string_view date) {
  WrittenAnswer written{.closes = shape.persistence == http::Persistence::close || shape.is_http10, .status = answer.status};
  if (answer.status == 101) {
    written.closes = true;
    written.coding = BodyCoding::upgraded;
    http::append_upgrade_head(written.bytes, answer.body, date);
    return written;
  }
  written.coding = shape.is_http10 ? BodyCoding::identity : BodyCoding::chunked;
  http::append_stream_head(
      written.bytes,
      {.status = answer.status,
       .content_type = answer.content_type,
       .extra_fields = answer.extra_fields,
       .persistence = written.closes ? http::Persistence::close : http::Persistence::keep_alive,
       .date = date},
      written.coding == BodyCoding::chunked ? http::StreamFraming::chunked : http::StreamFraming::until_close);
  return written;
}

}  // namespace

WrittenAnswer write_answer(const Answer& answer, const AnswerShape& shape, std::string_view date) {
  if (answer.stream != nullptr && !answer.refusal) return write_stream_head(answer, shape, date);
  WrittenAnswer written{.closes = shape.persistence == http::Persistence::close};
  if (!answer.refusal) {
    written.status = answer.status;
    const http::Response response{.status = answer.status,
                                  .content_type = answer.content_type,
                                  .body = answer.body,
                                  .extra_fields = answer.extra_fields,
                                  .persistence = shape.persistence,
                                  .request_method = shape.method,
                                  .date = date};
    if (answer.is_head_of_stream) http::append_stream_head(written.bytes, response, http::StreamFraming::until_close);
    else http::append_response(written.bytes, response);
    return written;
  }
  const RefusalFacts& facts = facts_of(*answer.refusal);
  written.status = facts.status;
  written.closes = written.closes || facts.persistence == http::Persistence::close;
  http::append_problem(written.bytes, {.status = facts.status,
                                       .reason = facts.reason,
                                       .detail = facts.detail,
                                       .extra_fields = answer.extra_fields.empty() ? facts.extra_fields : answer.extra_fields,
                                       .persistence = written.closes ? http::Persistence::close : http::Persistence::keep_alive,
                                       .request_method = shape.method,
                                       .date = date});
  return written;
}

WrittenAnswer write_rejection(http::Rejection rejection, http::Method method, std::string_view date) {
  WrittenAnswer written{.closes = true, .status = http::facts_of(rejection).status};
  http::append_rejection(written.bytes, http::facts_of(rejection), method, date);
  return written;
}

WrittenAnswer write_continue() { return {.bytes = "HTTP/1.1 100 Continue\r\n\r\n", .status = 100}; }

}  // namespace ringgate::admin
