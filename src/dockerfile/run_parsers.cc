// RUN, HEALTHCHECK and ONBUILD.
#include <fmt/format.h>

#include <array>

#include "core/suggestion.h"
#include "dockerfile/characters.h"
#include "dockerfile/flags.h"
#include "dockerfile/go_syntax.h"
#include "dockerfile/instruction_parsers.h"

namespace pgstrata::dockerfile {
namespace {

tl::unexpected<Error> refuse(std::string what, std::string next = {}) {
  return fail({.kind = ErrorKind::kUsage, .what = std::move(what), .next = std::move(next)});
}

// --device=vendor.com/class=name[,required]: what isn't a known key is the device's name.
Result<Device> parse_device(std::string_view value) {
  Device device;
  for (const std::string& field : TRY(csv_fields(value))) {
    const std::size_t equals = field.find('=');
    const std::string key = to_lower(std::string_view(field).substr(0, equals));
    const std::string text = equals == std::string::npos ? "" : field.substr(equals + 1);
    if (key == "required") {
      const auto truth = equals == std::string::npos ? true : parse_bool(text);
      if (!truth) return refuse(fmt::format("invalid value for required: {}", text), "write true or false");
      device.required = *truth;
    } else if (key == "name" && equals != std::string::npos) {
      if (!device.name.empty()) return refuse(fmt::format("device name already set to {}", device.name));
      device.name = text;
    } else if (device.name.empty()) {
      device.name = field;
    } else {
      return refuse(fmt::format("unexpected field '{}' of a device", field),
                    "known are name=DEVICE and required");
    }
  }
  return device;
}

Result<void> parse_modes(const Statement& statement, const Flags& flags, Run& run) {
  const std::string network = flags.text("network");
  if (network == "none")
    run.network = RunNetwork::kNone;
  else if (network == "host")
    run.network = RunNetwork::kHost;
  else if (flags.offset("network") != 0 && network != "default")
    return fail(statement.error_at(flags.offset("network"),
                                   fmt::format("invalid network mode \"{}\"", network),
                                   "known are default, none and host"));
  const std::string security = flags.text("security");
  if (security == "insecure")
    run.security = RunSecurity::kInsecure;
  else if (flags.offset("security") != 0 && security != "sandbox")
    return fail(statement.error_at(flags.offset("security"),
                                   fmt::format("security \"{}\" is not valid", security),
                                   "known are sandbox and insecure"));
  return {};
}

struct Timing {
  std::string_view flag;
  std::int64_t Healthcheck::*member;
};
constexpr std::array kTimings = {Timing{"interval", &Healthcheck::interval},
                                 Timing{"timeout", &Healthcheck::timeout},
                                 Timing{"start-period", &Healthcheck::start_period},
                                 Timing{"start-interval", &Healthcheck::start_interval}};

Result<void> parse_timings(const Statement& statement, const Flags& flags, Healthcheck& check) {
  constexpr std::int64_t kSmallest = 1'000'000;
  for (const Timing& timing : kTimings) {
    const std::string text = flags.text(timing.flag);
    if (text.empty()) continue;
    const auto duration = parse_duration(text);
    if (!duration)
      return fail(statement.error_at(flags.offset(timing.flag),
                                     fmt::format("invalid duration \"{}\" for --{}", text, timing.flag),
                                     "write a number with a unit: 30s, 1m30s, 500ms"));
    if (*duration != 0 && *duration < kSmallest)
      return fail(statement.error_at(flags.offset(timing.flag),
                                     fmt::format("--{} cannot be less than 1ms", timing.flag)));
    check.*timing.member = *duration;
  }
  const std::string retries = flags.text("retries");
  if (retries.empty()) return {};
  const bool negative = retries.starts_with('-');
  const auto count = parse_number(
      std::string_view(retries).substr(negative || retries.starts_with('+') ? 1 : 0), 10, INT32_MAX);
  if (!count)
    return fail(statement.error_at(flags.offset("retries"),
                                   fmt::format("invalid number \"{}\" for --retries", retries)));
  if (negative && *count > 0)
    return fail(statement.error_at(flags.offset("retries"),
                                   fmt::format("--retries cannot be negative ({})", retries)));
  check.retries = static_cast<std::int64_t>(*count);
  return {};
}

// Cuts the first word off. Bytes are enough: the words that count are ASCII.
std::string_view take_word(std::string_view& rest) {
  std::size_t size = 0;
  while (size < rest.size() && !is_space(static_cast<unsigned char>(rest[size]))) ++size;
  const std::string_view word = rest.substr(0, size);
  rest = trim_left(rest.substr(size));
  return word;
}

}  // namespace

Result<Action> parse_run(const Statement& statement) {
  constexpr std::array kKnown = {FlagSpec{"mount", FlagKind::kList}, FlagSpec{"network", FlagKind::kText},
                                 FlagSpec{"security", FlagKind::kText},
                                 FlagSpec{"device", FlagKind::kList}};
  const Flags flags = TRY(Flags::parse(statement, kKnown));
  Run run{.command = TRY(parse_command_line(statement, statement.split.rest))};
  TRY_VOID(parse_modes(statement, flags, run));
  for (const Word& word : flags.list("mount")) {
    auto mount = parse_mount_flag(word.text);
    if (!mount)
      return fail(statement.source.located(std::move(mount).error(), statement.line.position(word.offset)));
    mount->offset = word.offset;
    run.mounts.push_back(std::move(*mount));
  }
  for (const Word& word : flags.list("device")) {
    auto device = parse_device(word.text);
    if (!device)
      return fail(
          statement.source.located(std::move(device).error(), statement.line.position(word.offset)));
    run.devices.push_back(std::move(*device));
  }
  return run;
}

Result<Action> parse_healthcheck(const Statement& statement) {
  constexpr std::array kKnown = {
      FlagSpec{"interval", FlagKind::kText}, FlagSpec{"timeout", FlagKind::kText},
      FlagSpec{"start-period", FlagKind::kText}, FlagSpec{"start-interval", FlagKind::kText},
      FlagSpec{"retries", FlagKind::kText}};
  std::string_view rest = statement.split.rest;
  if (rest.empty())
    return fail(statement.error("HEALTHCHECK requires at least one argument",
                                "write HEALTHCHECK CMD COMMAND or HEALTHCHECK NONE"));
  const std::string_view written = take_word(rest);
  const std::string type = to_upper(written);
  const CommandLine command = TRY(parse_command_line(statement, rest));
  if (type == "NONE") {
    if (!command.words.empty()) return fail(statement.error("HEALTHCHECK NONE takes no arguments"));
    return Healthcheck{.test = {"NONE"}};
  }
  const Flags flags = TRY(Flags::parse(statement, kKnown));
  const std::array<std::string, 2> known = {"CMD", "NONE"};
  if (type != "CMD")
    return fail(statement.error_at(statement.offset_of(written),
                                   fmt::format("unknown type \"{}\" in HEALTHCHECK", written),
                                   did_you_mean(type, known, "write CMD before the command")));
  if (command.words.empty()) return fail(statement.error("missing command after HEALTHCHECK CMD"));
  Healthcheck check{.test = {command.exec_form ? "CMD" : "CMD-SHELL"}};
  check.test.insert(check.test.end(), command.words.begin(), command.words.end());
  TRY_VOID(parse_timings(statement, flags, check));
  return check;
}

// The trigger's own grammar is checked when it is triggered, as BuildKit does: an image may carry triggers
// for newer builders. What is refused here is what never could be one.
Result<Action> parse_on_build(const Statement& statement) {
  if (statement.split.rest.empty()) return fail(statement.error("ONBUILD requires at least one argument"));
  TRY_VOID(no_flags(statement));
  const Split inner = split_statement(statement.split.rest, 0, statement.escape);
  const std::string keyword = to_upper(inner.keyword);
  if (keyword == "ONBUILD")
    return fail(statement.error("chaining ONBUILD via ONBUILD ONBUILD isn't allowed"));
  if (keyword == "FROM" || keyword == "MAINTAINER")
    return fail(statement.error(fmt::format("{} isn't allowed as an ONBUILD trigger", keyword)));
  std::string expression(
      trim_left(std::string_view(statement.line.text).substr(statement.split.keyword.size())));
  if (!statement.heredocs.empty()) {
    for (const Heredoc& heredoc : statement.heredocs) {
      expression += '\n';
      expression += heredoc.content;
      expression += heredoc.name;
    }
  }
  return OnBuild{std::move(expression)};
}

}  // namespace pgstrata::dockerfile
