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

/// With mutex_ held, as at().
Result<void> Registries::open() {
  if (transport_) return {};
  const int seconds = TRY(timeout());
  conf_ = TRY(registry::RegistriesConf::of_user());
  certificates_ = registry::CertificateDirectories::of_user();
  credentials_ = TRY(registry::CredentialStore::of_user());
  transport_ = std::make_unique<registry::HttpTransport>(
      proxies_, remote::HttpLimits{.connect = std::chrono::seconds(std::min(seconds, kLongestConnect)),
                                   .silence = std::chrono::seconds(seconds)});
  return {};
}

Result<registry::Repository> Registries::at(const registry::Place& place) {
  auto& found = registries_[{place.domain, place.insecure}];
  if (!found) {
    auto endpoint = TRY(registry::endpoint_of(place.domain, place.insecure, certificates_));
    found = std::make_unique<registry::Registry>(std::move(endpoint), *transport_, credentials_);
  }
  return registry::Repository(*found, place.path);
}

Result<std::vector<registry::Repository>> Registries::to_read(const oci::Reference& name) {
  const std::scoped_lock lock(mutex_);
  TRY_VOID(open());
  std::vector<registry::Repository> repositories;
  for (const registry::Place& place : TRY(conf_.read_places(name))) repositories.push_back(TRY(at(place)));
  return repositories;
}

Result<registry::Repository> Registries::to_write(const oci::Reference& name) {
  const std::scoped_lock lock(mutex_);
  TRY_VOID(open());
  return at(TRY(conf_.write_place(name)));
}

Result<std::uint64_t> layer_limit() {
  const std::string text = environment("PGSTRATA_LAYER_LIMIT");
  if (text.empty()) return importer::kLayerLimit;
  return TRY(parse_size("PGSTRATA_LAYER_LIMIT", text));
}

}  // namespace pgstrata::cli
