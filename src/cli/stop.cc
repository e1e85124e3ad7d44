#include <CLI/CLI.hpp>
#include <memory>

#include "cli/container_verbs.h"
#include "container/control.h"
#include "container/options.h"

namespace pgstrata::cli {
namespace {

struct StopOptions {
  std::vector<std::string> names;
  std::string signal;
  int seconds = -1;  ///< below 0: the container's own
};

Result<int> stop(const GlobalOptions& global, const StopOptions& options) {
  std::optional<int> signal;
  if (!options.signal.empty()) signal = TRY(container::parse_signal(options.signal));
  return for_each_container(global, options.names, [&](const container::Container& one) {
    const int seconds = options.seconds < 0 ? one.record.stop_timeout : options.seconds;
    return container::stop(one, std::chrono::seconds(seconds), signal);
  });
}

Result<int> kill(const GlobalOptions& global, const StopOptions& options) {
  const int signal = TRY(container::parse_signal(options.signal.empty() ? "KILL" : options.signal));
  return for_each_container(global, options.names, [&](const container::Container& one) {
    return container::send_signal(one, signal);
  });
}

}  // namespace

Command add_stop(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<StopOptions>();
  app.add_option("CONTAINER", options->names, "names or IDs")->required();
  app.add_option("-t,--timeout,--time", options->seconds,
                 "seconds until it is killed (10, or --stop-timeout)");
  app.add_option("-s,--signal", options->signal, "instead of the image's STOPSIGNAL");
  return [options, &global] { return stop(global, *options); };
}

Command add_kill(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<StopOptions>();
  app.add_option("CONTAINER", options->names, "names or IDs")->required();
  app.add_option("-s,--signal", options->signal, "KILL if not given");
  return [options, &global] { return kill(global, *options); };
}

}  // namespace pgstrata::cli
