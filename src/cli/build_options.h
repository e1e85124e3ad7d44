// The options of `pgstrata build`: buildx's words where it has them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "solver/build_executor.h"

namespace CLI {
class App;
}

namespace pgstrata::cli {

struct BuildOptions {
  std::string context;
  std::string file;
  std::vector<std::string> tags;
  std::string target;
  std::vector<std::string> build_args;
  std::vector<std::string> build_contexts;
  std::vector<std::string> secrets;
  std::vector<std::string> labels;
  std::vector<std::string> outputs;
  std::vector<std::string> no_cache_filter;
  std::vector<std::string> allow;
  std::string platform;
  std::string network;
  std::string iidfile;
  std::string metadata_file;
  std::string progress = "auto";
  std::string read_set = "on";
  bool no_cache = false;
  bool pull = false;
  bool load = false;
  bool quiet = false;

  void add_to(CLI::App& app);
};

/// NAME=VALUE, or NAME alone: then the value of the environment variable, and nothing if there is none.
Result<std::map<std::string, std::string>> parse_build_args(const std::vector<std::string>& words);
Result<std::map<std::string, std::string>> parse_assignments(const char* option,
                                                             const std::vector<std::string>& words);
/// id=NAME[,src=FILE|,env=VARIABLE] as in buildx; the values are read here.
Result<std::map<std::string, solver::Secret>> parse_secrets(const std::vector<std::string>& words);
/// SOURCE_DATE_EPOCH: --build-arg first, then the environment; kUsage if it isn't a number.
Result<std::optional<std::int64_t>> source_date_epoch(const std::map<std::string, std::string>& build_args);

}  // namespace pgstrata::cli
