#include "cli/contexts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "layer/tar_reader.h"
#include "os/file.h"

namespace pgstrata::cli {
namespace {

/// What BuildKit calls the one file of a URL that is a context.
constexpr const char* kDownload = "context";

/// One or the other: the file beside the Dockerfile, or that of the context.
Result<std::pair<std::string, std::string>> read_ignore_file(const std::string& directory,
                                                             const std::string& dockerfile) {
  for (const std::string& name : {dockerfile + ".dockerignore", directory + "/.dockerignore"}) {
    if (name == ".dockerignore") continue;  // there is no Dockerfile that it could belong to
    auto text = os::read_file(name);
    if (text) return std::pair(*text, name);
    // A directory of that name ignores nothing.
    if (text.error().kind != ErrorKind::kNotFound && !std::filesystem::is_directory(name))
      return fail(std::move(text).error());
  }
  return std::pair<std::string, std::string>();
}

Result<std::unique_ptr<context::BuildContext>> open_directory(const std::string& directory,
                                                              const std::string& dockerfile,
                                                              const std::string& root) {
  const auto [ignore_text, ignore_name] = TRY(read_ignore_file(directory, dockerfile));
  const std::string real = absolute(directory);
  TRY_VOID(os::make_directories(root + "/stat-cache"));
  return context::BuildContext::open({.directory = real,
                                      .ignore_text = ignore_text,
                                      .ignore_name = ignore_name,
                                      .stat_cache_path = root + "/stat-cache/" + oci::sha256(real).hex()});
}

Error no_dockerfile(Error error) {
  error.kind = ErrorKind::kUsage;
  error.what = "can't read the Dockerfile";
  error.next = "name it with --file, or give the directory that holds it";
  return error;
}

/// The other name that a Dockerfile may have, as BuildKit looks for it; nothing for any other file.
std::optional<std::string> lower_case_name(const std::string& path) {
  constexpr std::string_view kName = "Dockerfile";
  if (filetree::base_name(path) != kName) return std::nullopt;
  return path.substr(0, path.size() - kName.size()) + "dockerfile";
}

/// --file, or the Dockerfile of a directory.
Result<void> read_local_dockerfile(const std::string& file, const std::string& directory,
                                   Contexts& contexts) {
  contexts.dockerfile_name = file.empty() ? directory + "/Dockerfile" : file;
  auto text = os::read_file(contexts.dockerfile_name);
  const auto other = lower_case_name(contexts.dockerfile_name);
  if (!text && text.error().kind == ErrorKind::kNotFound && other)
    if (auto lower_case = os::read_file(*other)) {
      text = std::move(lower_case);
      contexts.dockerfile_name = *other;  // and its own ignore file is that of this name, as buildx has it
    }
  if (!text) return fail(no_dockerfile(std::move(text).error()));
  contexts.dockerfile = std::move(*text);
  return {};
}

/// The same in a context that was fetched.
Result<void> read_dockerfile_of(const filetree::FileTree& tree, const std::string& file,
                                Contexts& contexts) {
  contexts.dockerfile_name = file.empty() ? "Dockerfile" : file;
  auto text = filetree::read_text(tree, contexts.dockerfile_name);
  const auto other = lower_case_name(contexts.dockerfile_name);
  if (!text && text.error().kind == ErrorKind::kNotFound && other)
    if (auto lower_case = filetree::read_text(tree, *other)) text = std::move(lower_case);
  if (!text) {
    Error error = no_dockerfile(std::move(text).error());
    error.where = contexts.dockerfile_name;
    error.why = fmt::format("it isn't in {}", tree.name());
    return fail(std::move(error));
  }
  contexts.dockerfile = std::move(*text);
  return {};
}

Result<std::unique_ptr<layer::ArchiveFileTree>> open_archive(const std::string& path,
                                                             const std::string& name,
                                                             const std::string& spool_directory) {
  os::Fd fd = TRY(os::open(path, O_RDONLY));
  layer::TarReader reader = TRY(layer::TarReader::open(std::move(fd), name));
  layer::ArchiveTree archive = TRY(layer::read_archive(std::move(reader), spool_directory));
  return layer::ArchiveFileTree::make(std::move(archive), name);
}

Result<std::string> spool_stdin(Contexts& contexts) {
  std::string path = contexts.work->path() + "/stdin";
  const os::Fd fd = TRY(os::open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  std::array<std::byte, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("can't read standard input", ""));
    if (count == 0) return path;
    TRY_VOID(os::write_all(fd.get(), std::span(buffer).first(static_cast<std::size_t>(count)), path));
  }
}

/// A tar, or a Dockerfile without a context.
Result<void> open_stdin(const ContextRequest& request, const std::string& root, Contexts& contexts) {
  if (request.file == "-")
    return fail({.kind = ErrorKind::kUsage,
                 .what = "standard input can't be both the context and the Dockerfile",
                 .next = "leave out --file -: a Dockerfile on standard input needs no context"});
  contexts.work.emplace(TRY(remote::WorkDirectory::make(root + "/remote")));
  const std::string path = TRY(spool_stdin(contexts));
  if (TRY(layer::is_tar(path))) {
    auto archive = TRY(open_archive(path, "standard input", contexts.work->path()));
    TRY_VOID(read_dockerfile_of(*archive, request.file, contexts));
    contexts.archives[""] = std::move(archive);
    return {};
  }
  if (!request.file.empty())
    return fail({.kind = ErrorKind::kUsage,
                 .what = "standard input is no tar archive, and --file names another Dockerfile",
                 .next = "pipe in a tar, or leave out --file"});
  contexts.dockerfile = TRY(os::read_file(path));
  contexts.dockerfile_name = "Dockerfile";
  contexts.archives[""] = TRY(layer::ArchiveFileTree::make({}, "an empty context"));
  return {};
}

/// A Git repository or a tar with the Dockerfile in it, or a Dockerfile alone.
Result<void> open_remote(const ContextRequest& request, const remote::Source& written,
                         const std::string& root, remote::Fetcher& fetcher, Contexts& contexts) {
  const remote::Source source = prepared(written, request);
  const std::string directory = TRY(fetcher.directory(source, {}));
  const std::string file = directory + "/" + kDownload;
  const bool is_file = std::holds_alternative<remote::HttpSource>(source);
  // What is on this machine, or elsewhere, isn't in the context.
  const bool elsewhere = request.file == "-" || request.file.starts_with('/') ||
                         TRY(remote::parse_source(request.file)).has_value();
  if (is_file && TRY(layer::is_tar(file))) {
    contexts.work.emplace(TRY(remote::WorkDirectory::make(root + "/remote")));
    auto archive =
        TRY(open_archive(file, remote::without_credentials(request.context), contexts.work->path()));
    if (!elsewhere) TRY_VOID(read_dockerfile_of(*archive, request.file, contexts));
    contexts.archives[""] = std::move(archive);
    return {};
  }
  auto tree = TRY(context::BuildContext::open({.directory = directory}));
  if (!elsewhere) TRY_VOID(read_dockerfile_of(*tree, is_file ? kDownload : request.file, contexts));
  if (is_file && !elsewhere) contexts.dockerfile_name = remote::without_credentials(request.context);
  contexts.directories[""] = std::move(tree);
  return {};
}

/// --file, if it is the URL of a file.
Result<std::optional<remote::HttpSource>> dockerfile_source(const std::string& file) {
  auto source = TRY(remote::parse_source(file));
  auto* http = source ? std::get_if<remote::HttpSource>(&*source) : nullptr;
  if (http == nullptr) return std::optional<remote::HttpSource>();
  http->filename = "Dockerfile";
  return std::optional(*http);
}

/// --file - and --file URL, whatever the context is. True: that is what it was.
Result<bool> read_dockerfile_elsewhere(const ContextRequest& request, remote::Fetcher& fetcher,
                                       Contexts& contexts) {
  if (request.file == "-") {
    contexts.dockerfile = TRY(os::read_all(STDIN_FILENO, "standard input"));
    contexts.dockerfile_name = "Dockerfile";
    return true;
  }
  const auto source = TRY(dockerfile_source(request.file));
  if (!source) return false;
  const std::string directory = TRY(fetcher.directory(*source, {}));
  contexts.dockerfile = TRY(os::read_file(directory + "/Dockerfile"));
  contexts.dockerfile_name = remote::without_credentials(request.file);
  return true;
}

}  // namespace

std::string absolute(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  std::string text = resolved != nullptr ? resolved : path;
  ::free(resolved);
  return text;
}

Result<ContextPlace> parse_context(const std::string& what, const std::string& text) {
  if (text == "-") return StandardInput{};
  struct stat status {};
  int code = ::stat(text.c_str(), &status) == 0 ? 0 : errno;
  if (code == 0 && S_ISDIR(status.st_mode)) return Directory{text};
  std::string url = text;
  if (url.starts_with("github.com/")) {
    // An old habit of Docker's: a repository without scheme and suffix.
    url.insert(0, "https://");
    const std::size_t end = std::min(url.find_first_of("#?"), url.size());
    if (!url.substr(0, end).ends_with(".git")) url.insert(end, ".git");
  }
  auto source = TRY(remote::parse_source(url));
  if (source) return std::move(*source);
  if (code == 0) code = ENOTDIR;
  Error error = system_error("can't read " + what, text, code);
  error.kind = ErrorKind::kUsage;
  error.next = code == ENOTDIR ? "give the directory it is in; a Dockerfile is named with --file"
                               : "give the directory that holds the files to copy; . is the current one";
  return fail(std::move(error));
}

Result<Contexts> open_contexts(const ContextRequest& request, const std::string& root,
                               remote::Fetcher& fetcher) {
  Contexts contexts;
  const auto* directory = std::get_if<Directory>(&request.place);
  if (std::holds_alternative<StandardInput>(request.place)) {
    TRY_VOID(open_stdin(request, root, contexts));
  } else {
    if (const auto* source = std::get_if<remote::Source>(&request.place))
      TRY_VOID(open_remote(request, *source, root, fetcher, contexts));
    const bool elsewhere = TRY(read_dockerfile_elsewhere(request, fetcher, contexts));
    const bool on_this_machine = directory != nullptr || request.file.starts_with('/');
    if (!elsewhere && on_this_machine)
      TRY_VOID(read_local_dockerfile(request.file, directory != nullptr ? directory->path : "", contexts));
    if (directory != nullptr)
      contexts.directories[""] =
          TRY(open_directory(directory->path, elsewhere ? "" : contexts.dockerfile_name, root));
  }
  for (const auto& [name, place] : request.named) {
    if (const auto* local = std::get_if<Directory>(&place)) {
      contexts.directories[name] = TRY(open_directory(local->path, "", root));
      continue;
    }
    const std::string fetched =
        TRY(fetcher.directory(prepared(std::get<remote::Source>(place), request), {}));
    contexts.directories[name] = TRY(context::BuildContext::open({.directory = fetched}));
  }
  return contexts;
}

remote::Source prepared(remote::Source source, const ContextRequest& request) {
  if (auto* http = std::get_if<remote::HttpSource>(&source)) http->filename = kDownload;
  if (auto* git = std::get_if<remote::GitSource>(&source)) {
    if (request.keep_git_dir) git->keep_git_dir = true;
    if (request.commit_times) git->commit_times = true;
  }
  return source;
}

Result<RemoteInputs> remote_inputs(const ContextRequest& request, remote::Fetcher& fetcher) {
  RemoteInputs inputs;
  const auto input_of = [&](const remote::Source& source) -> Result<RemoteInput> {
    remote::Pin pin = TRY(fetcher.pin(source, {}));
    return RemoteInput{.uri = remote::uri(source), .pin = std::move(pin)};
  };
  if (const auto* source = std::get_if<remote::Source>(&request.place))
    inputs.context = TRY(input_of(prepared(*source, request)));
  for (const auto& [name, place] : request.named)
    if (const auto* source = std::get_if<remote::Source>(&place))
      inputs.named[name] = TRY(input_of(prepared(*source, request)));
  if (auto source = TRY(dockerfile_source(request.file))) inputs.dockerfile = TRY(input_of(*source));
  return inputs;
}

}  // namespace pgstrata::cli
