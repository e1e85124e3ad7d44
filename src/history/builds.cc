#include "history/builds.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "os/file.h"

namespace pgstrata::history {
namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kAgeDigits = 16;
constexpr std::size_t kIdDigits = 8;
/// "<age>-<id>.json"
constexpr std::size_t kNameLength = kAgeDigits + 1 + kIdDigits + kSuffix.size();

std::string directory_of(const std::string& root) { return root + "/builds"; }

std::string_view id_of(std::string_view file) {
  return file.substr(file.size() - kSuffix.size() - kIdDigits, kIdDigits);
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  std::vector<std::string> names;
  if (!open) {
    if (errno == ENOENT) return names;
    return fail(system_error("can't list", directory));
  }
  errno = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name.size() == kNameLength && name.ends_with(kSuffix)) names.emplace_back(name);
  }
  if (errno != 0) return fail(system_error("can't list", directory));
  std::sort(names.begin(), names.end());
  return names;
}

/// Another process may have removed it first.
void prune(const std::string& directory, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i + kKept < names.size(); ++i) ::unlink((directory + "/" + names[i]).c_str());
}

Error no_build(const Wanted& wanted) {
  Error error{.kind = ErrorKind::kNotFound,
              .what = "no build is recorded",
              .next = "the store remembers what was built with it since: pgstrata build CONTEXT"};
  if (!wanted.context.empty()) error.what += " of the context " + wanted.context;
  if (!wanted.id.empty()) {
    error.what = fmt::format("no recorded build is called {}", wanted.id);
    error.next = "pgstrata explain --builds lists them";
  }
  return error;
}

}  // namespace

Result<std::string> new_id() {
  std::uint32_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random)
    return fail(system_error("can't get random bytes", ""));
  return fmt::format("{:08x}", random);
}

Result<void> add(const std::string& root, Build& build) {
  if (build.id.empty()) build.id = TRY(new_id());
  const std::string directory = directory_of(root);
  const std::string text = to_json(build);
  const std::string file =
      fmt::format("{}/{:016x}-{}{}", directory, static_cast<std::uint64_t>(build.began), build.id, kSuffix);
  auto written = os::replace_file(file, text, /*durable=*/false);
  if (!written && !os::exists(directory)) {
    TRY_VOID(os::make_directories(directory));
    written = os::replace_file(file, text, /*durable=*/false);
  }
  if (!written) return fail(std::move(written).error());
  prune(directory, TRY(names_in(directory)));
  return {};
}

Result<std::vector<std::string>> files(const std::string& root) {
  const std::string directory = directory_of(root);
  std::vector<std::string> names = TRY(names_in(directory));
  for (std::string& name : names) name.insert(0, directory + "/");
  return names;
}

Result<Build> read(const std::string& file) {
  const std::string text = TRY(os::read_file(file));
  return from_json(text, file);
}

Result<std::vector<Build>> list(const std::string& root, std::vector<Error>* unreadable) {
  std::vector<std::string> names = TRY(files(root));
  std::reverse(names.begin(), names.end());
  std::vector<Build> builds;
  for (const std::string& name : names) {
    auto build = read(name);
    if (build)
      builds.push_back(std::move(*build));
    else if (unreadable != nullptr && build.error().kind != ErrorKind::kNotFound)  // pruned meanwhile
      unreadable->push_back(std::move(build).error());
  }
  return builds;
}

Result<Build> find(const std::string& root, const Wanted& wanted) {
  std::vector<std::string> names = TRY(files(root));
  std::reverse(names.begin(), names.end());
  if (!wanted.id.empty()) {
    std::erase_if(names, [&](const std::string& name) { return !id_of(name).starts_with(wanted.id); });
    if (names.size() > 1)
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("{} recorded builds begin with {}", names.size(), wanted.id),
                   .next = "give more of its digits: pgstrata explain --builds lists them"});
  }
  for (const std::string& name : names) {
    Build build = TRY(read(name));
    if (wanted.context.empty() || build.context == wanted.context) return build;
  }
  return fail(no_build(wanted));
}

}  // namespace pgstrata::history
