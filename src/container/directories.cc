#include <dirent.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <memory>

#include "container/control_group.h"
#include "container/options.h"
#include "container/record.h"
#include "oci/image_config.h"
#include "os/file.h"

namespace pgstrata::container {
namespace {

constexpr const char* kRemoved = ".removed";
constexpr std::array kAdjectives = {"brave",   "calm",  "clever", "eager", "fair",  "gentle",
                                    "happy",   "keen",  "kind",   "lucid", "merry", "noble",
                                    "patient", "quick", "steady", "warm"};
constexpr std::array kNouns = {"anvil",   "beacon", "cedar",  "delta",   "ember",  "falcon",
                               "garnet",  "harbor", "island", "juniper", "kernel", "ledger",
                               "mammoth", "orchid", "quartz", "stratum"};

/// "calm_quartz", from an id; with a number behind it from the second attempt on.
std::string name_from(const std::string& id, int attempt) {
  const auto digit = [&](std::size_t at) {
    return static_cast<std::size_t>(std::stoi(id.substr(at, 1), nullptr, 16));
  };
  std::string name = fmt::format("{}_{}", kAdjectives[digit(0)], kNouns[digit(1)]);
  if (attempt > 0) name += std::to_string(attempt);
  return name;
}

/// What a directory holds; nothing if it isn't there.
Result<std::vector<std::string>> names_in(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) {
    if (errno == ENOENT) return names;
    return fail(system_error("can't list the containers", path));
  }
  while (const dirent* entry = ::readdir(directory.get())) names.emplace_back(entry->d_name);
  return names;
}

Result<os::Fd> lock_names(const std::string& directory) {
  TRY_VOID(os::make_directories(directory, 0711));
  os::Fd lock = TRY(os::open(directory + "/lock", O_RDWR | O_CREAT, 0600));
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail(system_error("can't lock", directory + "/lock"));
  return lock;
}

/// The state as the world is now: whoever kept it may have been killed.
State as_it_is(State state) {
  if (const auto* running = std::get_if<Running>(&state); running != nullptr && !is_alive(running->monitor))
    return Exited{.code = 137, .started = running->started, .finished = "", .error = ""};
  if (const auto* created = std::get_if<Created>(&state); created != nullptr && !is_alive(created->monitor))
    return Exited{.code = 137, .started = "", .finished = "", .error = "pgstrata was killed before it ran"};
  return state;
}

Result<State> load_state(const std::string& directory) {
  const auto json = os::read_file(directory + "/state.json");
  if (json) return as_it_is(TRY(state_from_json(*json)));
  if (json.error().kind != ErrorKind::kNotFound) return fail(json.error());
  return State(
      Exited{.code = 137, .started = "", .finished = "", .error = "pgstrata was killed before it ran"});
}

bool is_taken(const std::vector<Container>& containers, const std::string& name) {
  return std::ranges::any_of(containers, [&](const Container& one) { return one.record.name == name; });
}

Result<void> settle_name(const std::vector<Container>& containers, Record& record) {
  if (record.name.empty()) {
    for (int attempt = 0;; ++attempt) {
      record.name = name_from(record.id, attempt);
      if (!is_taken(containers, record.name)) return {};
    }
  }
  for (const Container& one : containers)
    if (one.record.name == record.name)
      return fail(
          {.kind = ErrorKind::kUsage,
           .what = fmt::format("the container name \"{}\" is already in use by container {}", record.name,
                               one.record.id.substr(0, 12)),
           .next = fmt::format("choose another name, or remove that one: pgstrata rm {}", record.name)});
  return {};
}

}  // namespace

Result<std::string> new_id() {
  std::array<unsigned char, 32> raw{};
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size()))
    return fail(system_error("can't get random bytes", ""));
  std::string hex;
  for (const unsigned char byte : raw) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string containers_directory(const std::string& root) { return root + "/containers"; }
std::string volumes_directory(const std::string& root) { return root + "/volumes"; }

Result<Container> create_directory(const std::string& root, Record record) {
  const std::string parent = containers_directory(root);
  const os::Fd lock = TRY(lock_names(parent));
  const std::vector<Container> others = TRY(list(root));
  TRY_VOID(settle_name(others, record));
  const auto self = process_id("self");
  if (!self)
    return fail({.kind = ErrorKind::kMachine, .what = "can't read /proc/self/stat", .next = "mount /proc"});
  const std::string directory = parent + "/" + record.id;
  Container container{.directory = directory, .record = std::move(record), .state = Created{*self}};
  // 0711: the container's users pass through it on the way to their root file system.
  TRY_VOID(os::make_directories(container.directory, 0711));
  TRY_VOID(os::replace_file(container.directory + "/config.json", to_json(container.record), false, 0600));
  TRY_VOID(write_state(container.directory, container.state));
  return container;
}

Result<void> write_state(const std::string& directory, const State& state) {
  return os::replace_file(directory + "/state.json", to_json(state), false, 0600);
}

Result<Container> load(const std::string& directory) {
  const std::string config = TRY(os::read_file(directory + "/config.json"));
  Container container{.directory = directory, .record = {}, .state = {}};
  container.record = TRY(record_from_json(config));
  container.state = TRY(load_state(directory));
  return container;
}

Result<std::vector<Container>> list(const std::string& root) {
  std::vector<Container> containers;
  const std::string parent = containers_directory(root);
  for (const std::string& id : TRY(names_in(parent))) {
    if (id.size() != 64) continue;
    // One that another process is making or removing at this moment isn't there.
    auto container = load(parent + "/" + id);
    if (container) containers.push_back(std::move(*container));
  }
  std::ranges::sort(containers, [](const Container& a, const Container& b) {
    return a.record.created > b.record.created;
  });
  return containers;
}

Result<Container> find(const std::string& root, std::string_view name) {
  std::vector<Container> containers = TRY(list(root));
  for (Container& one : containers)
    if (one.record.name == name || one.record.id == name) return std::move(one);
  std::vector<Container*> matches;
  for (Container& one : containers)
    if (!name.empty() && one.record.id.starts_with(name)) matches.push_back(&one);
  if (matches.size() == 1) return std::move(*matches.front());
  if (matches.empty())
    return fail({.kind = ErrorKind::kNotFound,
                 .what = "no such container",
                 .where = std::string(name),
                 .next = "pgstrata ps -a lists them"});
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("{} containers have an id that begins so", matches.size()),
               .where = std::string(name),
               .next = "give more of it"});
}

Result<void> remove_container(const std::string& root, const Container& container) {
  // Under this name it isn't a container any more, so nobody sees half of one.
  const std::string dying = container.directory + kRemoved;
  if (::rename(container.directory.c_str(), dying.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return fail(system_error("can't remove the container", container.directory));
  }
  if (container.record.auto_remove)
    for (const std::string& volume : container.record.volumes)
      TRY_VOID(os::remove_tree(volumes_directory(root) + "/" + volume));
  // A monitor that was killed couldn't do it; where they aren't ours this does nothing.
  remove_control_groups(container.record.id);
  return os::remove_tree(dying);
}

Result<void> sweep(const std::string& root) {
  const std::string parent = containers_directory(root);
  const os::Fd lock = TRY(lock_names(parent));
  for (const std::string& name : TRY(names_in(parent)))
    if (name.ends_with(kRemoved)) TRY_VOID(os::remove_tree(parent + "/" + name));
  for (const Container& one : TRY(list(root)))
    if (one.record.auto_remove && std::holds_alternative<Exited>(one.state))
      TRY_VOID(remove_container(root, one));
  return {};
}

}  // namespace pgstrata::container
