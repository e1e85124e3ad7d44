#include "cli/base_maker.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "bootstrap/base_name.h"
#include "cli/interrupts.h"
#include "importer/registry_image.h"
#include "sandbox/user_namespace.h"
#include "solver/bootstrap_base.h"

namespace pgstrata::cli {
namespace {

/// One step of the display, which begins with its first line, or when it is over.
class ShownStep {
 public:
  ShownStep(progress::Sink& sink, std::size_t& steps, std::string name)
      : sink_(sink), steps_(steps), name_(std::move(name)), start_(std::chrono::steady_clock::now()) {}

  void begin() {
    if (id_) return;
    id_ = steps_++;
    sink_.step_declared({.id = *id_, .name = name_});
    sink_.step_started(*id_);
  }
  void line(std::string_view text) {
    begin();
    sink_.step_output(*id_, progress::Stream::kStdout, std::string(text) + "\n");
  }
  void succeeded(const char* reason) {
    begin();
    sink_.step_finished(*id_, {.outcome = progress::Ran{}, .reason = reason, .seconds = seconds()});
  }
  /// Nothing, if it hasn't begun.
  void failed(const Error& error) {
    if (id_) sink_.step_finished(*id_, {.outcome = progress::Failed{error.what}, .seconds = seconds()});
  }

 private:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  progress::Sink& sink_;
  std::size_t& steps_;
  std::string name_;
  std::chrono::steady_clock::time_point start_;
  std::optional<progress::StepId> id_;
};

}  // namespace

Result<oci::Descriptor> BaseMaker::make(const oci::Reference& name, const oci::Platform& platform) {
  auto pulled = pull(name, platform);
  if (!pulled && pulled.error().kind != ErrorKind::kUnreachable && !pulled.error().where.empty()) {
    // The place of the error is the FROM.
    Error& error = pulled.error();
    error.why = std::exchange(error.where, "") + (error.why.empty() ? "" : ": ") + error.why;
  }
  if (pulled || pulled.error().kind != ErrorKind::kUnreachable) return pulled;
  const bool may_bootstrap =
      !pull_ && !name.digest && bootstrap::parse_base_name(name.str()) && platform == oci::Platform::host();
  if (may_bootstrap) {
    sink_.message(progress::Level::kInfo,
                  fmt::format("{} can't be reached ({}): making {} from Debian's packages, once",
                              name.domain, pulled.error().why, name.familiar()));
    return bootstrap(name, platform);
  }
  Error error = std::move(pulled).error();
  error.what = fmt::format("can't get the image {}", name.familiar());
  error.where.clear();
  error.why = fmt::format("{} can't be reached: {}", name.domain, error.why);
  if (!pull_) error.why = "it isn't in the store, and " + error.why;
  error.next =
      "check the network (HTTPS_PROXY names a proxy), build it into the store under this name, or name "
      "another image: --build-context NAME=docker-image://OTHER";
  return fail(std::move(error));
}

Result<oci::Descriptor> BaseMaker::pull(const oci::Reference& name, const oci::Platform& platform) {
  std::vector<registry::Repository> places = TRY(registries_.to_read(name));
  ShownStep step(sink_, steps_, fmt::format("pull {}", name.familiar()));
  importer::PullOptions options;
  options.platform = platform;
  options.keep_others = true;
  options.unpack = sandbox::is_root_of_machine();
  options.layer_limit = TRY(layer_limit());
  options.progress = [&step](std::string_view line) { step.line(line); };
  options.note = [this](std::string_view line) { sink_.message(progress::Level::kInfo, line); };
  auto pulled = [&] {
    std::stop_source stop;
    const Interrupts interrupts(stop);
    options.stop = stop.get_token();
    return importer::pull(*store_.layers, std::move(places), name, options);
  }();
  if (!pulled)
    step.failed(pulled.error());
  else if (pulled->is_new)
    step.succeeded("not in the store");
  // The namespaces are entered by a process with one thread.
  sink_.suspend();
  if (!pulled) return fail(std::move(pulled).error());
  return pulled->manifest;
}

/// mmdebstrap is an ordinary program, and Ctrl-C has to end all of it.
Result<oci::Descriptor> BaseMaker::bootstrap(const oci::Reference& name, const oci::Platform& platform) {
  ShownStep step(sink_, steps_, fmt::format("bootstrap {}", name.familiar()));
  step.begin();
  auto made = [&] {
    std::stop_source stop;
    const Interrupts interrupts(stop);
    return solver::bootstrap_base(
        *store_.layers, name, platform, [&](std::string_view line) { step.line(line); }, stop.get_token());
  }();
  if (made)
    step.succeeded("not in the store");
  else
    step.failed(made.error());
  sink_.suspend();
  return made;
}

}  // namespace pgstrata::cli
