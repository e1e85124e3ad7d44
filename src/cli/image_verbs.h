// The verbs that look at the store's images or give them away: images, inspect, tag, rmi, save,
// pull, push; at the disk they take: du, prune; and at what is wrong: check-store.
#pragma once

#include "cli/command.h"

namespace pgstrata::cli {

Command add_images(CLI::App& app, const GlobalOptions& global);
Command add_inspect(CLI::App& app, const GlobalOptions& global);
Command add_tag(CLI::App& app, const GlobalOptions& global);
Command add_rmi(CLI::App& app, const GlobalOptions& global);
Command add_save(CLI::App& app, const GlobalOptions& global);
Command add_pull(CLI::App& app, const GlobalOptions& global);
Command add_push(CLI::App& app, const GlobalOptions& global);
Command add_du(CLI::App& app, const GlobalOptions& global);
Command add_prune(CLI::App& app, const GlobalOptions& global);
Command add_check_store(CLI::App& app, const GlobalOptions& global);

}  // namespace pgstrata::cli
