// Any text as a file of credentials. Oracles: a fault is one printable line that names file and line; a line that is accepted, printed and
// read again is the same line; a file is accepted only if each of its lines is.
//
// Input: one byte that chooses the kind of file, then the text.
//
// Tests: src/auth/credential_lines.* src/auth/token_line.* src/auth/token_file.* src/auth/password_line.* src/auth/password_file.* src/auth/signed_url.* src/auth/expiry.* src/auth/text_coding.* src/auth/scopes.h
#include <algorithm>
#include <string>
#include <string_view>

#include "auth/password_file.h"
#include "auth/signed_url.h"
#include "auth/token_file.h"
#include "fuzz_case.h"

namespace {

using namespace ringgate;
using namespace ringgate::auth;
using namespace ringgate::fuzz;

void check_fault(const std::string& fault) {
  require(fault.starts_with("fuzz"), "a fault names the file");
  require(std::ranges::all_of(fault, [](char c) { return c >= ' ' && c <= '~'; }), "a fault is one printable line");
}

bool tokens_are_read_as_printed(std::string_view text, TokenKind kind) {
  CredentialLines lines(text, "fuzz");
  for (;;) {
    const auto said = lines.next();
    if (!said) return false;
    if (!*said) return true;
    const auto line = parse_token_line(**said, kind);
    if (!line) return false;
    const auto again = parse_token_line(print_token_line(*line), kind);
    require(again == line, "read after print = the same line");
  }
}

bool passwords_are_read_as_printed(std::string_view text) {
  CredentialLines lines(text, "fuzz");
  for (;;) {
    const auto said = lines.next();
    if (!said) return false;
    if (!*said) return true;
    const auto line = parse_password_line(**said);
    if (!line) return false;
    const auto again = parse_password_line(print_password_line(*line));
    require(again == line, "read after print = the same line");
  }
}

template <typename File>
void check_file(std::string_view text, bool lines_are_good) {
  const auto file = File::parse(text, "fuzz");
  if (!file) check_fault(file.error());
  require(!file || lines_are_good, "an accepted file has good lines");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const std::uint8_t kind = choices.byte() % 4;
  const std::string_view text = text_of(choices.rest());
  switch (kind) {
    case 0: check_file<DeviceTokens>(text, tokens_are_read_as_printed(text, TokenKind::device)); break;
    case 1: check_file<AdminTokens>(text, tokens_are_read_as_printed(text, TokenKind::admin)); break;
    case 2: check_file<PasswordFile>(text, passwords_are_read_as_printed(text)); break;
    default: check_file<UrlKeys>(text, true); break;
  }
  return 0;
}
