// What is read of a repository.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "registry/repository.h"
#include "remote/source.h"

namespace pgstrata::registry {
namespace {

/// Everything we can read; a registry with an image in several forms chooses.
constexpr const char* kAccepted =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

/// Tries of a blob during which nothing came.
constexpr int kFruitlessTries = 5;

Error wrong_digest(const std::string& what, const std::string& where, const oci::Digest& expected,
                   const oci::Digest& found) {
  return {.kind = ErrorKind::kCorrupt,
          .what = what,
          .where = where,
          .why = fmt::format("its digest is {}, expected {}", found.str(), expected.str()),
          .next = "the registry, or something on the way to it, gives other bytes than were asked for"};
}

/// The first number of "bytes 100-199/200"; nothing if it isn't of that form.
std::optional<std::uint64_t> range_start(std::string_view header) {
  constexpr std::string_view kUnit = "bytes ";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  std::uint64_t start = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), start);
  if (error != std::errc{} || end == header.data() + header.size() || *end != '-') return std::nullopt;
  return start;
}

/// One blob on its way, over as many connections as it takes.
class Download {
 public:
  Download(const oci::Descriptor& blob, const BlobSink& sink, std::string where)
      : blob_(blob), sink_(sink), where_(std::move(where)) {}

  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] bool is_complete() const { return offset_ == blob_.size; }

  /// A new answer begins.
  void next_answer() { placed_ = false; }

  Result<void> take(const remote::HttpResponse& response, std::span<const std::byte> bytes) {
    if (!placed_) TRY_VOID(place(response));
    placed_ = true;
    if (bytes.size() > blob_.size - offset_)
      return fail({.kind = ErrorKind::kCorrupt,
                   .what = "the registry sends more than the manifest promises",
                   .where = where_,
                   .why = fmt::format("more than {} bytes", blob_.size)});
    hash_.update(bytes);
    offset_ += bytes.size();
    return sink_.write(bytes);
  }

  Result<void> finish() {
    const oci::Digest found = hash_.finish();
    if (found == blob_.digest) return {};
    return fail(wrong_digest("the registry sent another blob", where_, blob_.digest, found));
  }

 private:
  /// Where in the blob this answer begins.
  Result<void> place(const remote::HttpResponse& response) {
    if (response.status == 206) {
      const auto start = range_start(response.header("content-range"));
      if (start && *start == offset_) return {};
      return fail({.kind = ErrorKind::kCorrupt,
                   .what = "the registry sends another part of a blob than was asked for",
                   .where = where_,
                   .why = fmt::format("Content-Range: {}", response.header("content-range"))});
    }
    if (offset_ == 0) return {};
    offset_ = 0;
    static_cast<void>(hash_.finish());  // starts anew
    return sink_.restart();
  }

  const oci::Descriptor& blob_;
  const BlobSink& sink_;
  std::string where_;
  oci::Sha256 hash_;
  std::uint64_t offset_ = 0;
  bool placed_ = false;
};

}  // namespace

Result<Manifest> Repository::manifest(const std::string& tag_or_digest, const std::stop_token& stop) {
  const std::string where = registry_.domain() + "/" + name_ +
                            (tag_or_digest.find(':') == std::string::npos ? ":" : "@") + tag_or_digest;
  Manifest manifest;
  const Receiver receive = [&](const remote::HttpResponse&,
                               std::span<const std::byte> bytes) -> Result<void> {
    if (manifest.bytes.size() + bytes.size() > kLargestManifest)
      return fail({.kind = ErrorKind::kCorrupt,
                   .what = "the registry sends a manifest that is too large",
                   .where = where,
                   .why = fmt::format("more than {} bytes", kLargestManifest)});
    manifest.bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
  const Answer answer = TRY(registry_.send({.url = path("manifests/" + tag_or_digest),
                                            .headers = {{"Accept", kAccepted}},
                                            .body = {},
                                            .scope = pull_scope()},
                                           receive, stop));
  if (answer.response.status != 200) return fail(registry_.refusal("can't pull " + where, answer));
  manifest.media_type = answer.response.header("content-type");
  manifest.media_type.resize(std::min(manifest.media_type.find(';'), manifest.media_type.size()));
  manifest.digest = oci::sha256(manifest.bytes);
  std::string expected = answer.response.header("docker-content-digest");
  if (tag_or_digest.find(':') != std::string::npos) expected = tag_or_digest;
  if (expected.empty()) return manifest;
  const oci::Digest promised = TRY(oci::Digest::parse(expected));
  if (promised != manifest.digest)
    return fail(wrong_digest("the registry sent another manifest", where, promised, manifest.digest));
  return manifest;
}

Result<std::optional<oci::Digest>> Repository::digest_of(const std::string& tag,
                                                         const std::stop_token& stop) {
  const Answer answer = TRY(registry_.send({.method = "HEAD",
                                            .url = path("manifests/" + tag),
                                            .headers = {{"Accept", kAccepted}},
                                            .body = {},
                                            .scope = pull_scope()},
                                           {}, stop));
  if (answer.response.status == 404) return std::nullopt;
  if (answer.response.status != 200)
    return fail(
        registry_.refusal(fmt::format("can't look up {}/{}:{}", registry_.domain(), name_, tag), answer));
  const auto digest = oci::Digest::parse(answer.response.header("docker-content-digest"));
  if (!digest) return std::nullopt;
  return *digest;
}

Result<void> Repository::blob(const oci::Descriptor& blob, const BlobSink& sink,
                              const std::stop_token& stop) {
  const std::string where = fmt::format("{}/{}@{}", registry_.domain(), name_, blob.digest.str());
  Download download(blob, sink, where);
  const Receiver receive = [&](const remote::HttpResponse& response, std::span<const std::byte> bytes) {
    return download.take(response, bytes);
  };
  for (int fruitless = 0; !download.is_complete() || blob.size == 0;) {
    const std::uint64_t before = download.offset();
    Request request{
        .url = path("blobs/" + blob.digest.str()), .headers = {}, .body = {}, .scope = pull_scope()};
    if (before > 0) request.headers.emplace_back("Range", fmt::format("bytes={}-", before));
    download.next_answer();
    const auto answer = registry_.send(request, receive, stop);
    if (!answer && answer.error().kind != ErrorKind::kIo) return fail(answer.error());
    if (answer && answer->response.status != 200 && answer->response.status != 206)
      return fail(registry_.refusal("can't pull a blob of " + name_, *answer));
    if (answer && blob.size == 0) break;
    fruitless = download.offset() > before ? 0 : fruitless + 1;
    if (fruitless < kFruitlessTries) continue;
    if (!answer) return fail(answer.error());
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "the registry sends less than the manifest promises",
                 .where = where,
                 .why = fmt::format("{} of {} bytes", download.offset(), blob.size)});
  }
  return download.finish();
}

}  // namespace pgstrata::registry
