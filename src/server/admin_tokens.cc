#include "server/admin_tokens.h"

#include "base/log.h"

namespace ringgate::server {

std::expected<std::shared_ptr<const admin::AccessTable>, StartError> load_admin_tokens(const AdminConfig& config) {
  const auto fault = [](const std::string& cause, const char* remedy) {
    return std::unexpected(StartError{ExitCode::bad_configuration, "admin.tokens: " + cause, remedy});
  };
  std::vector<std::shared_ptr<const auth::AdminTokens>> files;
  if (config.bind == "off") return std::make_shared<const admin::AccessTable>();
  for (const std::string& file : config.token_files) {
    auto tokens = auth::AdminTokens::load(file);
    if (!tokens) return fault(tokens.error(), "correct the file, or the setting");
    if ((*tokens)->size() == 0)
      return fault(file + " holds no token, so nobody could use it", "add a line, or leave the file out");
    if ((*tokens)->warning()) log::warning(*(*tokens)->warning());
    files.push_back(std::move(*tokens));
  }
  return std::make_shared<const admin::AccessTable>(std::move(files));
}

}  // namespace ringgate::server
