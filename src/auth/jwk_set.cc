#include "auth/jwk_set.h"

#include <jansson.h>

#include <algorithm>

#include "auth/jwk_json.h"
#include "auth/jwk_pem.h"
#include "auth/secret_file.h"
#include "auth/strict_json.h"
#include "base/limits.h"

namespace ringgate::auth {
namespace {

/// What a message calls the key: its kid, if that is fit to print, else its number in the file, from 1.
std::string name_of(const std::string& file, std::size_t number, std::string_view kid) {
  const bool is_printable = std::ranges::all_of(kid, [](char c) { return c > ' ' && c <= '~' && c != '"'; });
  return file + ": key " +
         (kid.empty() || kid.size() > 80 || !is_printable ? std::to_string(number) : '"' + std::string(kid) + '"');
}

}  // namespace

std::expected<JwkSet, std::string> JwkSet::load(std::span<const std::string> files) {
  json_object_seed(0);  // once, before several threads make the first object
  JwkSet set;
  for (const std::string& file : files)
    if (const auto read = set.read_file(file); !read) return std::unexpected(read.error());
  if (const auto good = set.check_keys_without_kid(); !good) return std::unexpected(good.error());
  if (!set.keys_.empty()) return set;
  if (files.empty()) return std::unexpected("no file with keys is named");
  return std::unexpected(set.notes_.empty() ? files.front() + " holds no key"
                                            : set.notes_.front() + ", and there is no other key");
}

const Jwk* JwkSet::find(std::string_view kid) const {
  const auto found = std::ranges::find(keys_, kid, &Jwk::kid);
  return kid.empty() || found == keys_.end() ? nullptr : &*found;
}

std::expected<void, std::string> JwkSet::read_file(const std::string& file) {
  const std::size_t keys_before = keys_.size();
  const auto read = read_secret_file(file, limits::jwk_file_bytes_max);
  if (!read) return std::unexpected(read.error());
  const std::string_view text = read->content.text();
  if (const auto added = is_pem(text) ? read_pem(file, text) : read_json(file, text); !added) return added;
  const bool has_secret =
      std::ranges::any_of(std::span(keys_).subspan(keys_before), [](const Jwk& key) { return key.kind == KeyKind::secret; });
  if (has_secret && read->warning) notes_.push_back(*read->warning);
  return {};
}

std::expected<void, std::string> JwkSet::read_pem(const std::string& file, std::string_view text) {
  auto keys = read_pem_keys(text);
  if (!keys) return std::unexpected(file + ": " + keys.error());
  for (std::size_t i = 0; i < keys->size(); ++i)
    if (const auto added = add(std::move((*keys)[i]), name_of(file, i + 1, "")); !added) return std::unexpected(added.error());
  return {};
}

std::expected<void, std::string> JwkSet::read_json(const std::string& file, std::string_view text) {
  const auto object = parse_object(text);
  if (!object)
    return std::unexpected(file + (object.error() == JsonFault::duplicate_member ? " has two members of one name in an object"
                                                                                 : " is neither a JSON object in UTF-8 nor PEM"));
  const json_t* const list = member_of(object->get(), "keys");
  if (list != nullptr && !json_is_array(list)) return std::unexpected(file + " has keys that are no list");
  const std::size_t count = list == nullptr ? 1 : json_array_size(list);
  for (std::size_t i = 0; i < count; ++i) {
    const json_t* const one = list == nullptr ? object->get() : json_array_get(list, i);
    const std::string name = name_of(file, i + 1, string_in(member_of(one, "kid")).value_or(""));
    if (const auto purpose = other_purpose_of(one)) {
      notes_.push_back(name + " " + *purpose);
      continue;
    }
    auto key = read_json_key(one);
    if (!key && list != nullptr && !is_offered(one)) {
      notes_.push_back(name + " " + key.error());
      continue;
    }
    if (!key) return std::unexpected(name + " " + key.error());
    if (const auto added = add(std::move(*key), name); !added) return added;
  }
  return {};
}

std::expected<void, std::string> JwkSet::add(Jwk key, const std::string& name) {
  if (find(key.kid) != nullptr) return std::unexpected(name + " has the kid of another key");
  if (keys_.size() == limits::jwk_keys_count_max) return std::unexpected(name + " is one more than the 64 keys that are allowed");
  keys_.push_back(std::move(key));
  return {};
}

std::expected<void, std::string> JwkSet::check_keys_without_kid() const {
  for (const JwtAlgorithmRow& row : jwt_algorithms) {
    const auto count =
        std::ranges::count_if(keys_, [&](const Jwk& key) { return key.kid.empty() && key.algorithms.contains(row.algorithm); });
    if (static_cast<std::size_t>(count) > limits::jwk_tries_max)
      return std::unexpected("more than four keys without kid are for " + std::string(row.name) +
                             ", and no more are tried on one token; give the keys a kid");
  }
  return {};
}

}  // namespace ringgate::auth
