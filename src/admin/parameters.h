// The parameters of a changing request: from its query, and from its body if that is a JSON object of texts and numbers. Pure; any
// thread. Invariant: each name is there once.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "admin/refusal.h"
#include "admin/request_reader.h"

namespace ringgate::admin {

/// Calls `take` with each name and value of a query, percent-decoded, in their order. False as soon as one is malformed, or `take` says no.
bool each_parameter(std::string_view query, const std::function<bool(std::string name, std::string value)>& take);

/// Whether a Content-Type is application/json, with parameters or without.
bool is_json(const std::optional<std::string>& content_type);

class Parameters {
 public:
  /// Reads query and body. Errors: content_type for a body that is not JSON by its Content-Type; bad_parameters for a body that is no
  /// flat JSON object, for a name that is given twice, and for one that is not among `known`.
  static std::expected<Parameters, Refusal> read(const Request& request, std::span<const std::string_view> known);

  enum class Others : std::uint8_t { refused, ignored };  // names that are not known
  /// Of the query alone. bad_parameters as above.
  static std::expected<Parameters, Refusal> read_query(std::string_view query, std::span<const std::string_view> known,
                                                       Others others = Others::refused);

  /// nullptr if it was not given.
  const std::string* find(std::string_view name) const;

  /// `true` or `false`; false if it was not given; nullopt if it is anything else.
  std::optional<bool> flag(std::string_view name) const;

  /// A duration in whole seconds: a number of seconds, or one with a unit (s, m, h, d). At least 1, at most `most`; `otherwise` if it
  /// was not given; nullopt if it is anything else.
  std::optional<std::int64_t> seconds(std::string_view name, std::int64_t most, std::int64_t otherwise) const;

  /// A moment in Unix seconds: such a number, or RFC 3339 in UTC. nullopt if it was not given; bad_parameters if it is anything else.
  std::expected<std::optional<std::int64_t>, Refusal> moment(std::string_view name) const;

 private:
  bool add(std::span<const std::string_view> known, std::string name, std::string value);

  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace ringgate::admin
