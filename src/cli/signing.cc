#include "cli/signing.h"

#include <fmt/format.h>

#include <cstdlib>

#include "os/process.h"

namespace pgstrata::cli {
namespace {

constexpr const char* kProgram = "cosign";

std::string without_last_newlines(std::string text) {
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

}  // namespace

Result<void> find_cosign() {
  const char* path = std::getenv("PATH");
  if (!os::find_program(kProgram, path != nullptr ? path : "").empty()) return {};
  return fail({.kind = ErrorKind::kMachine,
               .what = "the image can't be signed, and wasn't pushed",
               .why = "there is no program cosign in PATH",
               .next = "install cosign, or push without --sign"});
}

Result<void> sign(const oci::Reference& name, const oci::Digest& digest, const std::string& key,
                  bool is_insecure, const std::stop_token& stop) {
  const std::string image = fmt::format("{}/{}@{}", name.domain, name.path, digest.str());
  os::Command command{.argv = {kProgram, "sign", "--yes", "--key", key}, .env = os::environment_with({})};
  // A signature is a manifest and a blob like others: where those went by HTTP it has to, too.
  if (is_insecure) {
    command.argv.emplace_back("--allow-http-registry");
    command.argv.emplace_back("--allow-insecure-registry");
  }
  command.argv.push_back(image);
  const os::Captured done = TRY(os::capture(command, stop));
  if (os::succeeded(done.status)) return {};
  return fail({.kind = ErrorKind::kIo,
               .what = "the image was pushed, but cosign didn't sign it",
               .where = image,
               .why = fmt::format("{}: {}", os::describe(done.status), without_last_newlines(done.err)),
               .next = "mend that and push once more with --sign: what the registry has isn't sent again"});
}

}  // namespace pgstrata::cli
