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
  std::vector<std::string> ssh;
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
  std::vector<std::string> hosts;
  std::vector<std::string> ulimits;
  std::vector<std::string> allow;
  std::vector<std::string> attest;
  std::string sbom;
  std::string provenance;
  std::string shm_size;
  std::string cgroup_parent;
  std::string builder;
  std::vector<std::string> outputs;
  std::vector<std::string> no_cache_filter;
  std::vector<std::string> cache_to;
  std::vector<std::string> cache_from;
  std::vector<std::string> platforms;
  std::string network;
  std::string iidfile;
  std::string metadata_file;
  std::string progress = "auto";
  std::string read_set = "on";
  bool no_cache = false;
  bool verify = false;
  bool pull = false;
  bool load = false;
  bool push = false;
  bool allow_bootstrap = false;
  bool quiet = false;
  bool watch = false;
  std::string call = "build";
  bool check = false;

  void add_to(CLI::App& app);
};

/// NAME=VALUE, or NAME alone: then the value of the environment variable, and nothing if there is none.
Result<std::map<std::string, std::string>> parse_build_args(const std::vector<std::string>& words);
Result<std::map<std::string, std::string>> parse_assignments(const char* option,
                                                             const std::vector<std::string>& words);
/// NAME=VALUE, or NAME alone for an empty value, as in Docker.
Result<std::map<std::string, std::string>> parse_labels(const std::vector<std::string>& words);
/// id=NAME[,src=FILE|,env=VARIABLE] as in buildx; the values are read here.
Result<std::map<std::string, solver::Secret>> parse_secrets(const std::vector<std::string>& words);
/// SOURCE_DATE_EPOCH of the environment is a build argument like any other, if there is none of that name.
void add_epoch_of_environment(std::map<std::string, std::string>& build_args);

}  // namespace pgstrata::cli
