// The API's answer to one request, and the bytes of that answer. The API ignores HEAD and `Connection: close`: those are
// in the AnswerShape, which the connection keeps. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "admin/refusal.h"
#include "http/rejection.h"
#include "http/request_head.h"
#include "http/response.h"

namespace ringgate::admin {

/// A result or a refusal. With a refusal, only `extra_fields` counts besides it.
struct Answer {
  std::uint16_t status = 200;
  std::string_view content_type;  // literal; empty: none
  std::string body;
  std::string_view extra_fields;  // literal; whole field lines
  std::optional<Refusal> refusal;

  static Answer json(std::string text) { return {.content_type = "application/json", .body = std::move(text)}; }
  static Answer refuse(Refusal refusal, std::string_view extra_fields = {}) {
    return {.extra_fields = extra_fields, .refusal = refusal};
  }
};

/// The properties of a request that shape its answer.
struct AnswerShape {
  http::Method method = http::Method::get;
  http::Persistence persistence = http::Persistence::keep_alive;
};

/// An answer ready to be sent.
struct WrittenAnswer {
  std::string bytes;
  bool closes = false;  // the connection ends after it
};

/// `date`: from http::DateField.
WrittenAnswer write_answer(const Answer& answer, const AnswerShape& shape, std::string_view date);
WrittenAnswer write_rejection(http::Rejection rejection, http::Method method, std::string_view date);

/// The interim response that asks for a body (RFC 9110 section 15.2.1).
WrittenAnswer write_continue();

}  // namespace ringgate::admin
