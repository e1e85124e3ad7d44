// Several places that may have the same image, asked one after the other: mirrors, and then where it is.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "registry/repository.h"

namespace pgstrata::registry {

/// Whether another place may do better: not if it is the person or this machine that is at fault.
[[nodiscard]] bool may_be_elsewhere(const Error& error);
/// One line: what became of this place, and why.
[[nodiscard]] std::string passed_over(const Repository& place, const Error& error);
/// `error` is the last place's; nobody could be reached only if that holds for `earlier` ones, too.
void add_earlier(Error& error, const Repository& place, const Error& earlier);

/// What the first of `places` (one at least) gives that doesn't fail: `ask` gets a Repository& and returns
/// a Result. `note` gets a line for each one that is passed over. One that couldn't be reached before isn't
/// asked again, unless it is the last.
template <class Ask>
auto first_answer(std::vector<Repository>& places, const std::function<void(std::string_view)>& note,
                  const Ask& ask) {
  std::vector<std::pair<std::size_t, Error>> earlier;
  std::size_t i = 0;
  for (; i + 1 < places.size(); ++i) {
    if (places[i].registry().is_unreachable()) continue;
    auto answer = ask(places[i]);
    if (answer || !may_be_elsewhere(answer.error())) return answer;
    if (note) note(passed_over(places[i], answer.error()));
    earlier.emplace_back(i, answer.error());
  }
  auto answer = ask(places[i]);
  if (!answer && may_be_elsewhere(answer.error()))
    for (const auto& [at, error] : earlier) add_earlier(answer.error(), places[at], error);
  return answer;
}

}  // namespace pgstrata::registry
