#include "importer/layer_stream.h"

#include <fmt/format.h>

#include <utility>

#include "layer/layer_in_place.h"

namespace pgstrata::importer {
namespace {

/// Up to here a layer is taken apart when it has come: that takes no longer than starting a thread.
constexpr std::uint64_t kSmall = 1024UL * 1024;

}  // namespace

LayerStream::~LayerStream() { abandon(); }

void LayerStream::abandon() {
  // The decompressor's thread may be appending, and so starting the reader.
  decompressor_.reset();
  if (arriving_) arriving_->give_up();
  if (reader_.joinable()) reader_.join();
  early_.reset();
  entries_.reset();
}

Result<void> LayerStream::restart() {
  abandon();
  damage_.reset();
  tar_.emplace(TRY(store_.ingest()));
  arriving_ = std::make_unique<layer::ArrivingTar>(tar_->fd(), tar_->path());
  if (options_.unpack) early_ = std::make_unique<layer::EarlyFiles>(store_.temporary_path("unpacked"));
  decompressor_.emplace("", options_.limit, to_tar_);
  return {};
}

Result<void> LayerStream::take(std::span<const std::byte> bytes) {
  if (stop_.stop_requested())
    return fail({.kind = ErrorKind::kCancelled, .what = "the import was stopped"});
  if (damage_) return {};
  auto taken = decompressor_->take(bytes);
  if (taken || taken.error().kind != ErrorKind::kCorrupt) return taken;
  damage_ = std::move(taken).error();
  return {};
}

Result<void> LayerStream::append(std::span<const std::byte> bytes) {
  TRY_VOID(arriving_->append(bytes));
  if (!reader_.joinable() && arriving_->size() > kSmall) reader_ = std::thread([this] { read(); });
  return {};
}

void LayerStream::read() { entries_ = layer::read_arriving(tar_->path(), *arriving_, early_.get()); }

Result<ArrivedLayer> LayerStream::finish(const oci::Digest& diff_id, const std::string& name) {
  auto result = damage_ ? Result<layer::Decompressed>(fail(*damage_)) : decompressor_->finish();
  if (!result) {
    if (result.error().kind == ErrorKind::kCorrupt) result.error().where = name;
    return fail(std::move(result).error());
  }
  if (result->digest != diff_id)
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "a layer isn't the one that the image's configuration names",
                 .where = name,
                 .why = fmt::format("its DiffID is {}, expected {}", result->digest.str(), diff_id.str())});
  arriving_->finish();
  if (reader_.joinable())
    reader_.join();
  else
    read();
  auto entries = *std::move(entries_);
  if (!entries) {
    entries.error().where = name + ": " + entries.error().where;
    return fail(std::move(entries).error());
  }
  return ArrivedLayer{.tar = *std::move(tar_),
                      .size = result->size,
                      .compression = result->compression,
                      .entries = *std::move(entries),
                      .early = std::move(early_)};
}

}  // namespace pgstrata::importer
