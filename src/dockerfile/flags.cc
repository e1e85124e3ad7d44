#include "dockerfile/flags.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/suggestion.h"
#include "dockerfile/go_syntax.h"

namespace pgstrata::dockerfile {
namespace {

std::string known_flags(std::string_view wrong, std::span<const FlagSpec> known) {
  std::vector<std::string> names;
  for (const FlagSpec& spec : known) names.emplace_back(spec.name);
  if (const std::string nearest = closest(wrong, names); !nearest.empty())
    return fmt::format("did you mean --{}?", nearest);
  if (names.empty()) return "this instruction has no flags";
  return fmt::format("known flags are --{}", fmt::join(names, ", --"));
}

}  // namespace

Result<Flags> Flags::parse(const Statement& statement, std::span<const FlagSpec> known) {
  Flags flags;
  for (const Word& word : statement.split.flags) {
    const std::string_view text = std::string_view(word.text).substr(2);
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const bool has_value = equals != std::string_view::npos;
    std::string value(has_value ? text.substr(equals + 1) : "");
    const auto refuse = [&](std::string what, std::string next = {}) {
      return fail(statement.error_at(word.offset, std::move(what), std::move(next)));
    };

    const auto spec = std::find_if(known.begin(), known.end(),
                                   [name](const FlagSpec& candidate) { return candidate.name == name; });
    if (spec == known.end())
      return refuse(fmt::format("unknown flag: --{}", name), known_flags(name, known));
    auto& values = flags.values_[std::string(name)];
    if (!values.empty() && spec->kind != FlagKind::kList)
      return refuse(fmt::format("duplicate flag specified: --{}", name), "keep one of them");
    if ((has_value && value.empty() && spec->kind == FlagKind::kBool) ||
        (!has_value && spec->kind != FlagKind::kBool))
      return refuse(fmt::format("missing a value on flag: --{}", name),
                    fmt::format("write --{}=VALUE", name));
    if (spec->kind == FlagKind::kBool) {
      value = has_value ? to_lower(value) : "true";
      if (value != "true" && value != "false")
        return refuse(fmt::format("expecting boolean value for flag --{}, not: {}", name, value),
                      "write true or false");
    }
    values.push_back({.text = std::move(value), .offset = word.offset});
  }
  return flags;
}

std::string Flags::text(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? "" : found->second.front().text;
}

std::optional<bool> Flags::boolean(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second.front().text == "true";
}

std::vector<Word> Flags::list(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<Word>{} : found->second;
}

std::size_t Flags::offset(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? 0 : found->second.front().offset;
}

}  // namespace pgstrata::dockerfile
