// Rows of the table of settings: other gates ([cluster]).
#include <array>
#include <string_view>

#include "config/row.h"
#include "config/rows.h"
#include "config/shape.h"

namespace ringgate::config {
namespace {

// In the order of the enumerators in ringgate/config.h.
constexpr std::array<std::string_view, 2> engine_words{"none", "nats"};

using C = Config;
using G = ClusterConfig;

}  // namespace

// clang-format off
std::vector<Key> rows_of_cluster() {
  return {
    row<&C::cluster, &G::engine>("cluster.engine", WordRule{engine_words},
        "What gates reach each other by, so that a push reaches its device whichever gate has it. `none`: this gate is alone."),
    row<&C::cluster, &G::servers>("cluster.servers", ListRule{engine_url, 1, 16},
        "Servers of the engine, of which one is used at a time."),
    row<&C::cluster, &G::name>("cluster.namespace", TextRule{webhook_name},
        "Name of the cluster: gates with the same one reach each other."),
    row<&C::cluster, &G::node>("cluster.node", TextRule{webhook_name_or_none},
        "Name of this gate, another one for each gate of the cluster. Empty: the name of this machine."),
    row<&C::cluster, &G::timeout_ns>("cluster.timeout", DurationRule{10 * ms, minute},
        "How long another gate may take to answer. Then what became of a push is not known."),
    row<&C::cluster, &G::required>("cluster.required", FlagRule{},
        "Whether the gate is ready (/readyz) only while the engine is connected."),
    row<&C::cluster, &G::user>("cluster.user", TextRule{engine_user_or_none},
        "User at the engine, with `cluster.password_file`."),
    row<&C::cluster, &G::password_file>("cluster.password_file", TextRule{file_path_or_none},
        "File with the user's password."),
    row<&C::cluster, &G::credentials_file>("cluster.credentials", TextRule{file_path_or_none},
        "File of NATS credentials (a JWT and its seed), in place of user and password."),
    row<&C::cluster, &G::authority_file>("cluster.ca", TextRule{file_path_or_none},
        "PEM file with the authorities that the engine's certificates are judged by. Empty: those of the system."),
    row<&C::cluster, &G::certificate_file>("cluster.cert", TextRule{file_path_or_none},
        "PEM file with this gate's certificate for the engine, and its chain."),
    row<&C::cluster, &G::key_file>("cluster.key", TextRule{file_path_or_none},
        "PEM file with the key of `cluster.cert`."),
  };
}
// clang-format on

}  // namespace ringgate::config
