#include "server/version.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/utsname.h>

namespace ringgate::server {
namespace {

#if defined(__clang__)
constexpr const char* compiler = "clang " __clang_version__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

std::string line(std::string_view name, std::string_view value) { return fmt::format("{:<24}{}\n", name, value); }

}  // namespace

const char* version() { return RINGGATE_VERSION; }

std::string kernel_release() {
  utsname names{};
  return uname(&names) == 0 ? names.release : "unknown";
}

std::string describe_version(RingProbe probe) {
  std::string out = line("ringgate", version());
  out += line("compiler", compiler);
  out += line("liburing", RINGGATE_LIBURING_VERSION);
  out += line("openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
  out += line("kernel", kernel_release());
  const auto features = probe();
  if (!features) return out + line("io_uring", "not available: " + features.error().cause);
  for (const ring::NamedFeature& feature : ring::list(*features)) out += line(feature.name, feature.available ? "yes" : "no");
  return out;
}

}  // namespace ringgate::server
