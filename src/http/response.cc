#include "http/response.h"

#include <array>
#include <charconv>
#include <utility>

namespace ringgate::http {
namespace {

// The status codes that the device port and the admin port send (IANA HTTP Status Code Registry).
constexpr std::array<std::pair<std::uint16_t, std::string_view>, 33> titles{{
    {101, "Switching Protocols"},
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

constexpr std::uint16_t no_content = 204;

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

/// Appends a field line; nothing if there is no value.
void append_field(std::string& out, std::string_view name_and_colon, std::string_view value) {
  if (value.empty()) return;
  out += name_and_colon;
  out += value;
  out += "\r\n";
}

}  // namespace

std::string_view status_title(std::uint16_t status) {
  for (const auto& [code, title] : titles) {
    if (code == status) return title;
  }
  return "Unknown";
}

namespace {

void append_status_line(std::string& out, std::uint16_t status, std::string_view date) {
  out += "HTTP/1.1 ";
  append_number(out, status);
  out += ' ';
  out += status_title(status);
  out += "\r\n";
  append_field(out, "Date: ", date);
}

void append_ending(std::string& out, const Response& response) {
  out += response.persistence == Persistence::close ? "Connection: close\r\n" : "Connection: keep-alive\r\n";
  out += response.extra_fields;
  out += "\r\n";
}

}  // namespace

void append_response(std::string& out, const Response& response) {
  append_status_line(out, response.status, response.date);
  append_field(out, "Content-Type: ", response.content_type);
  if (response.status != no_content) {
    out += "Content-Length: ";
    append_number(out, response.body.size());
    out += "\r\n";
  }
  append_ending(out, response);
  if (response.request_method != Method::head && response.status != no_content) out += response.body;
}

void append_stream_head(std::string& out, const Response& response, StreamFraming framing) {
  append_status_line(out, response.status, response.date);
  append_field(out, "Content-Type: ", response.content_type);
  if (framing == StreamFraming::chunked) out += "Transfer-Encoding: chunked\r\n";
  append_ending(out, response);
}

void append_upgrade_head(std::string& out, std::string_view fields, std::string_view date) {
  append_status_line(out, 101, date);
  out += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  out += fields;
  out += "\r\n";
}

void append_chunk_head(std::string& out, std::size_t bytes) {
  if (bytes == 0) {
    out += "0\r\n\r\n";
    return;
  }
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes, 16).ptr;
  out.append(digits.data(), end);
  out += "\r\n";
}

void append_problem(std::string& out, const Problem& problem) {
  std::string body = R"({"type":"about:blank","title":")";
  body += status_title(problem.status);
  body += R"(","status":)";
  append_number(body, problem.status);
  body += R"(,"detail":")";
  body += problem.detail;
  body += R"(","reason":")";
  body += problem.reason;
  body += "\"}";
  append_response(out, {.status = problem.status,
                        .content_type = "application/problem+json",
                        .body = body,
                        .extra_fields = problem.extra_fields,
                        .persistence = problem.persistence,
                        .request_method = problem.request_method,
                        .date = problem.date});
}

void append_rejection(std::string& out, const RejectionFacts& facts, Method request_method, std::string_view date) {
  append_problem(out, {.status = facts.status,
                       .reason = facts.reason,
                       .detail = facts.detail,
                       .extra_fields = facts.extra_fields,
                       .persistence = Persistence::close,
                       .request_method = request_method,
                       .date = date});
}

}  // namespace ringgate::http
