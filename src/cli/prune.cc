#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <ctime>

#include "cli/image_verbs.h"
#include "cli/reclaim.h"
#include "cli/step_options.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "prune/prune.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::cli {
namespace {

struct PruneOptions {
  std::string keep_storage;
  std::vector<std::string> filters;
  bool all = false;
  bool force = false;
};

/// "24h", "10m", "90s", "7d": Go's durations, as far as people write them, and days.
Result<std::int64_t> parse_age(const std::string& text) {
  std::int64_t seconds = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  bool valid = at != end;
  while (valid && at != end) {
    std::int64_t number = 0;
    const auto [unit, error] = std::from_chars(at, end, number);
    valid = error == std::errc{} && unit != end && number >= 0 && number < 1'000'000;
    if (!valid) break;
    const std::string_view units = "smhd";
    constexpr std::int64_t kSeconds[] = {1, 60, 3600, 86400};
    const std::size_t which = units.find(*unit);
    valid = which != std::string_view::npos;
    if (valid) seconds += number * kSeconds[which];
    at = unit + 1;
  }
  if (valid) return seconds;
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("--filter until={}: not an age", text),
               .next = "write it like 24h, 30m or 7d"});
}

Result<prune::Policy> policy_of(const PruneOptions& options, const std::string& root) {
  prune::Policy policy;
  for (const std::string& filter : options.filters) {
    constexpr std::string_view kUntil = "until=";
    if (!filter.starts_with(kUntil))
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("--filter {}: there is no such filter", filter),
                   .next = "until=AGE is the only one"});
    policy.unused_since = std::time(nullptr) - TRY(parse_age(filter.substr(kUntil.size())));
  }
  if (!options.keep_storage.empty())
    policy.keep_bytes = TRY(parse_size("--keep-storage", options.keep_storage));
  else if (!options.all && !policy.unused_since)
    policy.keep_bytes = TRY(storage_bound(root));
  return policy;
}

Result<int> prune_store(const GlobalOptions& global, const PruneOptions& options) {
  const prune::Policy policy = TRY(policy_of(options, global.root));
  // Layers have files of any id of a plain user's namespace.
  TRY_VOID(sandbox::enter_namespaces());
  Store store = TRY(open_store(global));
  if (!TRY(store.lock->take_alone(/*wait=*/false))) {
    fmt::print(stderr, "waiting for a build to end\n");
    TRY(store.lock->take_alone(/*wait=*/true));
  }
  const std::set<oci::Digest> held = TRY(held_by_containers(global.root));
  const prune::Inventory before = TRY(prune::take_inventory(*store.layers, held));
  const auto items = prune::choose(before, held, policy);
  const std::uint64_t freed = TRY(prune::remove(*store.layers, items));
  TRY_VOID(print(fmt::format("removed {}, {} left\n", prune::size_text(freed),
                             prune::size_text(before.total() - freed))));
  return 0;
}

}  // namespace

Command add_prune(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<PruneOptions>();
  app.add_option("--keep-storage", options->keep_storage,
                 "remove the least recently used until the store takes no more than this (10g)");
  app.add_option("--filter", options->filters, "until=AGE: only what wasn't used for so long (24h, 7d)")
      ->allow_extra_args(false);
  app.add_flag("-a,--all", options->all, "everything that no image and no container needs");
  app.add_flag("-f,--force", options->force, "accepted: nothing is asked");
  return [options, &global] { return prune_store(global, *options); };
}

}  // namespace pgstrata::cli
