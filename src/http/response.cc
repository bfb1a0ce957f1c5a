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

}  // namespace

std::string_view status_title(std::uint16_t status) {
  for (const auto& [code, title] : titles) {
    if (code == status) return title;
  }
  return "Unknown";
}

void append_response(std::string& out, const Response& response) {
  out += "HTTP/1.1 ";
  append_number(out, response.status);
  out += ' ';
  out += status_title(response.status);
  out += "\r\n";
  if (!response.date.empty()) {
    out += "Date: ";
    out += response.date;
    out += "\r\n";
  }
  if (!response.content_type.empty()) {
    out += "Content-Type: ";
    out += response.content_type;
    out += "\r\n";
  }
  if (response.status != no_content) {
    out += "Content-Length: ";
    append_number(out, response.body.size());
    out += "\r\n";
  }
  out += response.persistence == Persistence::close ? "Connection: close\r\n" : "Connection: keep-alive\r\n";
  out += response.extra_fields;
  out += "\r\n";
  if (response.request_method != Method::head && response.status != no_content) out += response.body;
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
