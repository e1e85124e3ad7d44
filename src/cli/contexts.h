// Where a build's files come from: what CONTEXT, --file and --build-context name, made readable. As buildx
// and BuildKit tell them apart:
//
//   CONTEXT   a directory; "-": a tar or a Dockerfile on stdin; a Git URL; the URL of a tar or a Dockerfile
//   --file    a file; "-": stdin; a URL; with a context that is no directory of this machine, a path in it
//   NAME=     a directory, a Git URL, the URL of a file (then called "context")
//
// .dockerignore is for directories of this machine: BuildKit doesn't read it anywhere else.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "context/build_context.h"
#include "core/result.h"
#include "layer/archive_file_tree.h"
#include "remote/fetcher.h"

namespace pgstrata::cli {

struct Directory {
  std::string path;
};
struct StandardInput {};
using ContextPlace = std::variant<Directory, StandardInput, remote::Source>;

/// kUsage: neither a directory nor anything that can be fetched. `what` names it in the message.
Result<ContextPlace> parse_context(const std::string& what, const std::string& text);

struct ContextRequest {
  std::string context;  ///< CONTEXT as written
  ContextPlace place;
  std::string file;  ///< --file, or ""
  std::map<std::string, ContextPlace> named;
  bool keep_git_dir = false;  ///< BUILDKIT_CONTEXT_KEEP_GIT_DIR
  bool commit_times = false;  ///< SOURCE_DATE_EPOCH is set: a checkout is as old as its commit
};

struct Contexts {
  std::map<std::string, std::unique_ptr<context::BuildContext>> directories;  ///< "" is the main one
  std::map<std::string, std::unique_ptr<layer::ArchiveFileTree>> archives;
  std::string dockerfile;       ///< its text
  std::string dockerfile_name;  ///< for messages
  std::optional<remote::WorkDirectory> work;
};

/// Reads the Dockerfile and opens the contexts. `root` is the store's directory; `fetcher` has to outlive
/// the result. kUsage: no Dockerfile, stdin said twice.
Result<Contexts> open_contexts(const ContextRequest& request, const std::string& root,
                               remote::Fetcher& fetcher);

/// The source as it is fetched for a context: with what the request says of checkouts and file names.
remote::Source prepared(remote::Source source, const ContextRequest& request);

/// CONTEXT, --build-context and --file as far as they are URLs, with what they are right now.
struct RemoteInput {
  std::string uri;
  remote::Pin pin;
};
struct RemoteInputs {
  std::optional<RemoteInput> context;
  std::optional<RemoteInput> dockerfile;
  std::map<std::string, RemoteInput> named;
};
Result<RemoteInputs> remote_inputs(const ContextRequest& request, remote::Fetcher& fetcher);

/// realpath, or the text where there is no such file.
[[nodiscard]] std::string absolute(const std::string& path);

}  // namespace pgstrata::cli
