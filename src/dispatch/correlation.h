// Where messages of a route carry the id that ties an answer to its question: a JSON pointer (RFC 6901), such as `/1` for OCPP-J.
//
// It reads as far as the id and no further; the text behind may be no JSON. A value; pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringgate::dispatch {

class CorrelationPointer {
 public:
  /// nullopt if `text` is no JSON pointer, names the whole document, or has more than limits::json_depth_max tokens.
  static std::optional<CorrelationPointer> parse(std::string_view text);

  /// The id in a message: a string, or a whole number, which differ even if they look alike. nullopt if there is none, it is empty or has
  /// more than limits::correlation_id_bytes_max bytes, or the text before it is no JSON or nested deeper than limits::json_depth_max.
  /// Allocates.
  std::optional<std::string> find(std::string_view message) const;

 private:
  struct Token {
    std::string name;
    std::optional<std::size_t> index;  // if it may be one of an array
  };
  class Reader;

  std::vector<Token> tokens_;
};

}  // namespace ringgate::dispatch
