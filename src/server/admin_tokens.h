// Reads the files of `admin.tokens`. For start and reload, off the shards: it reads files.
#pragma once

#include <expected>
#include <memory>

#include "admin/access.h"
#include "ringgate/config.h"
#include "ringgate/error.h"

namespace ringgate::server {

/// The table of callers; an empty one without files. The error names the file, and the line if it is one's.
std::expected<std::shared_ptr<const admin::AccessTable>, StartError> load_admin_tokens(const AdminConfig& config);

}  // namespace ringgate::server
