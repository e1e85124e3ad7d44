#include "advise/plan.h"

#include <algorithm>

namespace pgstrata::advise {
namespace {

std::size_t position(const std::vector<InstructionId>& order, InstructionId id) {
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), id) - order.begin());
}

/// What a stage's instructions become.
class StageArranger {
 public:
  StageArranger(const Model& model, const Plan& plan, const std::vector<InstructionId>& order,
                std::map<InstructionId, Course>& courses)
      : model_(model), plan_(plan), order_(order), courses_(courses) {}

  Layout run() {
    std::vector<InstructionId> copies;
    for (const InstructionId id : order_)
      if (model_.copies.contains(id)) copies.push_back(id);
    std::sort(copies.begin(), copies.end());
    for (const InstructionId copy : copies) settle(copy);
    Layout layout;
    for (const InstructionId id : order_) {
      append(layout, before_[id]);
      const Place place = plan_.moved_runs.contains(id) ? Place::kBefore : Place::kKept;
      if (!gone_.contains(id)) layout.push_back({.instruction = id, .place = place});
      append(layout, after_[id]);
    }
    return layout;
  }

 private:
  static void append(Layout& layout, Layout& items) {
    layout.insert(layout.end(), items.begin(), items.end());
  }

  [[nodiscard]] std::vector<InstructionId> runs_after(InstructionId copy) const {
    std::vector<InstructionId> runs;
    for (const InstructionId id : order_)
      if (model_.runs.contains(id) && id > copy) runs.push_back(id);
    return runs;
  }

  [[nodiscard]] Paths need(InstructionId run, InstructionId copy, const Copied& copied) const {
    const auto known = plan_.needs.find({run, copy});
    if (known == plan_.needs.end()) return {};
    const Paths whole = closure(copied, known->second);
    return plan_.rounded ? rounded(copied, whole) : whole;
  }

  void settle(InstructionId copy) {
    const Copied& copied = model_.copies.at(copy);
    const std::vector<InstructionId> runs = runs_after(copy);
    const Paths all = copied.all();
    const auto reach = plan_.reach.find(copy);
    Course& course = courses_[copy];
    Paths placed;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const bool out_of_reach = reach != plan_.reach.end() && i >= reach->second;
      Paths together = out_of_reach ? all : need(runs[i], copy, copied);
      together.insert(placed.begin(), placed.end());
      if (together.size() == all.size()) {
        finish(copy, placed, runs, i);
        return;
      }
      if (together.size() != placed.size()) {
        before_[runs[i]].push_back({.instruction = copy,
                                    .place = Place::kBefore,
                                    .lines = copy_lines(copied, together, placed).lines});
        course.changed = true;
      }
      course.before[runs[i]] = together;
      ++course.passed;
      placed = std::move(together);
    }
    finish(copy, placed, runs, runs.size());
  }

  /// All of it, or what is left, goes before runs[next]; at the end after the last of them.
  void finish(InstructionId copy, const Paths& placed, const std::vector<InstructionId>& runs,
              std::size_t next) {
    const Copied& copied = model_.copies.at(copy);
    Item item{.instruction = copy};
    if (plan_.named_rest.contains(copy) && !placed.empty()) {
      item.lines = copy_lines(copied, copied.all(), placed).lines;
      item.comments = true;
    }
    const std::size_t own = position(order_, copy);
    const bool after_last = next == runs.size();
    const bool stays = after_last ? runs.empty() || own > position(order_, runs.back())
                                  : next == 0 && own < position(order_, runs[next]);
    if (stays && item.lines.empty()) return;
    courses_[copy].changed = true;
    gone_.insert(copy);
    item.place = after_last ? Place::kAfter : Place::kBefore;
    if (stays)
      before_[copy].push_back(item);
    else if (after_last)
      after_[runs.back()].push_back(item);
    else
      before_[runs[next]].push_back(item);
  }

  const Model& model_;
  const Plan& plan_;
  const std::vector<InstructionId>& order_;
  std::map<InstructionId, Course>& courses_;
  std::map<InstructionId, Layout> before_;
  std::map<InstructionId, Layout> after_;
  std::set<InstructionId> gone_;
};

}  // namespace

Plan first_plan(const Model& model) {
  Plan plan{.stages = model.stages};
  for (const auto& stage : model.stages)
    for (const InstructionId run : stage) {
      const auto known = model.runs.find(run);
      if (known == model.runs.end()) continue;
      for (const InstructionId copy : stage) {
        const auto copied = model.copies.find(copy);
        if (copied == model.copies.end() || copy > run) continue;
        const auto& asked = known->second.asked;
        plan.needs[{run, copy}] = asked ? needed(copied->second, *asked) : copied->second.all();
      }
    }
  return plan;
}

Arranged arrange(const Model& model, const Layout& original, const Plan& plan) {
  Arranged arranged;
  std::map<InstructionId, std::size_t> stage_of;
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage)
    for (const InstructionId id : plan.stages[stage]) stage_of[id] = stage;
  std::set<std::size_t> done;
  for (const Item& item : original) {
    const auto stage = stage_of.find(item.instruction);
    if (stage == stage_of.end()) {
      arranged.layout.push_back(item);
      continue;
    }
    // A stage's instructions stand together, so all of them come where the first one was.
    if (!done.insert(stage->second).second) continue;
    Layout items = StageArranger(model, plan, plan.stages[stage->second], arranged.courses).run();
    arranged.layout.insert(arranged.layout.end(), items.begin(), items.end());
  }
  return arranged;
}

}  // namespace pgstrata::advise
