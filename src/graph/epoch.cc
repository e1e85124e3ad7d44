#include "graph/epoch.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "dockerfile/go_syntax.h"
#include "graph/arguments.h"
#include "oci/digest.h"

namespace pgstrata::graph {
namespace {

using dockerfile::Dockerfile;
using dockerfile::Instruction;
using Instructions = std::vector<Instruction>;

constexpr const char* kName = "SOURCE_DATE_EPOCH";

/// SOURCE_DATE_EPOCH as it is written, and where: nowhere in the Dockerfile if the command line says it.
struct Written {
  std::string text;
  const Instruction* arg = nullptr;
  std::string word;  ///< the value in `arg`, before expansion
};

Error located(const Dockerfile& dockerfile, const Written& written, Error error) {
  if (written.arg == nullptr) return error;
  return dockerfile.source.located(std::move(error), written.arg->place_of(written.word));
}

Result<std::optional<Written>> find_written(const Dockerfile& dockerfile, const BuildRequest& request) {
  const auto given = request.build_args.find(kName);
  if (given != request.build_args.end()) {
    if (given->second.empty()) return std::optional<Written>();
    return std::optional(Written{.text = given->second});
  }
  const Environment global = TRY(global_arguments(dockerfile, request));
  const auto value = global.get(kName);
  if (!value || value->empty()) return std::optional<Written>();
  Written written{.text = *value};
  for (const Instruction& instruction : dockerfile.instructions) {
    const auto* arg = std::get_if<dockerfile::Arg>(&instruction.action);
    if (arg == nullptr) break;
    for (const dockerfile::ArgDefinition& definition : arg->definitions)
      if (definition.name == kName && definition.value) {
        written.arg = &instruction;
        written.word = *definition.value;
      }
  }
  return std::optional(std::move(written));
}

/// Nothing if `text` isn't a number at all.
Result<std::optional<std::int64_t>> parse_seconds(const std::string& text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::invalid_argument || end != text.data() + text.size())
    return std::optional<std::int64_t>();
  if (error == std::errc{} && seconds >= 0 && seconds <= kLatestEpoch) return std::optional(seconds);
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("SOURCE_DATE_EPOCH {} is out of range", text),
               .next = fmt::format("give seconds since 1970-01-01, from 0 to {}", kLatestEpoch)});
}

/// Reads the one ADD of a stage that stands for a time.
class EpochStage {
 public:
  EpochStage(const Dockerfile& dockerfile, const BuildRequest& request, Environment arguments)
      : dockerfile_(dockerfile), request_(request), environment_(std::move(arguments)) {}

  Result<remote::Source> read(Instructions::const_iterator from) {
    const std::string& base = std::get<dockerfile::From>(from->action).base;
    if (TRY(expand(*from, base)) != "scratch")
      return fail(refused(*from, "is FROM an image", "write FROM scratch"));
    std::optional<remote::Source> source;
    for (auto next = from + 1; next != dockerfile_.instructions.end(); ++next) {
      if (std::holds_alternative<dockerfile::From>(next->action)) break;
      if (const auto* arg = std::get_if<dockerfile::Arg>(&next->action)) {
        TRY_VOID(define(*next, *arg));
        continue;
      }
      const auto* add = std::get_if<dockerfile::Add>(&next->action);
      if (add == nullptr)
        return fail(refused(*next, "has " + dockerfile::to_upper(next->keyword), kOnlyAdd));
      if (source) return fail(refused(*next, "has several ADDs", kOnlyAdd));
      source = TRY(source_of(*next, *add));
    }
    if (!source) return fail(refused(*from, "has no ADD", kOnlyAdd));
    return std::move(*source);
  }

 private:
  static constexpr const char* kOnlyAdd = "leave ARGs in it, and one ADD of a URL or a Git repository";

  [[nodiscard]] Error refused(const Instruction& instruction, const std::string& why,
                              std::string next) const {
    Error error = dockerfile_.source.error(
        instruction.range, "SOURCE_DATE_EPOCH can't be taken from this stage: it " + why, std::move(next));
    return error;
  }

  Result<std::string> expand(const Instruction& instruction, const std::string& word) const {
    auto expanded =
        dockerfile::expand(word, lookup_in(environment_), {.escape = dockerfile_.directives.escape});
    if (!expanded)
      return fail(dockerfile_.source.located(std::move(expanded).error(), instruction.place_of(word)));
    return std::move(*expanded);
  }

  Result<void> define(const Instruction& instruction, const dockerfile::Arg& arg) {
    for (const dockerfile::ArgDefinition& definition : arg.definitions) {
      const auto given = request_.build_args.find(definition.name);
      if (given != request_.build_args.end())
        environment_.set(definition.name, given->second);
      else if (definition.value)
        environment_.set(definition.name, TRY(expand(instruction, *definition.value)));
    }
    return {};
  }

  Result<remote::Source> source_of(const Instruction& instruction, const dockerfile::Add& add) const {
    if (!add.sources.inline_files.empty() || add.sources.paths.size() != 1)
      return fail(refused(instruction, "adds more than one source", kOnlyAdd));
    const std::string text = TRY(expand(instruction, add.sources.paths.front()));
    const std::string checksum = TRY(expand(instruction, add.checksum));
    auto source = remote::parse_source(text);
    if (!source) return fail(dockerfile_.source.located(std::move(source).error(), instruction.range));
    if (!*source) return fail(refused(instruction, "adds a local file", kOnlyAdd));
    if (auto* git = std::get_if<remote::GitSource>(&**source)) {
      if (!checksum.empty()) git->checksum = checksum;
      return std::move(**source);
    }
    if (!checksum.empty() && !oci::Digest::parse(checksum))
      return fail(
          dockerfile_.source.error(instruction.place_of(add.checksum), "invalid checksum " + checksum,
                                   "write --checksum=sha256: and the file's SHA-256 in 64 hex digits"));
    std::get<remote::HttpSource>(**source).checksum = checksum;
    return std::move(**source);
  }

  const Dockerfile& dockerfile_;
  const BuildRequest& request_;
  Environment environment_;
};

bool is_context(const BuildRequest& request, const std::string& name) {
  return request.named_contexts.contains(name) || request.image_contexts.contains(name) ||
         request.empty_contexts.contains(name);
}

Result<Epoch> look_up(const Dockerfile& dockerfile, const BuildRequest& request, const Written& written) {
  const std::string& name = written.text;
  if (name == "context") return MainContextEpoch{};
  if (is_context(request, name)) return NamedContextEpoch{name};
  const std::string alias = dockerfile::to_lower(name);
  const Instructions& all = dockerfile.instructions;
  for (auto instruction = all.begin(); instruction != all.end(); ++instruction) {
    const auto* from = std::get_if<dockerfile::From>(&instruction->action);
    if (from == nullptr || from->name != alias) continue;
    Environment arguments = TRY(global_arguments(dockerfile, request));
    arguments.remove(kName);
    return Epoch(TRY(EpochStage(dockerfile, request, std::move(arguments)).read(instruction)));
  }
  return fail(
      located(dockerfile, written,
              {.kind = ErrorKind::kUsage,
               .what = "invalid SOURCE_DATE_EPOCH: " + name,
               .next = "give seconds since 1970-01-01, context, or the name of a --build-context or "
                       "of a stage that fetches one source"}));
}

}  // namespace

Result<std::optional<Epoch>> read_epoch(const Dockerfile& dockerfile, const BuildRequest& request) {
  const auto written = TRY(find_written(dockerfile, request));
  if (!written) return std::optional<Epoch>();
  auto seconds = parse_seconds(written->text);
  if (!seconds) return fail(located(dockerfile, *written, std::move(seconds).error()));
  if (*seconds) return std::optional<Epoch>(**seconds);
  return std::optional<Epoch>(TRY(look_up(dockerfile, request, *written)));
}

void settle_epoch(BuildRequest& request, std::optional<std::int64_t> seconds) {
  request.epoch = seconds ? fmt::format("{}", *seconds) : "";
  const auto given = request.build_args.find(kName);
  if (given == request.build_args.end()) return;
  if (seconds)
    given->second = *request.epoch;
  else
    request.build_args.erase(given);
}

}  // namespace pgstrata::graph
