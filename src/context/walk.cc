#include "context/walk.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

namespace pgstrata::context {
namespace {

using Scanned = std::deque<std::unique_ptr<ScannedDirectory>>;

/// The directories still to scan, and the threads that do it. Threads are started when there is more
/// waiting than the running ones will have done by the time a new one is up.
class ParallelScan {
 public:
  ParallelScan(const WalkSource& source, std::unique_ptr<ScannedDirectory> top) : source_(source) {
    waiting_.push_back(top.get());
    all_.push_back(std::move(top));
  }

  /// Everything that was scanned; parents come before their children.
  Result<Scanned> run() {
    work();
    for (std::thread& thread : threads_) thread.join();
    if (error_) return fail(std::move(*error_));
    return std::move(all_);
  }
  std::vector<ChangedPath>& changes() { return changes_; }

 private:
  static constexpr std::size_t kWorthAThread = 8;    // directories waiting
  static constexpr std::size_t kWorthThreads = 500;  // entries seen: some 0.5 ms of work
  static constexpr unsigned kMaxThreads = 4;

  void work() {
    DirectoryScan scan(source_);
    std::unique_lock lock(mutex_);
    while (ScannedDirectory* directory = next(lock)) {
      ++running_;
      lock.unlock();
      const std::size_t before = scan.entry_count();
      auto result = scan.scan(*directory);
      lock.lock();
      --running_;
      entry_count_ += scan.entry_count() - before;
      if (result)
        add_below(*directory);
      else if (!error_)
        error_ = std::move(result).error();
      changed_.notify_all();
    }
    std::move(scan.changes().begin(), scan.changes().end(), std::back_inserter(changes_));
  }

  // The next directory to scan; null when there is none and no running scan can add one.
  ScannedDirectory* next(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [&] { return error_ || !waiting_.empty() || running_ == 0; });
    if (error_ || waiting_.empty()) return nullptr;
    ScannedDirectory* directory = waiting_.back();
    waiting_.pop_back();
    return directory;
  }

  void add_below(ScannedDirectory& directory) {
    if (error_) return;
    for (auto& below : directory.below) {
      auto child = std::make_unique<ScannedDirectory>();
      child->path = directory.entries[below.entry].path;
      child->scope = std::move(below.scope);
      child->parent = &directory;
      child->visible = !child->scope.ignored();
      below.directory = child.get();
      all_.push_back(std::move(child));
    }
    // The last one waiting is the next one scanned: the order of a walk, as far as threads allow.
    for (auto below = directory.below.rbegin(); below != directory.below.rend(); ++below)
      waiting_.push_back(below->directory);
    const unsigned wanted = std::min(std::thread::hardware_concurrency(), kMaxThreads);
    if (threads_.size() + 1 < wanted && waiting_.size() >= kWorthAThread && entry_count_ >= kWorthThreads)
      start_thread();
  }

  void start_thread() {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      entry_count_ = 0;  // no more threads to be had: go on with those that run
    }
  }

  const WalkSource source_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ScannedDirectory*> waiting_;
  Scanned all_;
  std::vector<std::thread> threads_;  // only grows, in threads that hold the mutex
  std::size_t running_ = 0;
  std::size_t entry_count_ = 0;
  std::optional<Error> error_;
  std::vector<ChangedPath> changes_;
};

/// Moves the entries of all directories into one list, sorted by path. The children of "a" stand behind its
/// siblings "a-b" and "a.c", because a slash is greater than those characters.
class Assembly {
 public:
  explicit Assembly(filetree::ChangeSet& out) : out_(out) {}

  void add(ScannedDirectory& top) {
    open(top);
    while (!stack_.empty()) step();
  }

 private:
  struct Open {
    ScannedDirectory* directory;
    std::vector<ScannedDirectory::Below*> subtrees;  ///< in the order of "name/"
    std::size_t next_entry = 0;
    std::size_t next_below = 0;  ///< the first in directory->below whose entry may still come
    std::size_t next_linked = 0;
    std::size_t next_subtree = 0;
  };

  static std::string_view below_path(const Open& open, std::size_t subtree) {
    return open.subtrees[subtree]->directory->path;
  }

  // Compares a/ with b/.
  static bool before_as_directory(std::string_view a, std::string_view b) {
    const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    const char c = x == a.end() ? '/' : *x;
    const char d = y == b.end() ? '/' : *y;
    return static_cast<unsigned char>(c) < static_cast<unsigned char>(d);
  }

  // True if the entry comes before what lies below the directory, whose own entry it may be.
  static bool before_subtree(std::string_view entry, std::string_view directory) {
    if (entry == directory) return true;
    const auto [x, y] = std::mismatch(entry.begin(), entry.end(), directory.begin(), directory.end());
    if (x == entry.end()) return true;
    const char d = y == directory.end() ? '/' : *y;
    return static_cast<unsigned char>(*x) < static_cast<unsigned char>(d);
  }

  void open(ScannedDirectory& directory) {
    Open open{.directory = &directory, .subtrees = {}};
    for (auto& below : directory.below)
      if (below.directory->visible) open.subtrees.push_back(&below);
    std::sort(open.subtrees.begin(), open.subtrees.end(), [](const auto* a, const auto* b) {
      return before_as_directory(a->directory->path, b->directory->path);
    });
    stack_.push_back(std::move(open));
  }

  void step() {
    Open& open = stack_.back();
    auto& entries = open.directory->entries;
    const bool has_subtree = open.next_subtree < open.subtrees.size();
    while (open.next_entry < entries.size()) {
      if (has_subtree &&
          !before_subtree(entries[open.next_entry].path, below_path(open, open.next_subtree)))
        break;
      take_entry(open);
    }
    if (has_subtree) {
      this->open(*open.subtrees[open.next_subtree++]->directory);
    } else {
      *open.directory = {};
      stack_.pop_back();
    }
  }

  void take_entry(Open& open) {
    const auto index = static_cast<std::uint32_t>(open.next_entry++);
    auto& below = open.directory->below;
    if (open.next_below < below.size() && below[open.next_below].entry == index &&
        !below[open.next_below++].directory->visible)
      return;
    filetree::Entry& entry = open.directory->entries[index];
    auto& linked = open.directory->linked;
    if (open.next_linked < linked.size() && linked[open.next_linked].entry == index)
      link_to_first(entry, linked[open.next_linked++]);
    out_.push_back(std::move(entry));
  }

  // The first of several links is the file, the others are links to it.
  void link_to_first(filetree::Entry& entry, const ScannedDirectory::Linked& linked) {
    const auto [first, is_first] = first_links_.try_emplace({linked.device, linked.inode}, entry.path);
    if (is_first) return;
    entry.type = filetree::EntryType::kHardLink;
    entry.link = first->second;
    entry.size = 0;
    entry.content = {};
    entry.xattrs.clear();
  }

  filetree::ChangeSet& out_;
  std::vector<Open> stack_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> first_links_;
};

// Children come after their parents in `all`, so that from the back every directory knows in time whether
// something below it is visible.
void decide_visibility(Scanned& all) {
  for (auto directory = all.rbegin(); directory != all.rend(); ++directory) {
    ScannedDirectory& scanned = **directory;
    if (scanned.entries.size() > scanned.below.size()) scanned.visible = true;
    if (scanned.visible && scanned.parent != nullptr) scanned.parent->visible = true;
  }
}

// The entry of a directory at the top of a walk; nothing if it is none.
Result<std::optional<filetree::Entry>> top_entry(const WalkSource& source, const std::string& path) {
  const os::Fd fd = open_beneath(source.root, path, O_RDONLY | O_DIRECTORY);
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    if (is_absent(errno)) return std::nullopt;
    return fail(unreadable(source.directory + "/" + path, errno));
  }
  auto entry = make_entry(path, status);
  if (entry) entry->xattrs = read_xattrs(fd.get());
  return entry;
}

void forget_vanished(const WalkSource& source, const std::string& top, const Scanned& all) {
  std::vector<std::string_view> kept;
  kept.reserve(all.size());
  for (const auto& directory : all) kept.push_back(directory->path);
  std::sort(kept.begin(), kept.end());
  source.cache.forget_others(top, kept);
}

}  // namespace

Result<WalkResult> walk_tree(const WalkSource& source, const std::string& path) {
  WalkResult result;
  const auto parent_scope =
      path.empty() ? source.patterns.root() : source.patterns.scope_of(filetree::parent_path(path));
  if (!parent_scope) return result;
  auto scope = path.empty() ? *parent_scope : source.patterns.enter(path, *parent_scope);
  if (scope.ignored() && !source.patterns.may_include_below(path)) return result;

  auto entry = TRY(top_entry(source, path));
  if (!entry) {
    if (path.empty() || scope.ignored()) return result;
    DirectoryScan scan(source);
    if (auto file = TRY(scan.scan_file(path))) result.entries.push_back(std::move(*file));
    result.changes = std::move(scan.changes());
    return result;
  }
  auto top = std::make_unique<ScannedDirectory>();
  top->path = path;
  top->visible = !scope.ignored();
  top->scope = std::move(scope);
  ParallelScan scan(source, std::move(top));
  Scanned all = TRY(scan.run());
  result.changes = std::move(scan.changes());
  if (!result.changes.empty()) forget_vanished(source, path, all);

  decide_visibility(all);
  if (!all.front()->visible) return result;
  std::size_t count = 1;
  for (const auto& directory : all) count += directory->entries.size();
  result.entries.reserve(count);
  result.entries.push_back(std::move(*entry));
  Assembly(result.entries).add(*all.front());
  return result;
}

}  // namespace pgstrata::context
