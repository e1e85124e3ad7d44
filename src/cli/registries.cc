#include "cli/registries.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "cli/step_options.h"
#include "importer/import_image.h"

namespace pgstrata::cli {
namespace {

constexpr int kUsualSilence = 60;
/// Long enough for a far one, short enough not to be waited for where there is no network.
constexpr int kLongestConnect = 10;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Result<int> timeout() {
  const std::string text = environment("PGSTRATA_REGISTRY_TIMEOUT");
  if (text.empty()) return kUsualSilence;
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc{} && end == text.data() + text.size() && seconds > 0) return seconds;
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("PGSTRATA_REGISTRY_TIMEOUT is \"{}\"", text),
               .next = "write a number of seconds"});
}

}  // namespace

Result<registry::Registry*> Registries::get(const std::string& domain) {
  const std::scoped_lock lock(mutex_);
  if (!transport_) {
    const int seconds = TRY(timeout());
    credentials_ = TRY(registry::CredentialStore::of_user());
    transport_ = std::make_unique<registry::HttpTransport>(
        proxies_, remote::HttpLimits{.connect = std::chrono::seconds(std::min(seconds, kLongestConnect)),
                                     .silence = std::chrono::seconds(seconds)});
  }
  auto& found = registries_[domain];
  if (!found) found = std::make_unique<registry::Registry>(domain, *transport_, credentials_);
  return found.get();
}

Result<std::uint64_t> layer_limit() {
  const std::string text = environment("PGSTRATA_LAYER_LIMIT");
  if (text.empty()) return importer::kLayerLimit;
  return TRY(parse_size("PGSTRATA_LAYER_LIMIT", text));
}

}  // namespace pgstrata::cli
