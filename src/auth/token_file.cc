#include "auth/token_file.h"

#include <algorithm>
#include <numeric>

#include "auth/text_coding.h"
#include "base/limits.h"

namespace ringgate::auth {

static_assert(limits::credential_name_bytes_max <= 255, "lengths are bytes");
static_assert(limits::credential_file_bytes_max <= UINT32_MAX, "offsets into the text have 32 bits");

void TokenTable::add(const TokenLine& line, std::size_t number) {
  const std::string& subject = line.device.empty() ? line.route : line.device;
  entries_.push_back({line.hash, line.expires_at, static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(number),
                      static_cast<std::uint8_t>(line.name.size()), static_cast<std::uint8_t>(subject.size()),
                      static_cast<std::uint8_t>(line.group.size()), static_cast<std::uint8_t>(line.prefix.size()), line.scopes});
  for (const std::string* text : {&line.name, &subject, &line.group, &line.prefix})
    text_.insert(text_.end(), text->begin(), text->end());
}

TokenTable::Texts TokenTable::texts_of(const Entry& entry) const {
  const char* from = text_.data() + entry.text_at;
  const auto take = [&from](std::size_t size) {
    const std::string_view text(from, size);
    from += size;
    return text;
  };
  Texts texts;
  texts.name = take(entry.name_bytes);
  texts.subject = take(entry.subject_bytes);
  texts.group = take(entry.group_bytes);
  texts.prefix = take(entry.prefix_bytes);
  return texts;
}

/// The sorted table has no hash twice and no name twice; else the error.
std::optional<std::string> TokenTable::repetition(const CredentialLines& lines) const {
  const auto complaint = [&lines](const Entry& a, const Entry& b, std::string_view what) {
    const auto [first, second] = std::minmax(a.line, b.line);
    return lines.fault("the " + std::string(what) + " of line " + std::to_string(first) + " is repeated", second);
  };
  const auto twin = std::ranges::adjacent_find(entries_, {}, &Entry::hash);
  if (twin != entries_.end()) return complaint(twin[0], twin[1], "token");
  std::vector<std::uint32_t> named;
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].name_bytes > 0) named.push_back(i);
  }
  const auto name_of = [this](std::uint32_t i) { return texts_of(entries_[i]).name; };
  std::ranges::sort(named, {}, name_of);
  const auto namesake = std::ranges::adjacent_find(named, {}, name_of);
  if (namesake != named.end()) return complaint(entries_[namesake[0]], entries_[namesake[1]], "name");
  return std::nullopt;
}

std::expected<TokenTable, std::string> TokenTable::read(CredentialLines& lines, TokenKind kind) {
  TokenTable table;
  table.warning_ = lines.warning();
  for (;;) {
    const auto said = lines.next();
    if (!said) return std::unexpected(said.error());
    if (!*said) break;
    const auto line = parse_token_line(**said, kind);
    if (!line) return std::unexpected(lines.fault(line.error()));
    table.add(*line, lines.number());
  }
  table.entries_.shrink_to_fit();
  table.text_.shrink_to_fit();
  std::ranges::sort(table.entries_, {}, &Entry::hash);
  if (auto repeated = table.repetition(lines)) return std::unexpected(std::move(*repeated));
  return table;
}

std::expected<const TokenTable::Entry*, Fault> TokenTable::find(std::string_view token, std::int64_t now) const {
  if (token.size() > limits::token_bytes_max || !is_token68(token)) return std::unexpected(Fault::token_malformed);
  const Sha256 hash = sha256(bytes_of(token));
  // The search takes a time that depends on hashes, and nobody chooses a token by its hash. Decision 0019.
  const auto found = std::ranges::lower_bound(entries_, hash, {}, &Entry::hash);
  if (found == entries_.end() || !equal_in_constant_time(found->hash, hash)) return std::unexpected(Fault::token_unknown);
  if (now >= found->expires_at) return std::unexpected(Fault::token_expired);
  return &*found;
}

namespace {

template <typename Token>
constexpr TokenKind kind_of = TokenKind::device;
template <>
constexpr TokenKind kind_of<AdminToken> = TokenKind::admin;

template <typename Token>
std::expected<std::shared_ptr<const TokenFile<Token>>, std::string> read_all(CredentialLines& lines) {
  auto table = TokenTable::read(lines, kind_of<Token>);
  if (!table) return std::unexpected(std::move(table.error()));
  return std::make_shared<const TokenFile<Token>>(std::move(*table));
}

DeviceToken token_of(const TokenTable::Entry& entry, const TokenTable::Texts& texts, DeviceToken) {
  return {texts.name, texts.subject, texts.group, texts.prefix, entry.expires_at};
}
AdminToken token_of(const TokenTable::Entry& entry, const TokenTable::Texts& texts, AdminToken) {
  return {texts.name, texts.prefix, texts.group, texts.subject, entry.scopes, entry.expires_at};
}

}  // namespace

template <typename Token>
std::expected<std::shared_ptr<const TokenFile<Token>>, std::string> TokenFile<Token>::load(const std::string& file) {
  auto lines = CredentialLines::open(file);
  if (!lines) return std::unexpected(std::move(lines.error()));
  return read_all<Token>(*lines);
}

template <typename Token>
std::expected<std::shared_ptr<const TokenFile<Token>>, std::string> TokenFile<Token>::parse(std::string_view text,
                                                                                            const std::string& name) {
  CredentialLines lines(text, name);
  return read_all<Token>(lines);
}

template <typename Token>
std::expected<Token, Fault> TokenFile<Token>::find(std::string_view token, std::int64_t now) const {
  const auto entry = table_.find(token, now);
  if (!entry) return std::unexpected(entry.error());
  return token_of(**entry, table_.texts_of(**entry), Token{});
}

template class TokenFile<DeviceToken>;
template class TokenFile<AdminToken>;

}  // namespace ringgate::auth
