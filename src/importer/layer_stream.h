// A layer on its way: uncompressed, hashed, taken apart and, if wanted, unpacked while it comes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>

#include "content/content_store.h"
#include "core/result.h"
#include "filetree/entry.h"
#include "layer/arriving_tar.h"
#include "layer/decompress.h"
#include "layer/early_files.h"

namespace pgstrata::importer {

/// A layer that the store doesn't have yet, uncompressed.
struct ArrivedLayer {
  content::Ingest tar;
  std::uint64_t size = 0;
  std::optional<layer::Compression> compression;  ///< of what came
  std::optional<filetree::ChangeSet> entries;     ///< none: it can't be taken as it is
  std::unique_ptr<layer::EarlyFiles> early;       ///< none if it isn't to be unpacked
};

/// Nothing of it is in the store but below tmp/, and that goes with it, or with what finish() gives. One
/// thread calls it; of a large layer others of its own hash and write, and take apart.
class LayerStream {
 public:
  struct Options {
    std::uint64_t limit = 0;  ///< bytes when uncompressed
    bool unpack = false;      ///< EarlyFiles are wanted
  };
  LayerStream(const content::ContentStore& store, Options options, std::stop_token stop)
      : store_(store), options_(options), stop_(std::move(stop)) {}
  LayerStream(const LayerStream&) = delete;
  LayerStream& operator=(const LayerStream&) = delete;
  ~LayerStream();

  /// Before the first byte, and when they come again from the beginning: what came before counts for
  /// nothing.
  Result<void> restart();
  /// kCancelled once it is stopped. What is no layer isn't an error yet: it may be no blob of the digest
  /// either, and then that is what there is to say.
  Result<void> take(std::span<const std::byte> bytes);
  /// After all bytes, whose own digest was the right one. kCorrupt: damaged, no archive, or not the layer
  /// `diff_id`, with both digests. `name` is for messages.
  Result<ArrivedLayer> finish(const oci::Digest& diff_id, const std::string& name);

 private:
  using Entries = std::optional<filetree::ChangeSet>;

  Result<void> append(std::span<const std::byte> bytes);
  void read();
  void abandon();

  const content::ContentStore& store_;
  const Options options_;
  const std::stop_token stop_;
  std::optional<content::Ingest> tar_;
  std::unique_ptr<layer::ArrivingTar> arriving_;
  std::unique_ptr<layer::EarlyFiles> early_;
  std::optional<Result<Entries>> entries_;  ///< when the reader has ended
  std::thread reader_;
  const layer::ByteSink to_tar_ = [this](std::span<const std::byte> bytes) { return append(bytes); };
  std::optional<layer::Decompressor> decompressor_;
  std::optional<Error> damage_;
};

}  // namespace pgstrata::importer
