// The instructions of a Dockerfile, typed. Variables are not expanded yet: they depend on what comes
// before. Syntax follows BuildKit's frontend 1.26 (docs.docker.com/reference/dockerfile).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dockerfile/heredoc.h"
#include "dockerfile/mount.h"
#include "dockerfile/source.h"

namespace pgstrata::dockerfile {

/// Exec form (JSON): the arguments. Shell form: one string for the shell, or none if nothing was written.
struct CommandLine {
  std::vector<std::string> words;
  bool exec_form = false;
};

struct KeyValue {
  std::string name;
  std::string value;
  bool legacy = false;  ///< "ENV name value" without '='
};

struct From {
  std::string base;
  std::optional<std::string> platform;
  std::string name;  ///< lower case; "" without AS
};

enum class RunNetwork { kDefault, kNone, kHost };
enum class RunSecurity { kSandbox, kInsecure };
struct Device {
  std::string name;
  bool required = false;
};
struct Run {
  CommandLine command;
  std::vector<MountFlag> mounts;
  RunNetwork network = RunNetwork::kDefault;
  RunSecurity security = RunSecurity::kSandbox;
  std::vector<Device> devices;
};

/// A heredoc of COPY or ADD: a file named by its word.
struct InlineSource {
  std::string name;
  std::string text;  ///< leading tabs already removed for "<<-"
  bool expand = true;
};
struct CopySources {
  std::vector<std::string> paths;
  std::vector<InlineSource> inline_files;
  std::string destination;
};
struct Copy {
  CopySources sources;
  std::string from;  ///< "" is the build context
  std::string chown;
  std::string chmod;
  bool link = false;
  bool parents = false;
  std::vector<std::string> exclude;
};
struct Add {
  CopySources sources;
  std::string chown;
  std::string chmod;
  bool link = false;
  std::optional<bool> keep_git_dir;
  std::string checksum;
  std::optional<bool> unpack;
  std::vector<std::string> exclude;
};

struct Env {
  std::vector<KeyValue> values;
};
struct ArgDefinition {
  std::string name;
  std::optional<std::string> value;
};
struct Arg {
  std::vector<ArgDefinition> definitions;
};
struct Label {
  std::vector<KeyValue> values;
};
struct Expose {
  std::vector<std::string> ports;  ///< sorted, as BuildKit does
};
struct Volume {
  std::vector<std::string> paths;
};
struct User {
  std::string name;
};
struct Workdir {
  std::string path;
};
struct Cmd {
  CommandLine command;
};
struct Entrypoint {
  CommandLine command;
};
/// Durations are nanoseconds; 0 means Docker's default.
struct Healthcheck {
  std::vector<std::string> test;  ///< {"NONE"}, {"CMD", …} or {"CMD-SHELL", command}
  std::int64_t interval = 0;
  std::int64_t timeout = 0;
  std::int64_t start_period = 0;
  std::int64_t start_interval = 0;
  std::int64_t retries = 0;
};
struct StopSignal {
  std::string signal;
};
struct Shell {
  std::vector<std::string> words;
};
struct OnBuild {
  std::string expression;  ///< the instruction, with the heredocs that belong to it
};
struct Maintainer {
  std::string name;
};

using Action = std::variant<From, Run, Copy, Add, Env, Arg, Label, Expose, Volume, User, Workdir, Cmd,
                            Entrypoint, Healthcheck, StopSignal, Shell, OnBuild, Maintainer>;

struct Instruction {
  Action action;
  std::string keyword;  ///< as written
  std::string text;     ///< the whole instruction, joined to one line, without heredoc bodies
  SourceRange range;
  std::vector<Heredoc> heredocs;
  std::vector<std::string> comments;  ///< the lines above it, trimmed
  std::vector<Piece> pieces;          ///< where the parts of `text` stood; none: it isn't in this file

  /// Where `word` stands in the instruction; the instruction's own place if it doesn't.
  [[nodiscard]] SourceRange place_of(std::string_view word) const {
    const std::size_t offset = word.empty() ? std::string::npos : text.find(word, keyword.size());
    return offset == std::string::npos ? range : place_in(pieces, offset, range);
  }
};

}  // namespace pgstrata::dockerfile
