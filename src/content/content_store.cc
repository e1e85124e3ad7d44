#include "content/content_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <vector>

#include "oci/manifest.h"
#include "os/file.h"

namespace pgstrata::content {
namespace {

Error wrong_digest(const std::string& path, const oci::Digest& expected, const oci::Digest& found) {
  return {.kind = ErrorKind::kCorrupt,
          .what = "a blob of the store is damaged",
          .where = path,
          .why = fmt::format("its digest is {}, expected {}", found.str(), expected.str()),
          .next = "pgstrata check-store --repair"};
}

}  // namespace

Ingest::Ingest(Ingest&& other) noexcept
    : store_(other.store_), fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}

Ingest::~Ingest() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> Ingest::commit(const oci::Digest& digest) {
  const std::string target = store_.blob_path(digest);
  // One that is there may be damaged, whatever its name and size say: being made again is what heals it.
  if (::rename(path_.c_str(), target.c_str()) != 0) return fail(system_error("can't store a blob", target));
  path_.clear();
  return {};
}

Result<ContentStore> ContentStore::open(std::string root) {
  ContentStore store(std::move(root));
  const std::string layout = store.root_ + "/oci-layout";
  if (os::exists(layout)) return store;
  TRY_VOID(os::make_directories(store.root_ + "/blobs/sha256"));
  TRY_VOID(os::make_directories(store.root_ + "/tmp", 0700));
  // Layers are unpacked there. ext4 would put each beside the last one, where it passes over the inodes of
  // what was removed just now, one by one.
  os::spread_subdirectories(store.root_ + "/tmp");
  // Last, because its presence says that the rest is there.
  TRY_VOID(os::replace_file(layout, oci::kLayoutFile, /*durable=*/false));
  return store;
}

std::string ContentStore::blob_path(const oci::Digest& digest) const {
  return root_ + "/blobs/sha256/" + digest.hex();
}

std::string ContentStore::temporary_path(std::string_view purpose) const {
  static std::atomic<unsigned> counter = 0;
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return fmt::format("{}/tmp/{}.{}.{}.{}", root_, purpose, ::getpid(), now.tv_sec, counter++);
}

Result<std::uint64_t> ContentStore::size(const oci::Digest& digest) const {
  struct stat status {};
  const std::string path = blob_path(digest);
  if (::stat(path.c_str(), &status) == 0) return static_cast<std::uint64_t>(status.st_size);
  Error error = system_error("can't find a blob of the store", path);
  if (errno == ENOENT) error.kind = ErrorKind::kNotFound;
  return fail(std::move(error));
}

Result<os::Fd> ContentStore::open_blob(const oci::Digest& digest) const {
  return os::open(blob_path(digest), O_RDONLY);
}

Result<std::string> ContentStore::read(const oci::Digest& digest) const {
  const std::string path = blob_path(digest);
  std::string bytes = TRY(os::read_file(path));
  const oci::Digest found = oci::sha256(bytes);
  if (found != digest) return fail(wrong_digest(path, digest, found));
  return bytes;
}

Result<void> ContentStore::verify(const oci::Digest& digest) const {
  const std::string path = blob_path(digest);
  const os::Fd fd = TRY(os::open(path, O_RDONLY));
  std::vector<std::byte> buffer(1 << 20);
  oci::Sha256 hash;
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0) return fail(system_error("can't read", path));
    if (count == 0) break;
    hash.update(std::span(buffer).first(static_cast<size_t>(count)));
  }
  const oci::Digest found = hash.finish();
  if (found != digest) return fail(wrong_digest(path, digest, found));
  return {};
}

Result<Ingest> ContentStore::ingest() const {
  const std::string path = temporary_path("blob");
  os::Fd fd = TRY(os::open(path, O_RDWR | O_CREAT | O_EXCL, 0644));
  return Ingest(*this, std::move(fd), path);
}

Result<oci::Digest> ContentStore::put(std::string_view bytes) const {
  const oci::Digest digest = oci::sha256(bytes);
  if (const auto there = os::read_file(blob_path(digest)); there && *there == bytes) return digest;
  Ingest blob = TRY(ingest());
  TRY_VOID(os::write_all(blob.fd(), bytes, blob.path()));
  TRY_VOID(blob.commit(digest));
  return digest;
}

}  // namespace pgstrata::content
