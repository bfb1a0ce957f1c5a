#include "simulated_scripts.h"

#include <utility>

namespace ringgate::abuse {

std::map<std::string, Script, std::less<>> simulated_scripts(SimulatedWorld& world) {
  std::map<std::string, Script, std::less<>> scripts{
      {"B22", large_head_byte_by_byte}, {"E22", blanks_in_a_list}, {"E24", quoted_value_without_end}};
  const std::initializer_list<std::pair<const char*, void (*)(SimulatedWorld&)>> on_a_gate{
      {"E40", thousand_handshakes_for_one_id},
      {"F09", one_connection_too_many},
      {"F10", one_too_many_from_one_address},
      {"G38", every_size_phase_and_place},
      {"G42", pings_unread},
      {"H16", unfinished_messages},
      {"I24", character_over_two_buffers},
      {"K23", costly_messages},
      {"K30", secret_beside_a_guess},
      {"L01", pushes_unread},
      {"L05", segments_of_one_byte},
      {"L06", echoes_unread},
      {"L15", sixteen_buffers},
      {"L16", completions_without_room},
      {"L17", everybody_drops_at_once},
      {"L20", no_memory_for_a_send},
  };
  for (const auto& [id, script] : on_a_gate)
    scripts.emplace(id, [&world, script] {
      script(world);
      world.abandon();
    });
  return scripts;
}

}  // namespace ringgate::abuse
