// The slow reference for Sec-WebSocket-Extensions: an automaton over single characters, drawn from the ABNF of RFC 6455
// section 9.1, and the rules of RFC 7692 section 7.1 about offers and answers, each as the RFC states it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "http/byte_class.h"

namespace ringgate::fuzz {

struct OfferParameter {
  std::string_view name;
  bool has_value = false;
  std::string_view value;  // of a quoted string what is between the marks, its backslashes still in it
};

struct Offer {
  std::string_view name;
  std::vector<OfferParameter> parameters;
};

/// The list of one field line. A list is kept and refilled, so that reading allocates no more once it has grown.
class OfferList {
 public:
  std::span<const Offer> offers() const { return std::span(offers_).first(count_); }

  /// Appends the members of `line`; false if it is no list.
  bool read(std::string_view line) {
    line_ = line;
    state_ = State::before_name;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (!step(line[i], i)) return false;
    }
    if (state_ == State::quoted || state_ == State::quoted_pair) return false;  // where a comma would be text
    return step(',', line.size());                                              // the end of the line ends its last member
  }
  void clear() { count_ = 0; }

 private:
  enum class State {
    before_name,
    name,
    behind_name,
    before_parameter,
    parameter,
    behind_parameter,
    before_value,
    value,
    quoted,
    quoted_pair,
    behind_value,
  };

  static bool is_token(char c) { return http::is_in(static_cast<std::uint8_t>(c), http::byte_token); }
  static bool is_text(char c) { return http::is_in(static_cast<std::uint8_t>(c), http::byte_value); }

  /// What may stand in a quoted string: RFC 6455 section 9.1 for permessage-deflate, RFC 9110 section 5.6.4 for what is not known.
  bool may_be_quoted(char c) { return current().name == "permessage-deflate" ? is_token(c) : is_text(c); }

  bool go(State state) {
    state_ = state;
    return true;
  }
  std::string_view text(std::size_t end) const { return line_.substr(begin_, end - begin_); }

  bool step(char c, std::size_t at) {
    const bool blank = c == ' ' || c == '\t';
    switch (state_) {
      case State::before_name:
        if (!is_token(c)) return blank || c == ',';
        begin_ = at;
        return go(State::name);
      case State::name:
        if (is_token(c)) return true;
        begin_offer(text(at));
        return blank ? go(State::behind_name) : separator(c);
      case State::before_parameter:
        if (!is_token(c)) return blank;
        begin_ = at;
        return go(State::parameter);
      case State::parameter:
        if (is_token(c)) return true;
        current().parameters.push_back({text(at), false, {}});
        return blank ? go(State::behind_parameter) : c == '=' ? go(State::before_value) : separator(c);
      case State::behind_parameter: return blank || (c == '=' ? go(State::before_value) : separator(c));
      case State::before_value:
        if (blank) return true;
        begin_ = c == '"' ? at + 1 : at;
        if (c == '"') return go(State::quoted);
        return is_token(c) ? go(State::value) : end_value(at) && separator(c);
      case State::value:
        if (is_token(c)) return true;
        return end_value(at) && (blank ? go(State::behind_value) : separator(c));
      case State::quoted:
        if (c == '"') return end_value(at, true) && go(State::behind_value);
        return c == '\\' ? go(State::quoted_pair) : may_be_quoted(c);
      case State::quoted_pair: return may_be_quoted(c) && go(State::quoted);
      case State::behind_name:
      case State::behind_value: return blank || separator(c);
    }
    return false;
  }

  bool separator(char c) {
    if (c == ';') return go(State::before_parameter);
    return c == ',' && go(State::before_name);
  }

  void begin_offer(std::string_view name) {
    if (count_ == offers_.size()) offers_.emplace_back();
    offers_[count_].name = name;
    offers_[count_].parameters.clear();
    ++count_;
  }
  Offer& current() { return offers_[count_ - 1]; }

  /// Of permessage-deflate only this one parameter may stand with an empty value: which declines the offer, and is no fault of
  /// grammar. Of other extensions an empty quoted string is a value.
  bool end_value(std::size_t at, bool quoted = false) {
    OfferParameter& parameter = current().parameters.back();
    parameter.has_value = true;
    parameter.value = text(at);
    if (current().name != "permessage-deflate") return quoted || !parameter.value.empty();
    return !parameter.value.empty() || parameter.name == "client_max_window_bits";
  }

  std::vector<Offer> offers_;
  std::size_t count_ = 0;
  std::string_view line_;
  std::size_t begin_ = 0;
  State state_ = State::before_name;
};

/// permessage-deflate's parameters, of an offer or of an answer.
struct DeflateParameters {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  std::optional<unsigned> server_window_bits;
  std::optional<unsigned> client_window_bits;  // 15 if an offer gives no value
};

/// 8 to 15, in decimal without leading zeros; freed of the backslashes of a quoted string.
inline std::optional<unsigned> reference_window_bits(std::string_view value) {
  char digits[3];
  std::size_t count = 0;
  for (const char c : value) {
    if (c == '\\') continue;
    if (count == 2) return std::nullopt;
    digits[count++] = c;
  }
  const std::string_view text(digits, count);
  for (unsigned bits = 8; bits <= 15; ++bits) {
    const char two[] = {static_cast<char>('0' + bits / 10), static_cast<char>('0' + bits % 10)};
    if (text == std::string_view(two, 2).substr(bits < 10 ? 1 : 0)) return bits;
  }
  return std::nullopt;
}

/// The parameters of a permessage-deflate offer that a server may accept; nothing if it must decline.
inline std::optional<DeflateParameters> acceptable(const Offer& offer) {
  if (offer.name != "permessage-deflate") return std::nullopt;
  DeflateParameters parameters;
  for (const OfferParameter& parameter : offer.parameters) {
    for (const OfferParameter& other : offer.parameters)
      if (&other != &parameter && other.name == parameter.name) return std::nullopt;
    const auto bits = reference_window_bits(parameter.value);
    if (parameter.name == "server_no_context_takeover" && !parameter.has_value) {
      parameters.server_no_context_takeover = true;
    } else if (parameter.name == "client_no_context_takeover" && !parameter.has_value) {
      parameters.client_no_context_takeover = true;
    } else if (parameter.name == "server_max_window_bits" && bits) {
      parameters.server_window_bits = bits;
    } else if (parameter.name == "client_max_window_bits" && (bits || !parameter.has_value)) {
      parameters.client_window_bits = bits.value_or(15);
    } else {
      return std::nullopt;
    }
  }
  return parameters;
}

/// Whether a client that sent `offer` must take `answer` (RFC 7692 sections 7.1.1.1 to 7.1.2.2).
inline bool answers(const DeflateParameters& answer, const DeflateParameters& offer) {
  if (offer.server_no_context_takeover && !answer.server_no_context_takeover) return false;
  if (offer.server_window_bits && (!answer.server_window_bits || *answer.server_window_bits > *offer.server_window_bits))
    return false;
  return !answer.client_window_bits || (offer.client_window_bits && *answer.client_window_bits <= *offer.client_window_bits);
}

}  // namespace ringgate::fuzz
