#include "cluster/names.h"

#include <algorithm>

#include "auth/text_coding.h"
#include "cluster/number_text.h"

namespace ringgate::cluster {
namespace {

constexpr std::size_t plain_token_chars_max = 64;

bool is_plain(std::string_view text) {
  const auto is_token_char = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= plain_token_chars_max && std::ranges::all_of(text, is_token_char);
}

}  // namespace

std::string token_of(std::string_view device_id) {
  if (is_plain(device_id)) return std::string(device_id);
  return "=" + auth::encode_base64(bytes_of(device_id), auth::Base64::url);
}

std::optional<std::string> id_of(std::string_view token) {
  if (!token.starts_with('=')) return is_plain(token) ? std::optional<std::string>(token) : std::nullopt;
  std::string id(token.size(), '\0');
  const auto size = auth::decode_base64(token.substr(1), auth::Base64::url,
                                        MutableBytes(reinterpret_cast<std::uint8_t*>(id.data()), id.size()));
  // One id has one token, so that two gates never listen for it on different subjects.
  if (!size || *size == 0 || is_plain({id.data(), *size})) return std::nullopt;
  id.resize(*size);
  return id;
}

Names::Names(std::string_view cluster, std::string_view node, std::uint64_t boot) : node_(node), boot_(hex_of(boot)) {
  const std::string root = "ringgate." + std::string(cluster) + ".";
  devices_ = root + "d.";
  control_ = root + "ctl";
  gates_ = root + "n.";
  answers_ = "_INBOX." + node_ + "-" + boot_ + ".";
}

std::optional<std::string> Names::id_of_device(std::string_view subject) const {
  if (!subject.starts_with(devices_)) return std::nullopt;
  return id_of(subject.substr(devices_.size()));
}

std::string Names::answer(std::uint64_t number) const { return answers_ + hex_of(number); }

std::optional<std::uint64_t> Names::number_of_answer(std::string_view subject) const {
  if (!subject.starts_with(answers_)) return std::nullopt;
  return number_of(subject.substr(answers_.size()));
}

}  // namespace ringgate::cluster
