#include "remotecache/directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "exporter/layout_lock.h"
#include "exporter/output_file.h"
#include "oci/manifest.h"
#include "os/copy.h"
#include "os/file.h"

namespace pgstrata::remotecache {
namespace {

std::string blob_path(const DirectoryPlace& place, const oci::Digest& digest) {
  return place.directory + "/blobs/sha256/" + digest.hex();
}

bool has_tag(const oci::Descriptor& manifest, const std::string& tag) {
  const auto name = manifest.annotations.find(oci::annotation::kRefName);
  return name != manifest.annotations.end() && name->second == tag;
}

using Take = std::function<Result<void>(std::span<const std::byte>)>;

/// Gives all bytes to `take`, and compares what they are with what they should be.
Result<void> read_blob(const DirectoryPlace& place, const store::StoredBlob& blob, const Take& take) {
  const std::string path = blob_path(place, blob.digest);
  const os::Fd fd = TRY(os::open(path, O_RDONLY));
  oci::Sha256 hash;
  std::uint64_t size = 0;
  std::array<std::byte, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("can't read the shared cache", path));
    if (count == 0) break;
    const auto bytes = std::span(buffer).first(static_cast<std::size_t>(count));
    size += bytes.size();
    // Before a file that goes on and on fills the disk.
    if (size > blob.size) break;
    hash.update(bytes);
    if (take) TRY_VOID(take(bytes));
  }
  const auto damaged = [&](std::string why) {
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "a blob of the shared cache is damaged",
                 .where = path,
                 .why = std::move(why)});
  };
  if (size > blob.size) return damaged(fmt::format("it has more than {} bytes", blob.size));
  if (size < blob.size) return damaged(fmt::format("it has {} of {} bytes", size, blob.size));
  const oci::Digest found = hash.finish();
  if (found == blob.digest) return {};
  return damaged(fmt::format("its digest is {}, expected {}", found.str(), blob.digest.str()));
}

}  // namespace

Result<store::StoredBlob> DirectorySource::find() const {
  if (place_.digest) {
    struct stat status {};
    const std::string path = blob_path(place_, *place_.digest);
    if (::stat(path.c_str(), &status) != 0)
      return fail({.kind = ErrorKind::kNotFound, .what = "there is no such manifest", .where = path});
    return store::StoredBlob{.digest = *place_.digest, .size = static_cast<std::uint64_t>(status.st_size)};
  }
  const std::string path = place_.directory + "/index.json";
  const std::string text = TRY(os::read_file(path));
  const auto index = TRY(oci::ImageIndex::from_json(text));
  for (const oci::Descriptor& manifest : index.manifests)
    if (has_tag(manifest, place_.tag))
      return store::StoredBlob{.digest = manifest.digest, .size = manifest.size};
  return fail({.kind = ErrorKind::kNotFound,
               .what = fmt::format("there is no cache called \"{}\"", place_.tag),
               .where = path});
}

Result<std::string> DirectorySource::manifest() {
  const store::StoredBlob blob = TRY(find());
  if (blob.size > registry::kLargestManifest)
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "the manifest is too large",
                 .where = place_.directory,
                 .why = fmt::format("{} bytes", blob.size)});
  std::string text;
  TRY_VOID(read_blob(place_, blob, [&](std::span<const std::byte> bytes) -> Result<void> {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }));
  return text;
}

Result<void> DirectorySource::blob(const store::StoredBlob& blob, const registry::BlobSink& sink) {
  return read_blob(place_, blob, sink.write);
}

Result<bool> DirectoryDestination::has(const store::StoredBlob& blob) {
  struct stat status {};
  if (::stat(blob_path(place_, blob.digest).c_str(), &status) != 0) return false;
  // What was damaged there is healed by being written again.
  return read_blob(place_, blob, {}).has_value();
}

Result<void> DirectoryDestination::put(const registry::BlobSource& blob) {
  TRY_VOID(os::make_directories(path("blobs/sha256")));
  const std::string path = blob_path(place_, blob.digest);
  exporter::OutputFile out = TRY(exporter::OutputFile::create(path));
  TRY_VOID(os::copy_range(blob.fd, 0, blob.size, out.fd(), path));
  return out.commit();
}

Result<void> DirectoryDestination::publish(const std::string& manifest) {
  TRY_VOID(os::make_directories(path("blobs/sha256")));
  const os::Fd alone = TRY(exporter::lock_layout(place_.directory));
  oci::ImageIndex index;
  if (const auto existing = os::read_file(path("index.json"))) {
    auto parsed = oci::ImageIndex::from_json(*existing);
    if (!parsed) {
      Error error = std::move(parsed).error();
      error.kind = ErrorKind::kUsage;
      error.where = path("index.json");
      error.next = "name another directory, or move the file away";
      return fail(std::move(error));
    }
    index = std::move(*parsed);
  }
  std::erase_if(index.manifests, [&](const oci::Descriptor& other) { return has_tag(other, place_.tag); });
  const oci::Digest digest = oci::sha256(manifest);
  index.manifests.push_back({.media_type = std::string(oci::media_type::kManifest),
                             .digest = digest,
                             .size = manifest.size(),
                             .annotations = {{oci::annotation::kRefName, place_.tag}},
                             .platform = {}});
  TRY_VOID(os::replace_file(blob_path(place_, digest), manifest, /*durable=*/true));
  TRY_VOID(os::replace_file(path("oci-layout"), oci::kLayoutFile, /*durable=*/true));
  return os::replace_file(path("index.json"), index.to_json(), /*durable=*/true);
}

}  // namespace pgstrata::remotecache
