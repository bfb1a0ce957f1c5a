// Rows of the list that no line of bytes can say: costs, floods, and rings and heaps of odd sizes. On the simulated gate.
//
// Each function is one row, and adds GoogleTest failures. It leaves a gate in `world` that has nothing left.
#pragma once

#include "runner.h"
#include "simulated_world.h"

namespace ringgate::abuse {

// Requests (scripts_requests.cc)
void large_head_byte_by_byte();                              // B22
void blanks_in_a_list();                                     // E22
void quoted_value_without_end();                             // E24
void thousand_handshakes_for_one_id(SimulatedWorld& world);  // E40
void one_connection_too_many(SimulatedWorld& world);         // F09
void one_too_many_from_one_address(SimulatedWorld& world);   // F10

// Frames (scripts_frames.cc)
void every_size_phase_and_place(SimulatedWorld& world);  // G38
void pings_unread(SimulatedWorld& world);                // G42
void character_over_two_buffers(SimulatedWorld& world);  // I24
void costly_messages(SimulatedWorld& world);             // K23

// Flow (scripts_flow.cc)
void unfinished_messages(SimulatedWorld& world);       // H16
void pushes_unread(SimulatedWorld& world);             // L01
void segments_of_one_byte(SimulatedWorld& world);      // L05
void echoes_unread(SimulatedWorld& world);             // L06
void sixteen_buffers(SimulatedWorld& world);           // L15
void completions_without_room(SimulatedWorld& world);  // L16
void everybody_drops_at_once(SimulatedWorld& world);   // L17
void no_memory_for_a_send(SimulatedWorld& world);      // L20

// Secrets (scripts_secrets.cc)
void secret_beside_a_guess(SimulatedWorld& world);  // K30

/// All of them by row id. `world` outlives them.
std::map<std::string, Script, std::less<>> simulated_scripts(SimulatedWorld& world);

}  // namespace ringgate::abuse
