// The API's answer to one request, and the bytes of that answer. The API ignores HEAD and `Connection: close`: those are
// in the AnswerShape, which the connection keeps. Values; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "admin/refusal.h"
#include "admin/stream.h"
#include "http/rejection.h"
#include "http/request_head.h"
#include "http/response.h"

namespace ringgate::admin {

/// A result, a refusal, or the beginning of a stream. With a refusal, only `extra_fields` counts besides it; with a stream, the body
/// does not.
struct Answer {
  std::uint16_t status = 200;
  std::string_view content_type;  // literal; empty: none
  std::string body;
  std::string_view extra_fields;  // literal; whole field lines
  std::optional<Refusal> refusal;
  std::unique_ptr<Stream> stream;  // null: the answer is whole
  bool is_head_of_stream = false;  // to HEAD, where GET is answered by a stream: no length is known (RFC 9110 section 8.6)

  static Answer json(std::string text) { return {.content_type = "application/json", .body = std::move(text)}; }
  static Answer refuse(Refusal refusal, std::string_view extra_fields = {}) {
    return {.extra_fields = extra_fields, .refusal = refusal};
  }
  /// An answer whose body `source` writes.
  static Answer streamed(std::string_view type, std::unique_ptr<Stream> source, std::string_view fields = {}) {
    return {.content_type = type, .extra_fields = fields, .stream = std::move(source)};
  }
  /// A 101: from now on the connection is `source`'s. `fields`: Sec-WebSocket-Accept and the like.
  static Answer upgraded(std::string fields, std::unique_ptr<Stream> source) {
    return {.status = 101, .body = std::move(fields), .stream = std::move(source)};
  }
};

/// The properties of a request that shape its answer.
struct AnswerShape {
  http::Method method = http::Method::get;
  http::Persistence persistence = http::Persistence::keep_alive;
  bool is_http10 = false;  // it knows no chunked coding: the end of a stream is the end of the connection
};

/// How pieces of a stream are framed.
enum class BodyCoding : std::uint8_t { identity, chunked, upgraded };

/// An answer ready to be sent.
struct WrittenAnswer {
  std::string bytes;
  bool closes = false;                       // the connection ends after it
  BodyCoding coding = BodyCoding::identity;  // of what `stream` writes
  std::unique_ptr<Stream> stream;            // begins behind `bytes`
  std::uint16_t status = 0;
};

/// `date`: from http::DateField. The stream of `answer` is left to the caller, which moves it where it is wanted.
WrittenAnswer write_answer(const Answer& answer, const AnswerShape& shape, std::string_view date);
WrittenAnswer write_rejection(http::Rejection rejection, http::Method method, std::string_view date);

/// The interim response that asks for a body (RFC 9110 section 15.2.1).
WrittenAnswer write_continue();

}  // namespace ringgate::admin
