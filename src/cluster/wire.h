// What gates say to each other: acts, and the JSON of their terms and answers. Pure; any thread.
//
// A push is the raw payload; options, if it has any, are JSON in the terms. What is asked is refused if any of it is not known, because
// half of it must not be done; of answers, what is not known is passed over. So gates of two versions may work beside each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dispatch/sweep.h"
#include "ringgate/message.h"
#include "ringgate/presence.h"
#include "ringgate/push.h"

namespace ringgate::cluster {

/// Letter::act.
namespace act {
inline constexpr std::string_view push_text = "t";
inline constexpr std::string_view push_binary = "b";
inline constexpr std::string_view close = "close";
inline constexpr std::string_view describe = "describe";
inline constexpr std::string_view take = "take";    // the sender claims the device's id
inline constexpr std::string_view hello = "hello";  // the sender is there
}  // namespace act

struct PushTerms {
  PushOptions options;
  std::optional<dispatch::Selection> reach;
};

/// Empty for a plain push.
std::string write(const PushOptions& options, const dispatch::Selection* reach);
std::optional<PushTerms> read_push_terms(std::string_view terms);

std::string write(const PushResult& result);
std::optional<PushResult> read_push_result(std::string_view body);

struct CloseTerms {
  CloseCode code = CloseCode::closed_by_backend;
  std::string reason;
};
std::string write(const CloseTerms& terms);
std::optional<CloseTerms> read_close_terms(std::string_view terms);

std::string write(const CloseResult& result);
std::optional<CloseResult> read_close_result(std::string_view body);

/// `device` of the result may be null.
std::string write(const DescribeResult& result);
std::optional<DescribeResult> read_describe_result(std::string_view body);

/// Of a claim: the higher one wins; with the same epoch, that of the gate with the higher name.
struct Rank {
  std::uint64_t epoch = 0;
  std::string node;

  friend auto operator<=>(const Rank&, const Rank&) = default;
};
std::string write(const Rank& rank);
std::optional<Rank> read_rank(std::string_view terms);

/// What a gate says of itself, every few seconds.
struct Hello {
  std::string node;
  std::string boot;
  std::uint64_t clock = 0;    // its highest epoch, or its time as an epoch if that is higher
  std::uint64_t started = 0;  // likewise, when it started
  std::uint64_t connections = 0;
  bool wants_answer = false;

  friend bool operator==(const Hello&, const Hello&) = default;
};
std::string write(const Hello& hello);
std::optional<Hello> read_hello(std::string_view terms);

}  // namespace ringgate::cluster
