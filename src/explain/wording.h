// The words that all forms of an explanation share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "explain/explanation.h"

namespace pgstrata::explain {

/// Absolute, in the characters of history/path_text.h: harmless wherever it is shown.
[[nodiscard]] std::string path_text(std::string_view path, std::string_view mount = "");
/// "2026-11-28 09:24:16 UTC"
[[nodiscard]] std::string time_text(std::int64_t nanoseconds);
/// "3 files", "1 file"
[[nodiscard]] std::string counted(std::size_t count, std::string_view one, std::string_view several);

/// "content", "listing" …: one word for each question.
[[nodiscard]] std::vector<std::string_view> question_names(filetree::Questions questions);
/// How many of a group were read, and how many only looked up.
struct Counts {
  std::size_t read = 0;
  std::size_t looked_up = 0;
};
[[nodiscard]] Counts counts_of(const Group& group);

/// The one of several questions whose other answer says most.
[[nodiscard]] std::string_view most_telling(filetree::Questions questions);
/// "content of /etc/x"
[[nodiscard]] std::string falsified_question(const history::Falsified& falsified);
/// "12 files, 3 directories, 1 removed"; "nothing" if there are no entries.
[[nodiscard]] std::string entries_text(const Written& written);
/// "built in 4.2 s", "failed after 3.0 s"
[[nodiscard]] std::string outcome_text(const history::Build& build);
/// "5 steps reused, 1 ran": what is zero is left out.
[[nodiscard]] std::string steps_text(const std::vector<Step>& steps);
/// What became of it, as a clause.
[[nodiscard]] std::string status_text(history::Status status);
/// Why, with the steps that a rebased one was kept in spite of.
[[nodiscard]] std::string reason_text(const Step& step, const std::vector<Step>& all);

/// "the context by COPY . /src (line 2)", "the base image", "nowhere": completes "it read of …".
[[nodiscard]] std::string origin_text(const Origin& origin, const std::vector<Step>& steps);

}  // namespace pgstrata::explain
