// The two ends of a shared cache: where its manifest and blobs are read from, and written to. A directory
// and a registry differ in nothing else.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "registry/repository.h"
#include "remotecache/place.h"
#include "store/compressed_forms.h"

namespace pgstrata::remotecache {

/// Reads of a registry; ends early with kCancelled when the token says so.
using Transfer = std::function<Result<void>(const std::stop_token&)>;

/// What a place is reached with.
struct Access {
  /// Where a name is read, one place at least, in this order; and where it is written.
  std::function<Result<std::vector<registry::Repository>>(const oci::Reference& name)> to_read;
  std::function<Result<registry::Repository>(const oci::Reference& name)> to_write;
  std::function<void(std::string_view)> note;  ///< a line, of each place that is passed over
  /// Does it, so that Ctrl-C stops it instead of ending the process; none: nothing stops it.
  std::function<Result<void>(const Transfer&)> interruptible;
  std::string store;  ///< its root: it knows which repositories have a blob (registry/known_repositories.h)
};

/// Calls may come from several threads.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// The bytes of the manifest, which have the digest that the place says. kNotFound: there is no cache
  /// yet.
  virtual Result<std::string> manifest() = 0;
  /// The whole blob, hashed while it comes. kCorrupt: another digest or size, with both; what was written
  /// is then worth nothing.
  virtual Result<void> blob(const store::StoredBlob& blob, const registry::BlobSink& sink) = 0;
};

class Destination {
 public:
  Destination() = default;
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;
  virtual ~Destination() = default;

  /// True if it has the blob, whole as far as can be told; a registry may take it from another of its
  /// repositories. Of a directory the bytes are hashed.
  virtual Result<bool> has(const store::StoredBlob& blob) = 0;
  virtual Result<void> put(const registry::BlobSource& blob) = 0;
  /// Makes it the cache of this place. All its blobs are there.
  virtual Result<void> publish(const std::string& manifest) = 0;
};

/// Nothing is read or written yet.
Result<std::unique_ptr<Source>> open_source(const Place& place, const Access& access);
Result<std::unique_ptr<Destination>> open_destination(const Place& place, const Access& access);

}  // namespace pgstrata::remotecache
