// COPY and ADD.
#include <fmt/format.h>

#include <array>
#include <map>

#include "dockerfile/flags.h"
#include "dockerfile/go_syntax.h"
#include "dockerfile/instruction_parsers.h"

namespace pgstrata::dockerfile {
namespace {

Result<CopySources> parse_sources(const Statement& statement) {
  const std::string keyword = to_upper(statement.split.keyword);
  std::vector<std::string> words = TRY(parse_list(statement));
  if (words.size() < 2)
    return fail(
        statement.error(fmt::format("{} requires at least two arguments, but only {} {} provided", keyword,
                                    words.empty() ? "none" : "one", words.empty() ? "were" : "was"),
                        fmt::format("write {} SOURCE… DESTINATION", keyword)));
  CopySources sources{.paths = {}, .inline_files = {}, .destination = std::move(words.back())};
  words.pop_back();
  // What can't be lexed as a heredoc's word is a path with "<<" in it.
  const auto as_heredoc = [](const std::string& word) {
    auto heredoc = parse_heredoc(word);
    return heredoc ? std::move(*heredoc) : std::nullopt;
  };
  if (as_heredoc(sources.destination))
    return fail(statement.error_at(statement.line.text.rfind(sources.destination),
                                   fmt::format("{} cannot accept a heredoc as a destination", keyword),
                                   "put the destination behind it"));
  std::map<std::string_view, const Heredoc*> bodies;
  for (const Heredoc& heredoc : statement.heredocs) bodies[heredoc.name] = &heredoc;
  for (std::string& word : words) {
    auto heredoc = as_heredoc(word);
    if (!heredoc) {
      sources.paths.push_back(std::move(word));
      continue;
    }
    if (const auto body = bodies.find(heredoc->name); body != bodies.end())
      heredoc->content = body->second->content;
    sources.inline_files.push_back(
        {.name = heredoc->name, .text = chomped(*heredoc), .expand = heredoc->expand});
  }
  return sources;
}

std::vector<std::string> texts(const std::vector<Word>& words) {
  std::vector<std::string> out;
  for (const Word& word : words) out.push_back(word.text);
  return out;
}

}  // namespace

Result<Action> parse_copy(const Statement& statement) {
  constexpr std::array kKnown = {
      FlagSpec{"chown", FlagKind::kText},   FlagSpec{"from", FlagKind::kText},
      FlagSpec{"chmod", FlagKind::kText},   FlagSpec{"link", FlagKind::kBool},
      FlagSpec{"exclude", FlagKind::kList}, FlagSpec{"parents", FlagKind::kBool}};
  const Flags flags = TRY(Flags::parse(statement, kKnown));
  return Copy{.sources = TRY(parse_sources(statement)),
              .from = flags.text("from"),
              .chown = flags.text("chown"),
              .chmod = flags.text("chmod"),
              .link = flags.boolean("link").value_or(false),
              .parents = flags.boolean("parents").value_or(false),
              .exclude = texts(flags.list("exclude"))};
}

Result<Action> parse_add(const Statement& statement) {
  constexpr std::array kKnown = {
      FlagSpec{"chown", FlagKind::kText},    FlagSpec{"chmod", FlagKind::kText},
      FlagSpec{"link", FlagKind::kBool},     FlagSpec{"keep-git-dir", FlagKind::kBool},
      FlagSpec{"checksum", FlagKind::kText}, FlagSpec{"unpack", FlagKind::kBool},
      FlagSpec{"exclude", FlagKind::kList}};
  const Flags flags = TRY(Flags::parse(statement, kKnown));
  return Add{.sources = TRY(parse_sources(statement)),
             .chown = flags.text("chown"),
             .chmod = flags.text("chmod"),
             .link = flags.boolean("link").value_or(false),
             .keep_git_dir = flags.boolean("keep-git-dir"),
             .checksum = flags.text("checksum"),
             .unpack = flags.boolean("unpack"),
             .exclude = texts(flags.list("exclude"))};
}

}  // namespace pgstrata::dockerfile
