// From the tokens of one line to a case: what the peer does, an arrow, and the verdicts that are right.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "lexer.h"
#include "list.h"

namespace ringgate::abuse {

/// Splits `each A, B: REST` into its values; empty if the line does not begin so. `rest` is where the case begins.
std::vector<std::string> parse_each(std::span<const Token> line, std::size_t& rest);

/// Parses `STEPS -> VERDICT or VERDICT`; `each` stands for $.
Case parse_case(std::span<const Token> line, const std::string& each);

}  // namespace ringgate::abuse
