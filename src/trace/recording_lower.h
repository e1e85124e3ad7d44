// The recording lower: a read-only view of a directory that notes what is asked of it. With an overlay
// mounted above it, whatever a step does, by whatever system call, has to ask it for what it hasn't seen
// yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "filetree/observation.h"

namespace pgstrata::trace {

class Server;

/// Whether this process could record: kMachine where there is no usable /dev/fuse, with the remedy. Cheap.
Result<void> can_record();

struct RecordingSpec {
  std::string source;  ///< a directory that doesn't change meanwhile: the merged chain, mounted read-only
  std::string
      target;  ///< an existing, empty directory: lowerdir of the step's overlay, and for nothing else
  /// Whether any file of the source has a POSIX ACL. The kernel obeys them only if it knows all attributes
  /// of what it walks through, so then a look-up counts as a stat: sound, but coarse.
  bool acls = false;
  /// On two processors a second one was slower: it is woken for what the first has answered already.
  std::size_t threads = 1;
  /// The modification time to show for a file whose own is `mtime_ns`; called from all server threads.
  /// None: its own.
  std::function<std::int64_t(std::string_view path, std::int64_t mtime_ns)> shown_mtime = {};
};

/// Served by threads of this process. What the mount shows is what the source shows, with its modification
/// times (or those that shown_mtime gives), except:
/// - directories have one size and one link, as overlay shows merged ones anyway;
/// - what an overlay above would take for its own (0/0 devices, trusted.overlay.*, user.overlay.*) is
/// hidden;
/// - directories are listed in the order of names;
/// - nobody's permission is checked: the overlay above does that. So the mount itself must not be shown to
/// a step, also not
///   for a bind mount: put an overlay without an upper directory above.
///
/// Who uses the mount from this process must do so from a thread that may wait for it: any but the server's
/// own.
class RecordingLower {
 public:
  /// The process must be in a mount namespace where it may mount. kMachine where there is no usable
  /// /dev/fuse, with the remedy.
  static Result<RecordingLower> mount(const RecordingSpec& spec);

  RecordingLower(RecordingLower&& other) noexcept;
  RecordingLower& operator=(RecordingLower&&) = delete;
  /// As finish(), without a result.
  ~RecordingLower();

  /// Unmounts (lazily: call it when the overlay above is gone), ends the server, and gives what was asked,
  /// or why that is incomplete and must not be used. Never waits for anybody: who still uses the mount gets
  /// errors. The root's Kind and Xattrs are always among it, since the step's upper directory is made with
  /// them.
  Result<filetree::Observations> finish() &&;

 private:
  RecordingLower(std::string target, std::unique_ptr<Server> server);
  void stop();

  std::string target_;
  std::unique_ptr<Server> server_;
};

}  // namespace pgstrata::trace
