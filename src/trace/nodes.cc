#include "trace/nodes.h"

#include <algorithm>

namespace pgstrata::trace {

using filetree::Observation;
using filetree::Questions;

// Id 0 is the kernel's "nothing". The root's kind is seen by whoever walks a path, and its attributes are
// copied into every upper directory.
Nodes::Nodes() : nodes_(2) { nodes_[kRoot].asked = filetree::kAskedKind | filetree::kAskedXattrs; }

NodeId Nodes::add(NodeId parent, std::string name, const struct stat& status) {
  const std::scoped_lock lock(mutex_);
  const auto [place, is_new] = names_.try_emplace(Name{parent, std::move(name)}, NodeId{0});
  auto& [key, node] = *place;
  if (!is_new) return node;
  NodeId* const linked =
      S_ISDIR(status.st_mode) || status.st_nlink < 2 ? nullptr : &linked_[{status.st_dev, status.st_ino}];
  if (linked != nullptr) node = *linked;
  if (node == 0) {
    node = nodes_.size();
    nodes_.push_back({.first_name = &key, .asked = filetree::kAskedKind});
    if (linked != nullptr) *linked = node;
  }
  return node;
}

void Nodes::add_absent(NodeId parent, std::string name) {
  const std::scoped_lock lock(mutex_);
  names_.try_emplace(Name{parent, std::move(name)}, NodeId{0});
}

Questions Nodes::ask(NodeId node, Questions questions) {
  const std::scoped_lock lock(mutex_);
  Questions& asked = nodes_.at(node).asked;
  asked = asked | questions;
  return asked;
}

Nodes::Place Nodes::place(NodeId node) const {
  const std::scoped_lock lock(mutex_);
  const Name& name = *nodes_.at(node).first_name;
  return {name.parent, name.name};
}

std::string Nodes::path(NodeId node) const {
  const std::scoped_lock lock(mutex_);
  return path_of(nodes_.at(node).first_name);
}

std::string Nodes::path_of(const Name* name) const {
  std::string reversed;
  for (const Name* at = name; at != nullptr; at = nodes_[at->parent].first_name) {
    if (!reversed.empty()) reversed += '/';
    reversed.append(at->name.rbegin(), at->name.rend());
  }
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

filetree::Observations Nodes::observations() const {
  const std::scoped_lock lock(mutex_);
  filetree::Observations all;
  all.reserve(names_.size() + 1);
  all.push_back({"", nodes_[kRoot].asked});
  for (const auto& [name, node] : names_)
    all.push_back({path_of(&name), node == 0 ? filetree::kAskedAbsent : nodes_[node].asked});
  std::sort(all.begin(), all.end(),
            [](const Observation& a, const Observation& b) { return a.path < b.path; });
  return all;
}

}  // namespace pgstrata::trace
