// Any Dockerfile, also a broken one: every warning has a rule, a message and a place in the file, and can
// be printed; targets and outline can be told of what parses.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "checks/outline.h"
#include "checks/report.h"
#include "checks/step_rules.h"
#include "checks/targets.h"
#include "checks/text_rules.h"

namespace {

using namespace pgstrata;

class Resolver final : public graph::BaseResolver {
 public:
  Result<oci::ImageConfig> config(const std::string& reference, const oci::Platform& platform) override {
    oci::ImageConfig config;
    config.platform = platform;
    config.config.env = {"PATH=/bin", "X=1"};
    if (reference == "b") config.config.on_build = {"ENV t $Z", "CMD x"};
    if (reference == "c") config.platform.architecture = "other";
    return config;
  }
};

void check(const checks::Warning& warning, const dockerfile::SourceText& source) {
  if (warning.rule == nullptr || warning.message.empty()) std::abort();
  if (warning.range.line < 1 || warning.range.line > source.line_count()) std::abort();
  if (warning.range.last_line < warning.range.line) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed =
      dockerfile::parse_until_error({reinterpret_cast<const char*>(data), size}, "Dockerfile");
  const graph::BuildRequest request{
      .build_args = {{"ARGUMENT", "value"}},
      .platform = {.os = "linux", .architecture = "amd64", .variant = ""},
      .build_platform = oci::Platform{.os = "linux", .architecture = "amd64", .variant = ""},
      .every_stage = true};
  auto options = checks::options_of(parsed.dockerfile.directives, request);
  if (!options) std::abort();  // no build argument, and the directive was read already
  checks::Findings findings(std::move(*options));
  checks::check_text(parsed, request, findings);
  const auto ignore = context::IgnorePatterns::parse("*.o\nbuild\n", ".dockerignore");
  const std::set<std::string> unknown = {"d"};
  checks::StepRules rules({.request = request,
                           .escape = parsed.dockerfile.directives.escape,
                           .ignore = *ignore,
                           .unknown_bases = unknown},
                          findings);
  Resolver resolver;
  if (!parsed.error) {
    (void)graph::build_graph(parsed.dockerfile, request, resolver, &rules);
    if (checks::targets_of(parsed.dockerfile).empty()) std::abort();
    const auto outline = checks::outline_of(parsed.dockerfile, request, resolver);
    if (outline) (void)(checks::outline_text(*outline) + checks::outline_json(*outline));
  }
  const auto warnings = findings.sorted();
  const dockerfile::SourceText& source = parsed.dockerfile.source;
  for (const checks::Warning& warning : warnings) check(warning, source);
  if (checks::report_text(warnings, source, !parsed.error).empty() && !parsed.error) std::abort();
  if (checks::report_json(warnings, source, parsed.error).empty()) std::abort();
  return 0;
}
