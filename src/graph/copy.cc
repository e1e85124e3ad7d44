// COPY, ADD and WORKDIR: the instructions that make file operations.
#include <fmt/format.h>

#include <algorithm>

#include "core/clean_path.h"
#include "dockerfile/go_syntax.h"
#include "graph/arguments.h"
#include "graph/stage_builder.h"

namespace pgstrata::graph {
namespace {

// One clause of chmod's symbolic notation: [ugoa]*([-+=][rwxXstugo]*)+
bool valid_clause(std::string_view clause) {
  clause.remove_prefix(std::min(clause.find_first_not_of("ugoa"), clause.size()));
  if (clause.empty()) return false;
  while (!clause.empty()) {
    if (clause.find_first_of("-+=") != 0) return false;
    clause.remove_prefix(1);
    const std::size_t size = std::min(clause.find_first_of("-+="), clause.size());
    const std::string_view permissions = clause.substr(0, size);
    if (permissions.find_first_not_of("rwxXstugo") != std::string_view::npos) return false;
    clause.remove_prefix(size);
  }
  return true;
}

bool valid_mode(std::string_view mode) {
  if (!mode.empty() && mode.front() >= '0' && mode.front() <= '9')
    return dockerfile::parse_number(mode, 8, 07777).has_value();
  while (true) {
    const std::size_t comma = std::min(mode.find(','), mode.size());
    if (!valid_clause(mode.substr(0, comma))) return false;
    if (comma == mode.size()) return true;
    mode.remove_prefix(comma + 1);
  }
}

// Absolute; "x/" and "x/." keep their slash, and so do "." and nothing, which are the directory itself.
std::string destination_in(const std::string& directory, const std::string& written) {
  std::string path = clean_path(written.starts_with('/') ? written : directory + "/" + written);
  const bool is_directory = written.empty() || written == "." || written == ".." ||
                            written.ends_with('/') || written.ends_with("/.") || written.ends_with("/..");
  if (is_directory && path != "/") path += '/';
  return path;
}

}  // namespace

Result<void> StageBuilder::expand_owner(CopyAction& action, const std::string& chown,
                                        const std::string& chmod, std::string& created_by) {
  const std::string owner = TRY(expand(chown));
  const std::string mode = TRY(expand(chmod));
  if (!owner.empty()) {
    action.chown = owner;
    created_by += " --chown=" + owner;
  }
  if (mode.empty()) return {};
  if (!valid_mode(mode))
    return fail(error_at(chmod, fmt::format("invalid chmod parameter: '{}'", mode),
                         "write an octal number between 0 and 07777, or a symbolic mode like u=rwX,go=rX"));
  action.chmod = mode;
  created_by += " --chmod=" + mode;
  return {};
}

Result<void> StageBuilder::copy(CopyAction action, const dockerfile::CopySources& sources,
                                std::string created_by, const RemoteOptions& remotes) {
  const std::string display = display_text();
  for (const std::string& written : sources.paths) {
    std::string source = TRY(expand(written));
    created_by += " " + source;
    auto remote = TRY(remote_source(source, remotes));
    if (remote)
      action.remotes.push_back(
          {.source = std::move(*remote), .position = action.sources.size(), .unpack = remotes.unpack});
    else
      action.sources.push_back(std::move(source));
  }
  for (const dockerfile::InlineSource& file : sources.inline_files) {
    std::string text = file.text;
    if (file.expand) {
      // Quotes are characters of the text here, and its escape character is always the backslash.
      auto expanded = dockerfile::expand(text, lookup_in(state_.env), {.escape = '\\', .quotes = false});
      if (!expanded)
        return fail(
            input_.dockerfile.source.located(std::move(expanded).error(), step_->instruction.range));
      text = std::move(*expanded);
    }
    action.inline_files.push_back({.name = file.name, .text = std::move(text)});
    created_by += " <<" + file.name;
  }
  const std::string destination = TRY(expand(sources.destination));
  action.destination = destination_in(working_dir(), TRY(on_drive(sources.destination, destination)));
  created_by += " " + destination + " # buildkit";
  add_vertex(FileOp{std::move(action)}, display, created_by, false);
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Copy& copy_instruction) {
  CopyAction action{.from = TRY(input_from(copy_instruction.from, true)), .destination = {}};
  for (const std::string& written : copy_instruction.sources.paths) {
    const std::string source = TRY(expand(written));
    const auto remote = TRY(remote_source(source, {}));
    if (remote)
      return fail(error_at(
          written,
          fmt::format("source can't be a {} for COPY",
                      std::holds_alternative<remote::HttpSource>(*remote) ? "URL" : "Git repository"),
          "use ADD, or download it in a RUN step"));
  }
  action.exclude = copy_instruction.exclude;
  action.parents = copy_instruction.parents;
  action.link = copy_instruction.link;
  std::string created_by = copy_instruction.parents ? "COPY --parents" : "COPY";
  TRY_VOID(expand_owner(action, copy_instruction.chown, copy_instruction.chmod, created_by));
  return copy(std::move(action), copy_instruction.sources, std::move(created_by), {});
}

Result<void> StageBuilder::act(const dockerfile::Workdir& workdir) {
  const std::string display = display_text();
  const std::string written = TRY(expand(workdir.path));
  const std::string path = TRY(on_drive(workdir.path, written));
  // As BuildKit: an absolute path stays as it is written.
  const std::string directory = path.starts_with('/') ? path
                                : path.empty()        ? configured_dir()
                                                      : clean_path(working_dir() + "/" + path);
  state_.config.config.working_dir = directory;
  const std::string created_by = "WORKDIR " + directory;
  // The root always exists.
  if (directory == "/")
    add_config(created_by);
  else
    // The directory is made where the cleaned path leads, though a RUN is started in the one as written.
    add_vertex(FileOp{MakeDirectory{.path = clean_path(directory), .user = state_.config.config.user}},
               display, created_by, true);
  return {};
}

}  // namespace pgstrata::graph
