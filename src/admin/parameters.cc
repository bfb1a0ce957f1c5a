#include "admin/parameters.h"

#include <algorithm>
#include <charconv>

#include "admin/json.h"
#include "auth/expiry.h"
#include "http/byte_class.h"
#include "http/uri.h"

namespace ringgate::admin {

bool is_json(const std::optional<std::string>& content_type) {
  if (!content_type) return false;
  return http::equals_ignoring_case(http::trim(std::string_view(*content_type).substr(0, content_type->find(';'))),
                                    "application/json");
}

namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  const auto size = http::percent_decode(text, out);
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

std::optional<std::int64_t> seconds_of_unit(std::string_view unit) {
  if (unit.empty() || unit == "s") return 1;
  if (unit == "m") return 60;
  if (unit == "h") return 3600;
  if (unit == "d") return 86'400;
  return std::nullopt;
}

}  // namespace

bool each_parameter(std::string_view query, const std::function<bool(std::string name, std::string value)>& take) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decoded(pair.substr(0, equals));
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value || !take(std::move(*name), std::move(*value))) return false;
  }
  return true;
}

std::expected<Parameters, Refusal> Parameters::read_query(std::string_view query, std::span<const std::string_view> known,
                                                          Others others) {
  Parameters parameters;
  const auto add = [&](std::string name, std::string value) {
    if (others == Others::ignored && std::ranges::find(known, name) == known.end()) return true;
    return parameters.add(known, std::move(name), std::move(value));
  };
  if (!each_parameter(query, add)) return std::unexpected(Refusal::bad_parameters);
  return parameters;
}

bool Parameters::add(std::span<const std::string_view> known, std::string name, std::string value) {
  return std::ranges::find(known, name) != known.end() && values_.emplace(std::move(name), std::move(value)).second;
}

std::expected<Parameters, Refusal> Parameters::read(const Request& request, std::span<const std::string_view> known) {
  auto of_query = read_query(request.query, known);
  if (!of_query) return of_query;
  Parameters parameters = std::move(*of_query);
  if (request.body.empty()) return parameters;
  if (request.is_encoded) return std::unexpected(Refusal::content_encoding);
  if (!is_json(request.content_type)) return std::unexpected(Refusal::content_type_json);
  const auto members = flat_members(request.body);
  if (!members) return std::unexpected(Refusal::bad_parameters);
  for (const auto& [name, value, is_number] : *members)
    if (!parameters.add(known, name, value)) return std::unexpected(Refusal::bad_parameters);
  return parameters;
}

const std::string* Parameters::find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

std::optional<bool> Parameters::flag(std::string_view name) const {
  const std::string* const value = find(name);
  if (value == nullptr || *value == "false") return false;
  return *value == "true" ? std::optional(true) : std::nullopt;
}

std::optional<std::int64_t> Parameters::seconds(std::string_view name, std::int64_t most, std::int64_t otherwise) const {
  const std::string* const text = find(name);
  if (text == nullptr) return otherwise;
  std::int64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, number);
  const auto unit = seconds_of_unit({rest, static_cast<std::size_t>(end - rest)});
  if (error != std::errc{} || !unit || number < 1 || number > most / *unit) return std::nullopt;
  return number * *unit;
}

std::expected<std::optional<std::int64_t>, Refusal> Parameters::moment(std::string_view name) const {
  const std::string* const text = find(name);
  if (text == nullptr) return std::optional<std::int64_t>{};
  const auto moment = auth::parse_expiry(*text);
  if (!moment) return std::unexpected(Refusal::bad_parameters);
  return moment;
}

}  // namespace ringgate::admin
