#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/image_verbs.h"
#include "cli/reclaim.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "fsck/check.h"
#include "fsck/restore.h"
#include "os/file.h"
#include "prune/inventory.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::cli {
namespace {

using Json = nlohmann::ordered_json;

struct CheckOptions {
  bool repair = false;
  std::string format = "text";
};

/// A finding and what became of it.
struct Outcome {
  fsck::Finding finding;
  enum class Status { kFound, kRepaired, kLeft } status = Status::kFound;
  std::string failure;  ///< of its repair
};

/// The store as it is: nothing of it is put aside or forgotten on the way, as open_store() would.
Result<Store> open_as_it_is(const std::string& root, const CheckOptions& options,
                            std::vector<Outcome>& outcomes) {
  if (!os::exists(root + "/oci-layout"))
    return fail({.kind = ErrorKind::kMachine,
                 .what = "there is no store",
                 .where = root,
                 .next = "name its directory with --root or PGSTRATA_ROOT"});
  Store store;
  store.content = std::make_unique<content::ContentStore>(TRY(content::ContentStore::open(root)));
  store.lock = TRY(store::BuildLock::share(root));
  bool alone = TRY(store.lock->take_alone(/*wait=*/false));
  if (!alone && options.repair) {
    fmt::print(stderr, "waiting for a build to end\n");
    alone = TRY(store.lock->take_alone(/*wait=*/true));
  }
  const std::string path = root + "/index.db";
  std::vector<std::string> faults = {"it isn't there"};
  if (os::exists(path)) faults = TRY(cache::Index::faults(path));
  for (const std::string& fault : faults)
    outcomes.push_back({{"index.db", fault, fsck::BeginIndexAnew{}}, {}, {}});
  const bool begin_anew = options.repair && !faults.empty();
  if (begin_anew) cache::Index::put_aside(path);
  const std::string boot = TRY(boot_id());
  // One that can't be read knows nothing.
  store.index = TRY(cache::Index::open(faults.empty() || begin_anew ? path : ":memory:", boot));
  store.layers = TRY(store::LayerStore::open_as_it_is(*store.content, *store.index));
  for (Outcome& outcome : outcomes)
    outcome.status = begin_anew ? Outcome::Status::kRepaired : outcome.status;
  return store;
}

void mend(Store& store, Outcome& outcome) {
  outcome.status = Outcome::Status::kLeft;
  if (std::holds_alternative<fsck::ByHand>(outcome.finding.remedy)) return;
  const auto repaired = fsck::repair(*store.layers, outcome.finding.remedy);
  if (repaired)
    outcome.status = Outcome::Status::kRepaired;
  else
    outcome.failure = repaired.error().message();
}

const char* status_word(Outcome::Status status) {
  switch (status) {
    case Outcome::Status::kFound:
      return "found";
    case Outcome::Status::kRepaired:
      return "repaired";
    case Outcome::Status::kLeft:
      break;
  }
  return "left";
}

std::string line_of(const Outcome& outcome) {
  const fsck::Finding& finding = outcome.finding;
  std::string text = fmt::format("{}: {}\n", finding.what, finding.why);
  const std::string remedy = fsck::remedy_text(finding.remedy);
  if (!outcome.failure.empty()) return text + fmt::format("    can't be mended: {}\n", outcome.failure);
  if (std::holds_alternative<fsck::ByHand>(finding.remedy))
    return text + fmt::format("    to do: {}\n", remedy);
  const char* when = outcome.status == Outcome::Status::kRepaired ? "mended" : "with --repair";
  return text + fmt::format("    {}: {}\n", when, remedy);
}

std::string as_text(const fsck::Report& report, const std::vector<Outcome>& outcomes) {
  std::string text;
  for (const Outcome& outcome : outcomes) text += line_of(outcome);
  const auto mended = std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) {
    return outcome.status == Outcome::Status::kRepaired;
  });
  text += fmt::format("{} images, {} layers, {} of them unpacked, {} blobs of {}: ", report.images,
                      report.layers, report.unpacked, report.blobs, prune::size_text(report.bytes));
  text += outcomes.empty() ? "nothing is wrong\n"
                           : fmt::format("{} found, {} mended\n", outcomes.size(), mended);
  if (!report.alone) text += "what killed builds left wasn't looked for: a build is at work\n";
  return text;
}

std::string as_json(const std::string& root, const fsck::Report& report,
                    const std::vector<Outcome>& outcomes) {
  Json findings = Json::array();
  for (const Outcome& outcome : outcomes) {
    Json one = {{"what", outcome.finding.what},
                {"why", outcome.finding.why},
                {"remedy", fsck::remedy_text(outcome.finding.remedy)},
                {"by_hand", std::holds_alternative<fsck::ByHand>(outcome.finding.remedy)},
                {"status", status_word(outcome.status)}};
    if (!outcome.failure.empty()) one["failure"] = outcome.failure;
    findings.push_back(std::move(one));
  }
  const Json all = {{"store", root},
                    {"images", report.images},
                    {"layers", report.layers},
                    {"unpacked", report.unpacked},
                    {"blobs", report.blobs},
                    {"bytes", report.bytes},
                    {"leftovers_checked", report.alone},
                    {"findings", std::move(findings)}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<int> check_store(const GlobalOptions& global, const CheckOptions& options) {
  // Layers have files of any id of a plain user's namespace.
  TRY_VOID(sandbox::enter_namespaces());
  std::vector<Outcome> outcomes;
  Store store = TRY(open_as_it_is(global.root, options, outcomes));
  const bool alone = TRY(store.lock->take_alone(/*wait=*/false));
  const fsck::Names names = TRY(fsck::list_names(*store.layers, alone));
  // Builds may go on while what was there is read.
  if (!options.repair) TRY_VOID(store.lock->share_again());
  const std::set<oci::Digest> held = TRY(held_by_containers(global.root));
  fsck::Report report = TRY(fsck::check(*store.layers, held, names));
  for (fsck::Finding& finding : report.findings) {
    Outcome& outcome = outcomes.emplace_back();
    outcome.finding = std::move(finding);
    if (options.repair) mend(store, outcome);
  }
  TRY_VOID(
      print(options.format == "json" ? as_json(global.root, report, outcomes) : as_text(report, outcomes)));
  const bool all_mended = std::all_of(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) {
    return outcome.status == Outcome::Status::kRepaired;
  });
  return all_mended ? 0 : 1;
}

}  // namespace

Command add_check_store(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<CheckOptions>();
  app.add_flag("--repair", options->repair,
               "mend what can be mended, and say it; without it nothing is changed");
  app.add_option("--format", options->format, "text or json")->check(CLI::IsMember({"text", "json"}));
  return [options, &global]() -> Result<int> {
    auto code = check_store(global, *options);
    // 1 says that something was found; this is that nobody knows.
    if (!code) code.error().kind = ErrorKind::kMachine;
    return code;
  };
}

}  // namespace pgstrata::cli
