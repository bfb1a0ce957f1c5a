// Names of a cluster: subjects that gates speak on, and the token that stands for a device id in them. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringgate::cluster {

/// A token of a subject that stands for any device id: the id itself if it has 1 to 64 of A-Z a-z 0-9 _ and -, else `=` and the id in
/// base64url. The two never meet, because `=` is in no such id.
std::string token_of(std::string_view device_id);
/// The inverse; nullopt for what `token_of` does not write.
std::optional<std::string> id_of(std::string_view token);

class Names {
 public:
  /// `cluster`: cluster.namespace. `node`: cluster.node. `boot` differs from start to start.
  Names(std::string_view cluster, std::string_view node, std::uint64_t boot);

  const std::string& node() const { return node_; }
  const std::string& boot() const { return boot_; }  // 16 hexadecimal digits

  std::string device(std::string_view device_id) const { return devices_ + token_of(device_id); }
  /// The id that a subject of a device names; nullopt if it is no such subject.
  std::optional<std::string> id_of_device(std::string_view subject) const;
  const std::string& control() const { return control_; }  // what each gate says of itself
  std::string gate(std::string_view node) const { return gates_ + std::string(node); }

  /// Where answers to question `number` of this run are sent to, and all of them.
  std::string answer(std::uint64_t number) const;
  std::string answers() const { return answers_ + "*"; }
  std::optional<std::uint64_t> number_of_answer(std::string_view subject) const;

 private:
  std::string node_;
  std::string boot_;
  std::string devices_;
  std::string control_;
  std::string gates_;
  std::string answers_;
};

}  // namespace ringgate::cluster
