// Offers of permessage-deflate and their answers: the rows of the bad-inputs list, and every combination of parameters against
// the rules of RFC 7692 section 7.1 written down a second time.
#include "ws/deflate_negotiation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "../http/request_samples.h"
#include "ws/handshake_offers.h"

namespace ringgate::ws {
namespace {

using Lines = std::vector<std::string>;

constexpr DeflatePolicy generous{.enabled = true, .context_takeover = true};
constexpr DeflatePolicy frugal{.enabled = true};
const std::string declined = "(declined)";
const std::string malformed = "(malformed)";

/// The field lines `offers` in an upgrade request.
class Offered {
 public:
  explicit Offered(const Lines& offers) {
    std::string fields;
    for (const std::string& offer : offers) fields += "Sec-WebSocket-Extensions: " + offer + "\r\n";
    request_ = http::upgrade_request("GET /ws HTTP/1.1", fields);
    EXPECT_EQ(http::parse(parser_, request_).status, http::HeadStatus::complete);
  }

  std::optional<DeflateAgreement> agreement(const DeflatePolicy& policy) { return negotiate_deflate(view(), policy); }

  std::string answer(const DeflatePolicy& policy) {
    if (!extension_offers_are_valid(view())) return malformed;
    const auto agreed = agreement(policy);
    if (!agreed) return declined;
    std::string text;
    append_deflate_answer(text, *agreed);
    return text;
  }

 private:
  http::RequestView view() { return parser_.view(bytes_of(request_)); }

  std::string request_;
  http::RequestHeadParser parser_;
};

std::string answer_to(const Lines& offers, const DeflatePolicy& policy = generous) { return Offered(offers).answer(policy); }

struct Row {
  std::string id;
  Lines offers;
  std::string answer;

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.id; }
};

class DeflateOfferRow : public testing::TestWithParam<Row> {};

TEST_P(DeflateOfferRow, HasItsOneAnswer) { EXPECT_EQ(answer_to(GetParam().offers), GetParam().answer); }

const std::string plain = "permessage-deflate";

std::vector<Row> accepted_rows() {
  const std::string ten = plain + "; server_max_window_bits=10";
  return {
      {"nothing_but_the_name", {plain}, plain},
      {"other_extensions_around", {"x-a; b=c, permessage-deflate ,x-d; e=\"f\""}, plain},
      {"blanks_everywhere", {"\tpermessage-deflate \t;  server_no_context_takeover\t"}, plain + "; server_no_context_takeover"},
      {"empty_members", {",, ,permessage-deflate,,"}, plain},
      {"server_forgets", {plain + ";server_no_context_takeover"}, plain + "; server_no_context_takeover"},
      {"client_forgets", {plain + ";client_no_context_takeover"}, plain + "; client_no_context_takeover"},
      {"client_window_hint", {plain + ";client_max_window_bits"}, plain},
      {"client_window_10", {plain + ";client_max_window_bits=10"}, plain + "; client_max_window_bits=10"},
      {"server_window_10", {plain + ";server_max_window_bits=10"}, ten},
      {"server_window_15_is_stated", {plain + ";server_max_window_bits=15"}, plain + "; server_max_window_bits=15"},
      {"all_at_once",
       {plain + ";client_max_window_bits=9;server_max_window_bits=11;client_no_context_takeover;server_no_context_takeover"},
       plain + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; client_max_window_bits=9"},
      {"E27_three_lines", {"x-a", "x-b, permessage-deflate; server_max_window_bits=10", plain}, ten},
      {"E27_first_line_wins", {plain + "; server_max_window_bits=10", plain}, ten},
      {"E28_two_acceptable", {plain + "; server_max_window_bits=10, " + plain}, ten},
      {"E28_two_acceptable_the_other_way", {plain + ", " + plain + "; server_max_window_bits=10"}, plain},
      {"K07_bad_then_good", {plain + "; foo, " + ten}, ten},
      {"K07_bad_then_good_lines", {plain + "; foo", plain + "; server_max_window_bits", ten}, ten},
      {"K07_three_bad_then_good", {plain + "; a, " + plain + "; server_max_window_bits=7, x, " + plain + "; b=1, " + ten}, ten},
      {"K08_no_client_window_offered", {plain + "; server_max_window_bits=9"}, plain + "; server_max_window_bits=9"},
      {"K09_quoted", {plain + "; server_max_window_bits=\"10\""}, ten},
      {"K09_quoted_with_backslashes", {plain + "; server_max_window_bits=\"\\1\\0\""}, ten},
      {"K09_quoted_client", {plain + "; client_max_window_bits=\"1\\2\""}, plain + "; client_max_window_bits=12"},
      {"K10_window_of_256", {plain + "; server_max_window_bits=8"}, plain + "; server_max_window_bits=8"},
  };
}

std::vector<Row> declined_rows() {
  std::vector<Row> rows{
      {"no_offer", {}, declined},
      {"another_extension", {"x-permessage-deflate"}, declined},
      {"name_goes_on", {"permessage-deflated"}, declined},
      {"name_in_quotes_is_a_value", {"x; y=\"permessage-deflate\""}, declined},
      {"name_as_parameter", {"x; permessage-deflate"}, declined},
      {"K03_server_window_without_value", {plain + "; server_max_window_bits"}, declined},
      {"K05_client_forgets_twice", {plain + "; client_no_context_takeover; client_no_context_takeover"}, declined},
      {"K05_server_forgets_twice", {plain + "; server_no_context_takeover; server_no_context_takeover"}, declined},
      {"K05_client_window_twice", {plain + "; client_max_window_bits; client_max_window_bits"}, declined},
      {"K05_client_window_twice_valued", {plain + "; client_max_window_bits=9; client_max_window_bits=9"}, declined},
      {"K05_client_window_twice_mixed", {plain + "; client_max_window_bits; client_max_window_bits=9"}, declined},
      {"K05_client_window_twice_mixed_2", {plain + "; client_max_window_bits=9; client_max_window_bits"}, declined},
      {"K05_server_window_twice", {plain + "; server_max_window_bits=9; server_max_window_bits=9"}, declined},
      {"K06_unknown", {plain + "; foo"}, declined},
      {"K06_unknown_with_value", {plain + "; foo=1"}, declined},
      {"K06_unknown_after_good", {plain + "; server_max_window_bits=9; foo"}, declined},
      {"flag_with_value", {plain + "; server_no_context_takeover=1"}, declined},
      {"flag_with_quoted_value", {plain + "; client_no_context_takeover=\"1\""}, declined},
      {"good_then_garbled_number", {plain + "; server_max_window_bits=1\\0"}, malformed},
  };
  int number = 0;
  for (const std::string value : {"7", "16", "0", "256", "08", "+9", "9x", "015", "1", "150", "-9", "99999999999999999999", "0x9",
                                  "\"7\"", "\"16\"", "\"\\0\\8\"", "\"9x\""}) {
    for (const std::string side : {"client", "server"}) {
      rows.push_back(
          {"K01_K02_" + side + "_" + std::to_string(number++), {plain + "; " + side + "_max_window_bits=" + value}, declined});
    }
  }
  rows.push_back({"K02_client_empty", {plain + "; client_max_window_bits="}, declined});
  rows.push_back({"K02_client_empty_quoted", {plain + "; client_max_window_bits=\"\""}, declined});
  return rows;
}

std::vector<Row> malformed_rows() {
  std::vector<Row> rows;
  for (const std::string line :
       {";", ",;x", "permessage-deflate;", "=1", "permessage-deflate; server_max_window_bits=\"10",
        "permessage-deflate; server_max_window_bits=\"10\" 9", "permessage-deflate client_max_window_bits"}) {
    rows.push_back({"E26_" + std::to_string(rows.size()), {line}, malformed});
    rows.push_back({"E26_behind_a_good_line_" + std::to_string(rows.size()), {plain, line}, malformed});
  }
  return rows;
}

std::string id_of(const testing::TestParamInfo<Row>& info) { return info.param.id; }

INSTANTIATE_TEST_SUITE_P(Accepted, DeflateOfferRow, testing::ValuesIn(accepted_rows()), id_of);
INSTANTIATE_TEST_SUITE_P(Declined, DeflateOfferRow, testing::ValuesIn(declined_rows()), id_of);
INSTANTIATE_TEST_SUITE_P(Malformed, DeflateOfferRow, testing::ValuesIn(malformed_rows()), id_of);

TEST(DeflateNegotiation, DeclinesEverythingWhereTheRouteIsWithout) {
  EXPECT_EQ(answer_to({plain}, {.enabled = false, .context_takeover = true}), declined);
}

TEST(DeflateNegotiation, NarrowsToThePolicy) {
  const DeflatePolicy ten{.enabled = true, .context_takeover = true, .window_bits = 10};
  EXPECT_EQ(answer_to({plain}, frugal), plain + "; server_no_context_takeover; client_no_context_takeover");
  EXPECT_EQ(answer_to({plain}, ten), plain + "; server_max_window_bits=10");
  EXPECT_EQ(answer_to({plain + "; client_max_window_bits"}, ten),
            plain + "; server_max_window_bits=10; client_max_window_bits=10");
  EXPECT_EQ(answer_to({plain + "; client_max_window_bits=9; server_max_window_bits=8"}, ten),
            plain + "; server_max_window_bits=8; client_max_window_bits=9");
  EXPECT_EQ(answer_to({plain + "; client_max_window_bits=12; server_max_window_bits=15"}, ten),
            plain + "; server_max_window_bits=10; client_max_window_bits=10");
}

/// The parameters of an answer by name; those without a value are empty.
using Parameters = std::map<std::string, std::string>;

Parameters parameters_of(const std::string& answer) {
  Parameters parameters;
  std::size_t at = answer.find("; ");
  EXPECT_EQ(answer.substr(0, at), plain);
  while (at != std::string::npos) {
    const std::size_t end = answer.find("; ", at + 2);
    const std::string text = answer.substr(at + 2, end == std::string::npos ? end : end - at - 2);
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string value = equals == text.size() ? "" : text.substr(equals + 1);
    EXPECT_TRUE(parameters.emplace(text.substr(0, equals), value).second) << "twice: " << text;
    at = end;
  }
  return parameters;
}

/// An offer's window parameter: 0 for none at all, 1 for one without a value.
constexpr int absent = 0;
constexpr int unvalued = 1;

struct Case {
  bool server_forgets;
  bool client_forgets;
  int server_window;
  int client_window;
  DeflatePolicy policy;

  std::string offer() const {
    std::string text = plain;
    if (client_window == unvalued) text += "; client_max_window_bits";
    if (client_window > unvalued) text += "; client_max_window_bits=" + std::to_string(client_window);
    if (server_forgets) text += "; server_no_context_takeover";
    if (server_window != absent) text += "; server_max_window_bits=" + std::to_string(server_window);
    if (client_forgets) text += "; client_no_context_takeover";
    return text;
  }
};

/// Window bits that `parameters` state under `name`: 15 if they are silent (section 7.1.2).
int window_in(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? 15 : std::stoi(found->second);
}

/// Sections 7.1.1.1 to 7.1.2.2, as far as they bind who answers.
void expect_valid_answer(const Case& offered, const Parameters& answer) {
  for (const auto& [name, value] : answer) {
    if (name.ends_with("_no_context_takeover")) {
      EXPECT_EQ(value, "");
    } else {
      ASSERT_TRUE(name == "server_max_window_bits" || name == "client_max_window_bits") << name;
      EXPECT_TRUE(value.size() == 1 ? value == "8" || value == "9" : value >= "10" && value <= "15") << value;
    }
  }
  if (offered.server_forgets) {
    EXPECT_TRUE(answer.contains("server_no_context_takeover"));
  }
  if (offered.server_window != absent) {
    EXPECT_TRUE(answer.contains("server_max_window_bits"));
    EXPECT_LE(window_in(answer, "server_max_window_bits"), offered.server_window);
  }
  if (offered.client_window == absent) {
    EXPECT_FALSE(answer.contains("client_max_window_bits"));
  }
  if (offered.client_window > unvalued) {
    EXPECT_LE(window_in(answer, "client_max_window_bits"), offered.client_window);
  }
}

/// The client's words are the gate's limits; nobody is allowed more than the route.
void expect_within_policy(const Case& offered, const Parameters& answer) {
  EXPECT_LE(window_in(answer, "server_max_window_bits"), offered.policy.window_bits);
  if (offered.client_window != absent) {
    EXPECT_LE(window_in(answer, "client_max_window_bits"), offered.policy.window_bits);
  }
  if (!offered.policy.context_takeover) {
    EXPECT_TRUE(answer.contains("server_no_context_takeover"));
    EXPECT_TRUE(answer.contains("client_no_context_takeover"));
  }
}

/// What the gate holds to and checks is what the client reads.
void expect_same_in_both_minds(const DeflateAgreement& agreement, const Parameters& answer) {
  EXPECT_EQ(agreement.server_context_takeover, !answer.contains("server_no_context_takeover"));
  EXPECT_EQ(agreement.client_context_takeover, !answer.contains("client_no_context_takeover"));
  EXPECT_EQ(agreement.server_window_bits, window_in(answer, "server_max_window_bits"));
  EXPECT_EQ(agreement.client_window_bits, window_in(answer, "client_max_window_bits"));
}

TEST(DeflateNegotiation, AnswersEveryOfferByTheRules) {
  std::size_t cases_count = 0;
  for (int policy_window = 8; policy_window <= 15; ++policy_window) {
    for (int flags = 0; flags < 8; ++flags) {
      for (int server_window = 7; server_window <= 15; ++server_window) {
        for (int client_window = 6; client_window <= 15; ++client_window) {
          const Case offered{.server_forgets = (flags & 1) != 0,
                             .client_forgets = (flags & 2) != 0,
                             .server_window = server_window == 7 ? absent : server_window,
                             .client_window = client_window == 6   ? absent
                                              : client_window == 7 ? unvalued
                                                                   : client_window,
                             .policy = {.enabled = true,
                                        .context_takeover = (flags & 4) != 0,
                                        .window_bits = static_cast<std::uint8_t>(policy_window)}};
          Offered request({offered.offer()});
          const std::string answer = request.answer(offered.policy);
          SCOPED_TRACE(offered.offer() + " -> " + answer);
          ASSERT_NE(answer, declined);
          const Parameters parameters = parameters_of(answer);
          expect_valid_answer(offered, parameters);
          expect_within_policy(offered, parameters);
          expect_same_in_both_minds(*request.agreement(offered.policy), parameters);
          ASSERT_FALSE(testing::Test::HasFailure());
          ++cases_count;
        }
      }
    }
  }
  EXPECT_EQ(cases_count, 8U * 8 * 9 * 10);
}

}  // namespace
}  // namespace ringgate::ws
