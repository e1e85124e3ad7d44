#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <set>

#include "container/control_group.h"
#include "container/start.h"
#include "container/volumes.h"
#include "filetree/resolve.h"
#include "os/file.h"
#include "sandbox/machine_files.h"
#include "sandbox/user_namespace.h"
#include "snapshot/upper_dir.h"

namespace pgstrata::container {
namespace {

std::string choose_hostname(const RunOptions& options, Network network, const std::string& id) {
  if (!options.hostname.empty()) return options.hostname;
  utsname machine{};
  if (network == Network::kHost && ::uname(&machine) == 0) return machine.nodename;
  return id.substr(0, 12);
}

std::string shown(const PublishedPort& port) {
  return fmt::format("{}:{}->{}/tcp", port.address.empty() ? "0.0.0.0" : port.address, port.host,
                     port.container);
}

Result<void> check_options(const RunOptions& options, Network network) {
  if (network == Network::kNone && !options.ports.empty())
    return fail({.kind = ErrorKind::kUsage,
                 .what = "ports can't be published without a network",
                 .next = "--network private forwards published ports and has no other network"});
  if (network == Network::kHost && default_network(options.ports) != Network::kHost)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "on the machine's network a port can't get another number or address",
                 .why = "the program itself listens there",
                 .next = "--network private, or the same number on both sides"});
  if (!options.memory_bytes) return {};
  if (sandbox::is_rootless())
    return fail({.kind = ErrorKind::kMachine,
                 .what = "can't limit the container's memory",
                 .why = "control groups belong to root",
                 .next = "run as root, or start pgstrata under systemd-run --user --scope -p MemoryMax=…"});
  return check_memory_controller();
}

Record make_record(const ImageRoot& image, const RunOptions& options, Network network) {
  Record record;
  record.name = options.name;
  record.image = options.image;
  record.manifest = image.manifest;
  record.layers = image.layers;
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  record.created = oci::format_time(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
  record.labels = image.config.labels;
  for (const auto& [key, value] : options.labels) record.labels[key] = value;
  record.network = name(network);
  for (const PublishedPort& port : options.ports) record.ports.push_back(shown(port));
  record.auto_remove = options.auto_remove;
  record.stop_timeout = options.stop_timeout;
  return record;
}

/// The image's volumes that nothing was mounted on, and those of the options. The latter come sorted by
/// target, so that one inside another is mounted behind it.
std::vector<Volume> all_volumes(const ImageRoot& image, const RunOptions& options) {
  std::vector<Volume> volumes = options.volumes;
  std::set<std::string> taken;
  for (const Volume& volume : options.volumes) taken.insert(filetree::clean(volume.target));
  for (const Tmpfs& tmpfs : options.tmpfs) taken.insert(filetree::clean(tmpfs.target));
  for (const std::string& target : image.config.volumes)
    if (!taken.contains(filetree::clean(target)))
      volumes.push_back({.source = AnonymousVolume{}, .target = target});
  std::ranges::stable_sort(volumes, {}, [](const Volume& one) { return filetree::clean(one.target); });
  return volumes;
}

Result<void> write_etc(const std::string& directory, const std::string& hostname, const RunOptions& options,
                       Network network) {
  std::string hosts;
  // With the machine's network its names belong to it, too.
  auto machine = network == Network::kHost ? os::read_file("/etc/hosts") : Result<std::string>("");
  hosts = machine && !machine->empty() ? *machine : sandbox::hosts_text(hostname);
  if (hosts.back() != '\n') hosts += '\n';
  for (const auto& [host, address] : options.extra_hosts) hosts += address + "\t" + host + "\n";
  TRY_VOID(os::write_file(directory + "/hosts", hosts));
  TRY_VOID(os::write_file(directory + "/hostname", hostname + "\n"));
  return os::write_file(directory + "/resolv.conf", sandbox::resolv_conf_text().value_or(""));
}

class Preparation {
 public:
  Preparation(const std::string& root, const ImageRoot& image, const RunOptions& options)
      : root_(root),
        image_(image),
        options_(options),
        network_(options.network.value_or(default_network(options.ports))) {}

  Result<Prepared> make() {
    TRY_VOID(check_options(options_, network_));
    Prepared prepared;
    MonitorPlan& plan = prepared.plan;
    plan.runtime = TRY(find_runtime());
    for (const PublishedPort& port : options_.ports)
      if (network_ == Network::kPrivate) plan.listeners.push_back(TRY(listen_on(port)));
    TRY_VOID(make_directory(plan.container));
    auto filled = fill(prepared);
    if (filled) return prepared;
    prepared.rootfs = {};
    TRY_VOID(remove_container(root_, plan.container));
    return fail(filled.error());
  }

 private:
  Result<void> make_directory(Container& container) {
    Record record = make_record(image_, options_, network_);
    record.id = TRY(new_id());
    hostname_ = choose_hostname(options_, network_, record.id);
    record.process = TRY(plan_process(image_, options_, hostname_));
    record.stop_signal = options_.stop_signal ? *options_.stop_signal : TRY(image_stop_signal());
    volumes_ = all_volumes(image_, options_);
    for (const Volume& volume : volumes_) {
      record.mounts.push_back(volume.target);
      if (std::holds_alternative<AnonymousVolume>(volume.source)) record.volumes.push_back(TRY(new_id()));
    }
    container = TRY(create_directory(root_, std::move(record)));
    return {};
  }

  [[nodiscard]] Result<int> image_stop_signal() const {
    if (image_.config.stop_signal.empty()) return SIGTERM;
    return parse_signal(image_.config.stop_signal);
  }

  Result<void> fill(Prepared& prepared) {
    MonitorPlan& plan = prepared.plan;
    const Container& container = plan.container;
    const std::string& directory = container.directory;
    for (const char* name : {"/work", "/rootfs", "/bundle", "/runtime"})
      TRY_VOID(os::make_directories(directory + name));
    TRY_VOID(snapshot::make_upper(directory + "/upper", *image_.tree));
    prepared.rootfs =
        TRY(snapshot::mount_overlay({.lowerdirs = image_.lowerdirs,
                                     .upperdir = directory + "/upper",
                                     .workdir = directory + "/work",
                                     .target = directory + "/rootfs",
                                     .userxattr = sandbox::is_rootless(),
                                     // Only what goes with the container needn't reach the disk.
                                     .is_volatile = options_.auto_remove}));
    TRY_VOID(write_etc(directory, hostname_, options_, network_));
    const RuntimeSpec spec = TRY(make_spec(container));
    TRY_VOID(os::write_file(directory + "/bundle/config.json", to_json(spec), 0600));
    plan.root = root_;
    plan.call = {.state_directory = "",
                 .log_file = "",
                 .rootless = sandbox::is_rootless(),
                 .id = container.record.id};
    plan.detached = options_.detach;
    plan.interactive = options_.interactive;
    plan.terminal = options_.terminal;
    return {};
  }

  Result<RuntimeSpec> make_spec(const Container& container) {
    const bool rootless = sandbox::is_rootless();
    RuntimeSpec spec;
    spec.rootfs = container.directory + "/rootfs";
    spec.read_only = options_.read_only;
    spec.process = container.record.process;
    spec.hostname = hostname_;
    spec.private_network = network_ != Network::kHost;
    spec.seccomp = options_.seccomp;
    if (!rootless)
      spec.control_group = ControlGroup{.path = control_group_path(container.record.id),
                                        .memory_bytes = options_.memory_bytes,
                                        .own_namespace = has_unified_hierarchy()};
    // sysfs belongs to the network namespace: a user namespace may mount it only with a network of its own.
    spec.mounts = standard_mounts({.shm_bytes = options_.shm_bytes,
                                   .own_sysfs = !rootless || spec.private_network,
                                   .control_groups = !rootless,
                                   .terminal_group = !sandbox::missing_ids()});
    TRY_VOID(add_mounts(container, spec.mounts));
    return spec;
  }

  Result<void> add_mounts(const Container& container, std::vector<Mount>& mounts) {
    const bool rootless = sandbox::is_rootless();
    for (const char* name : {"hosts", "hostname", "resolv.conf"}) {
      const std::string source = container.directory + "/" + name;
      mounts.push_back({.destination = std::string("/etc/") + name,
                        .type = "bind",
                        .source = source,
                        .options = bind_options(source, options_.read_only, rootless)});
    }
    for (const Tmpfs& tmpfs : options_.tmpfs)
      mounts.push_back(
          {.destination = tmpfs.target, .type = "tmpfs", .source = "tmpfs", .options = tmpfs.options});
    std::size_t anonymous = 0;
    for (const Volume& volume : volumes_) {
      const bool unnamed = std::holds_alternative<AnonymousVolume>(volume.source);
      const std::string id = unnamed ? container.record.volumes[anonymous++] : "";
      const std::string source = TRY(prepare_volume(root_, container.directory + "/rootfs", volume, id));
      mounts.push_back(volume_mount(source, volume, rootless));
    }
    return {};
  }

  const std::string& root_;
  const ImageRoot& image_;
  const RunOptions& options_;
  Network network_;
  std::string hostname_;
  std::vector<Volume> volumes_;
};

}  // namespace

Result<Prepared> prepare(const std::string& root, const ImageRoot& image, const RunOptions& options) {
  if (!options.name.empty() && !is_valid_name(options.name))
    return fail({.kind = ErrorKind::kUsage,
                 .what = "not a name for a container",
                 .where = options.name,
                 .next = "letters, digits and _ . - (not as the first), at least two of them"});
  TRY_VOID(sweep(root));
  return Preparation(root, image, options).make();
}

}  // namespace pgstrata::container
