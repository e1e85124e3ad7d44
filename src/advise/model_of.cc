#include "advise/model_of.h"

#include <algorithm>

namespace pgstrata::advise {
namespace {

using filetree::Entry;
using filetree::EntryType;
using graph::VertexId;

/// Characters that stand for themselves in a word of a Dockerfile, or for a variable.
bool is_one_word(std::string_view text) {
  return text.find_first_of(" \t\"'\\`[]*?") == std::string_view::npos;
}

/// Why a COPY can't be written as several, or "".
std::string why_indivisible(const dockerfile::Copy& copy) {
  if (!copy.from.empty()) return "it doesn't copy from the build context";
  if (!copy.sources.inline_files.empty()) return "it has a here-document";
  if (copy.parents || !copy.exclude.empty() || copy.link) return "it has --parents, --exclude or --link";
  const bool plain =
      is_one_word(copy.sources.destination) && is_one_word(copy.chown) && is_one_word(copy.chmod);
  const bool fixed = std::all_of(copy.sources.paths.begin(), copy.sources.paths.end(),
                                 [](const auto& path) { return path.find('$') == std::string::npos; });
  if (!plain) return "its destination or its flags are quoted";
  return fixed ? "" : "its sources depend on variables";
}

void describe(const dockerfile::Instruction& instruction, Copied& copied) {
  const auto* copy = std::get_if<dockerfile::Copy>(&instruction.action);
  if (copy == nullptr) {
    copied.indivisible = "it is an ADD";
    return;
  }
  copied.indivisible = why_indivisible(*copy);
  copied.keyword = instruction.keyword;
  copied.destination = copy->sources.destination;
  if (!copy->chown.empty()) copied.flags += "--chown=" + copy->chown + " ";
  if (!copy->chmod.empty()) copied.flags += "--chmod=" + copy->chmod + " ";
}

bool stays_the_same(const Entry& entry, const filetree::FileTree& below) {
  if (entry.type != EntryType::kDirectory) return false;
  const auto there = below.lookup(entry.path);
  return there && *there && (*there)->type == entry.type && (*there)->mode == entry.mode &&
         (*there)->uid == entry.uid && (*there)->gid == entry.gid && (*there)->xattrs == entry.xattrs;
}

/// The last root that a path lies in.
std::size_t root_of(const std::vector<CopiedRoot>& roots, const std::string& path) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < roots.size(); ++i)
    if (filetree::is_within(path, roots[i].destination)) found = i;
  return found;
}

/// The file of the context that became `path`.
std::string source_of(const CopiedRoot& root, const std::string& path) {
  std::string below = path.substr(std::min(root.destination.size(), path.size()));
  if (below.starts_with('/')) below.erase(0, 1);
  if (below.empty() || root.source.empty()) return root.source + below;
  return root.source + "/" + below;
}

Result<Copied> copied_of(const dockerfile::Instruction& instruction, const Layer& layer, const Chain& below,
                         char escape) {
  Copied copied{.escape = escape};
  describe(instruction, copied);
  const auto stage = view(below);
  for (const solver::CopyRoot& root : layer.plan.roots)
    copied.roots.push_back({.source = root.source, .destination = root.destination, .directory = true});
  // Of a remote ADD there is no plan; nothing of it is ever named.
  if (copied.roots.empty()) copied.roots.push_back({.source = "", .destination = "", .directory = true});
  const snapshot::ChangeSetFile& changes = *layer.view.changes;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Entry entry = TRY(changes.entry(i));
    if (entry.implied || stays_the_same(entry, *stage)) continue;
    for (CopiedRoot& root : copied.roots)
      if (root.destination == entry.path && entry.type != EntryType::kDirectory) root.directory = false;
    const std::size_t root = root_of(copied.roots, entry.path);
    copied.files.push_back({.path = entry.path,
                            .source = source_of(copied.roots[root], entry.path),
                            .directory = entry.type == EntryType::kDirectory,
                            .root = root,
                            .regular = entry.type == EntryType::kRegular});
  }
  return copied;
}

Run run_of(VertexId id, const RecordedSteps& recorded) {
  Run run;
  const auto step = recorded.find(id);
  if (step == recorded.end() || !step->second.asked) return run;
  run.asked.emplace();
  for (std::size_t i = 0; i < step->second.asked->size(); ++i)
    run.asked->push_back(step->second.asked->at(i));
  return run;
}

}  // namespace

Result<Model> model_of(const dockerfile::Dockerfile& dockerfile, const Planned& built, const Proof& proof,
                       const RecordedSteps& recorded) {
  Model model;
  for (InstructionId id = 0; id < dockerfile.instructions.size(); ++id) {
    if (std::holds_alternative<dockerfile::From>(dockerfile.instructions[id].action))
      model.stages.emplace_back();
    else if (!model.stages.empty())
      model.stages.back().push_back(id);
  }
  for (VertexId id = 0; id < built.graph.vertices.size(); ++id) {
    const graph::Vertex& vertex = built.graph.vertices[id];
    const InstructionId instruction = built.instructions[id];
    const dockerfile::Action& action = dockerfile.instructions[instruction].action;
    if (std::holds_alternative<dockerfile::Run>(action)) {
      model.runs[instruction] = run_of(id, recorded);
    } else if (std::holds_alternative<dockerfile::Copy>(action) ||
               std::holds_alternative<dockerfile::Add>(action)) {
      if (proof.chains()[id].empty() || std::holds_alternative<graph::SourceOp>(vertex.op)) continue;
      model.copies[instruction] =
          TRY(copied_of(dockerfile.instructions[instruction], *proof.chains()[id].back(),
                        below(vertex, proof.chains()), dockerfile.directives.escape));
    }
  }
  return model;
}

}  // namespace pgstrata::advise
