// `pgstrata advise`.
#pragma once

#include "cli/command.h"

namespace pgstrata::cli {

Command add_advise(CLI::App& app, const GlobalOptions& global);

}  // namespace pgstrata::cli
