#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/container_verbs.h"
#include "cli/run_options.h"
#include "cli/run_watch.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "container/start.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::cli {
namespace {

/// Docker's exit code for whatever keeps a container from being started, but the program itself.
constexpr int kCannotRun = 125;

Result<std::vector<cache::LayerRow>> chain_of(Store& store, const image::Image& image,
                                              const std::string& name) {
  std::vector<cache::LayerRow> chain;
  for (const oci::Digest& layer : image.config.diff_ids) {
    auto row = TRY(store.layers->find(layer));
    if (!row)
      return fail({.kind = ErrorKind::kNotFound,
                   .what = "a layer of the image isn't in the store any more",
                   .where = name,
                   .why = layer.str(),
                   .next = "build, load or pull the image again"});
    chain.push_back(*row);
  }
  return chain;
}

/// What is on the way to a started container; none of it is needed afterwards.
Result<container::Started> start(const GlobalOptions& global, const container::RunOptions& options,
                                 std::string& id) {
  // First of all: unpacked layers belong to the ids of the user namespace.
  TRY_VOID(sandbox::enter_namespaces());
  const std::string root = TRY(absolute_root(global));
  Store store = TRY(open_store({.root = root}));
  const StoredImage stored = TRY(find_image(*store.content, options.image));
  const std::vector<cache::LayerRow> chain = TRY(chain_of(store, stored.image, options.image));
  const auto tree = TRY(store.layers->view(chain, options.image));
  std::vector<std::string> lowerdirs = TRY(store.layers->lowerdirs(chain, sandbox::is_rootless()));
  const container::ImageRoot image{.manifest = stored.image.descriptor.digest,
                                   .layers = stored.image.config.diff_ids,
                                   .config = stored.image.config.config,
                                   .lowerdirs = std::move(lowerdirs),
                                   .tree = tree.get()};
  auto prepared = TRY(container::prepare(root, image, options));
  id = prepared.plan.container.record.id;
  store.lock.reset();  // the container may outlive many builds
  return container::launch(std::move(prepared));
}

int run_once(const GlobalOptions& global, const container::RunOptions& options) {
  std::string id;
  const auto started = start(global, options, id);
  if (!started) {
    print_error(started.error());
    return kCannotRun;
  }
  if (started->report.code != 0) {
    print_error({.kind = ErrorKind::kMachine, .what = started->report.message});
    return started->report.code;
  }
  if (!options.detach) return container::attend(*started);
  fmt::print("{}\n", id);
  return 0;
}

Result<int> run(const GlobalOptions& global, const CLI::App& app, const RunArguments& arguments) {
  container::RunOptions options = TRY(to_run_options(app, arguments));
  if (!arguments.watch) return run_once(global, options);
  if (options.detach)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "--watch stays in the foreground: it can't be used with --detach"});
  return run_and_watch(global, std::move(options), run_once);
}

}  // namespace

Command add_run(CLI::App& app, const GlobalOptions& global) {
  const auto arguments = std::make_shared<RunArguments>();
  add_run_options(app, *arguments);
  return [arguments, &app, &global]() -> Result<int> {
    const auto code = run(global, app, *arguments);
    if (code) return *code;
    print_error(code.error());
    return kCannotRun;
  };
}

}  // namespace pgstrata::cli
