// What is kept of a container on disk.
//
//   ROOT/containers/lock             flock(2) while a name is chosen
//   ROOT/containers/<id>/            id: 64 hex digits
//     config.json                    what it was started with; written once, before anything else
//     state.json                     how far it got; replaced whole
//     log                            what it wrote: one JSON object per line (log.h)
//     hostname, hosts, resolv.conf   mounted in /etc
//     upper/, work/, rootfs/         the overlay; rootfs/ is empty but in the monitor's mount namespace
//     bundle/config.json             for the OCI runtime (runtime_spec.h)
//     runtime/                       the runtime's own state; a tmpfs in that mount namespace
//   ROOT/containers/<id>.removed/    one that is being removed
//   ROOT/volumes/<name>/             the content of a volume
//
// config.json: {"id","name","image","manifest","layers":[DiffIDs, bottom first],"created":RFC 3339,
//   "process":{runtime-spec},"labels":{},"volumes":[names of anonymous volumes],"mounts":[targets],
//   "network","ports":["text"],"auto_remove","stop_signal","stop_timeout","version":1}
// state.json: {"status":"created"|"running"|"exited","monitor":{"pid","start_time","boot_id"},
//   "started","finished":RFC 3339,"exit_code","error","version":1}
//
// A container whose monitor is gone but whose state isn't "exited" was killed with it: it counts as
// exited with 137. As long as the directory is there, the image's layers are in use (`prune`).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "container/process_id.h"
#include "container/runtime_spec.h"
#include "core/result.h"
#include "oci/digest.h"

namespace pgstrata::container {

struct Record {
  std::string id;
  std::string name;
  std::string image;  ///< as it was named
  oci::Digest manifest;
  std::vector<oci::Digest> layers;  ///< DiffIDs, bottom first
  std::string created;              ///< RFC 3339
  Process process;
  std::map<std::string, std::string> labels;
  std::vector<std::string> volumes;  ///< anonymous ones, which go with the container
  std::vector<std::string> mounts;   ///< where volumes and directories are mounted
  std::string network;
  std::vector<std::string> ports;  ///< "0.0.0.0:15432->5432/tcp"
  bool auto_remove = false;
  int stop_signal = 15;
  int stop_timeout = 10;  ///< seconds
  bool operator==(const Record&) const = default;
};

struct Created {
  ProcessId monitor;  ///< at first the process that makes it
  bool operator==(const Created&) const = default;
};
struct Running {
  ProcessId monitor;
  std::string started;
  bool operator==(const Running&) const = default;
};
struct Exited {
  int code = 0;
  std::string started;   ///< empty if it never ran
  std::string finished;  ///< empty if nobody saw the end
  std::string error;     ///< why it never ran
  bool operator==(const Exited&) const = default;
};
using State = std::variant<Created, Running, Exited>;

[[nodiscard]] std::string to_json(const Record& record);
Result<Record> record_from_json(std::string_view json);
[[nodiscard]] std::string to_json(const State& state);
Result<State> state_from_json(std::string_view json);

/// A container of a store, as it is at this moment.
struct Container {
  std::string directory;  ///< ROOT/containers/<id>
  Record record;
  State state;
};

[[nodiscard]] std::string containers_directory(const std::string& root);
[[nodiscard]] std::string volumes_directory(const std::string& root);

/// 64 random hex digits.
Result<std::string> new_id();
/// Makes the directory with its config.json and the state Created. A missing name is chosen. kUsage if the
/// name is taken.
Result<Container> create_directory(const std::string& root, Record record);
/// Replaces state.json.
Result<void> write_state(const std::string& directory, const State& state);
/// Newest first. Directories without a readable config.json are passed over.
Result<std::vector<Container>> list(const std::string& root);
/// By name, id, or the beginning of an id; kNotFound, or kUsage if several begin so.
Result<Container> find(const std::string& root, std::string_view name);
/// Reads one again; kNotFound if it has been removed.
Result<Container> load(const std::string& directory);

/// Removes a container that doesn't run, in one step as others see it. With `auto_remove` its anonymous
/// volumes go, too. As a plain user only inside the user namespace: files in it may belong to other ids.
Result<void> remove_container(const std::string& root, const Container& container);
/// Removes what killed processes left: containers half removed, and those that should have removed
/// themselves.
Result<void> sweep(const std::string& root);

}  // namespace pgstrata::container
