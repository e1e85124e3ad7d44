#include "advise/search.h"

#include <algorithm>
#include <set>

#include "advise/plan.h"
#include "filetree/entry.h"

namespace pgstrata::advise {
namespace {

using filetree::is_within;

/// Less than this part of what rebuilding costs is no reason to change anything.
constexpr double kWorthwhile = 0.01;
/// And less than this no reason for a line more.
constexpr double kNegligible = 0.002;
/// Each correction adds files to what a RUN needs, or takes a RUN from what a COPY may pass.
constexpr int kMaxCorrections = 200;

/// A plan that is proven, and what it costs.
struct Proven {
  Plan plan;
  Arranged arranged;
  double cost = 0;
};

class Search {
 public:
  Search(const Model& model, const Layout& original, Judge& judge)
      : model_(model), original_(original), judge_(judge) {}

  Result<Proposal> run() {
    Proposal proposal{.layout = original_};
    proposal.before = proposal.after = TRY(judge_.cost(original_));
    before_ = proposal.before;
    margin_ = before_ * kWorthwhile;
    auto best = TRY(prove(first_plan(model_)));
    if (best) TRY_VOID(move_runs(*best));
    if (best) TRY_VOID(simplify(*best));
    if (best && best->cost < proposal.before - margin_) {
      proposal.layout = best->arranged.layout;
      proposal.after = best->cost;
    }
    proposal.stuck = std::move(stuck_);
    return proposal;
  }

 private:
  /// Corrects the plan until it is proven; nothing if that can't be.
  Result<std::optional<Proven>> prove(Plan plan) {
    for (int correction = 0; correction < kMaxCorrections; ++correction) {
      Arranged arranged = arrange(model_, original_, plan);
      if (arranged.layout != original_) {
        const auto obstacle = TRY(judge_.prove(arranged.layout));
        if (obstacle) {
          if (!correct(plan, arranged, *obstacle)) return std::nullopt;
          continue;
        }
      }
      const double cost = TRY(judge_.cost(arranged.layout));
      return Proven{std::move(plan), std::move(arranged), cost};
    }
    return std::nullopt;
  }

  bool correct(Plan& plan, const Arranged& arranged, const Obstacle& obstacle) {
    if (obstacle.step && model_.runs.contains(*obstacle.step))
      return !obstacle.path.empty() && need_more(plan, arranged, *obstacle.step, obstacle);
    return hold_back(plan, arranged, obstacle);
  }

  /// A RUN would see something else: what is nearest to that must be there before it.
  bool need_more(Plan& plan, const Arranged& arranged, InstructionId run, const Obstacle& obstacle) {
    bool added = false;
    for (const auto& [copy, course] : arranged.courses) {
      const auto before = course.before.find(run);
      if (before == course.before.end()) continue;
      const Copied& copied = model_.copies.at(copy);
      if (!is_near(copied, obstacle.path)) continue;
      Paths& needs = plan.needs[{run, copy}];
      const std::size_t size = needs.size();
      needs.merge(around(copied, obstacle.path, before->second));
      added = added || needs.size() != size;
      if (closure(copied, needs).size() == copied.files.size()) stuck_.push_back({copy, obstacle});
    }
    if (added) return true;
    // It isn't the place of a file that matters: the RUN gets all that it had.
    for (const auto& [copy, course] : arranged.courses) {
      if (!course.before.contains(run)) continue;
      plan.needs[{run, copy}] = model_.copies.at(copy).all();
      stuck_.push_back({copy, obstacle});
      added = true;
    }
    return added;
  }

  static bool is_near(const Copied& copied, const std::string& path) {
    return std::any_of(copied.roots.begin(), copied.roots.end(), [&path](const CopiedRoot& root) {
      return is_within(path, root.destination) || is_within(root.destination, path);
    });
  }

  /// The image would be another one: a COPY comes after too many RUNs.
  bool hold_back(Plan& plan, const Arranged& arranged, const Obstacle& obstacle) {
    std::vector<InstructionId> suspects;
    for (const auto& [copy, course] : arranged.courses) {
      if (!course.changed) continue;
      const Paths all = model_.copies.at(copy).all();
      if (obstacle.step == copy || all.contains(obstacle.path)) suspects.push_back(copy);
    }
    for (const InstructionId copy : suspects)
      if (!obstacle.step && plan.named_rest.insert(copy).second) return true;
    const bool known = !suspects.empty();
    bool held = false;
    for (const auto& [copy, course] : arranged.courses) {
      if (!course.changed || course.passed == 0) continue;
      if (known && std::find(suspects.begin(), suspects.end(), copy) == suspects.end()) continue;
      plan.reach[copy] = course.passed - 1;
      if (course.passed == 1) plan.named_rest.erase(copy);
      stuck_.push_back({copy, obstacle});
      held = true;
    }
    return held;
  }

  /// As long as it makes rebuilds cheaper: the RUN and the place above it that do most.
  Result<void> move_runs(Proven& best) {
    std::set<std::pair<InstructionId, InstructionId>> refused;
    for (std::size_t round = 0; round < model_.runs.size(); ++round) {
      std::optional<Proven> next;
      while (!next) {
        auto candidate = TRY(best_move(best, refused));
        if (!candidate) return {};
        refused.insert(candidate->second);
        next = TRY(prove(std::move(candidate->first)));
        if (next && next->cost >= best.cost - margin_) next.reset();
      }
      best = std::move(*next);
    }
    return {};
  }

  using Move = std::pair<InstructionId, InstructionId>;  // this RUN before that one
  Result<std::optional<std::pair<Plan, Move>>> best_move(const Proven& best,
                                                         const std::set<Move>& refused) {
    std::optional<std::pair<Plan, Move>> found;
    double least = best.cost - margin_;
    for (std::size_t stage = 0; stage < best.plan.stages.size(); ++stage) {
      const auto& order = best.plan.stages[stage];
      for (std::size_t to = 0; to < order.size(); ++to)
        for (std::size_t from = to + 1; from < order.size(); ++from) {
          const Move move{order[from], order[to]};
          if (!model_.runs.contains(move.first) || !model_.runs.contains(move.second)) continue;
          if (refused.contains(move)) continue;
          Plan plan = best.plan;
          auto& moved = plan.stages[stage];
          const auto begin = moved.begin();
          std::rotate(begin + static_cast<std::ptrdiff_t>(to), begin + static_cast<std::ptrdiff_t>(from),
                      begin + static_cast<std::ptrdiff_t>(from) + 1);
          plan.moved_runs.insert(move.first);
          const double cost = TRY(judge_.cost(arrange(model_, original_, plan).layout));
          if (cost >= least) continue;
          least = cost;
          found = std::pair(std::move(plan), move);
        }
    }
    return found;
  }

  /// Takes back what brings nothing: the fewer lines change, the better.
  Result<void> simplify(Proven& best) {
    const double limit = best.cost + before_ * kNegligible;
    const auto try_instead = [&](Plan plan) -> Result<bool> {
      const double cost = TRY(judge_.cost(arrange(model_, original_, plan).layout));
      if (cost > limit) return false;
      auto simpler = TRY(prove(std::move(plan)));
      if (!simpler || simpler->cost > limit) return false;
      best = std::move(*simpler);
      return true;
    };
    const std::vector<Stuck> stuck = stuck_;  // what simpler plans meet isn't worth telling
    Plan plan = best.plan;
    plan.rounded = true;
    static_cast<void>(TRY(try_instead(std::move(plan))));
    for (const auto& [copy, copied] : model_.copies) {
      const auto course = best.arranged.courses.find(copy);
      if (course == best.arranged.courses.end() || !course->second.changed) continue;
      const std::size_t passed = course->second.passed;
      for (std::size_t reach = 0; reach < passed; ++reach) {
        plan = best.plan;
        plan.reach[copy] = reach;
        if (reach == 0) plan.named_rest.erase(copy);
        if (TRY(try_instead(std::move(plan)))) break;
      }
    }
    TRY_VOID(merge_parts(best, try_instead));
    stuck_ = stuck;
    return {};
  }

  /// What a later RUN needs comes with what an earlier one needs, if it is edited as seldom.
  template <class TryInstead>
  Result<void> merge_parts(Proven& best, const TryInstead& try_instead) {
    for (const auto& stage : model_.stages)
      for (const InstructionId copy : stage) {
        if (!model_.copies.contains(copy)) continue;
        std::vector<InstructionId> runs;
        for (const auto& [pair, needs] : best.plan.needs)
          if (pair.second == copy && !needs.empty()) runs.push_back(pair.first);
        for (std::size_t i = 1; i < runs.size(); ++i) {
          Plan plan = best.plan;
          const Paths later = plan.needs[{runs[i], copy}];
          plan.needs[{runs[i - 1], copy}].insert(later.begin(), later.end());
          static_cast<void>(TRY(try_instead(std::move(plan))));
        }
      }
    return {};
  }

  const Model& model_;
  const Layout& original_;
  Judge& judge_;
  double before_ = 0;
  double margin_ = 0;  ///< what a change must save
  std::vector<Stuck> stuck_;
};

}  // namespace

Result<Proposal> search(const Model& model, const Layout& original, Judge& judge) {
  return Search(model, original, judge).run();
}

}  // namespace pgstrata::advise
