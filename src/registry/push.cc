// What is written to a repository.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "registry/repository.h"

namespace pgstrata::registry {
namespace {

/// Blobs up to this size go in one request; of larger ones no more than this is ever sent twice.
constexpr std::uint64_t kChunk = 32UL * 1024 * 1024;
constexpr int kTries = 3;

bool is_success(const Answer& answer) {
  return answer.response.status >= 200 && answer.response.status < 300;
}

bool is_broken(const Error& error) { return error.kind == ErrorKind::kIo; }

std::string with_digest(const std::string& location, const oci::Digest& digest) {
  const char separator = location.find('?') == std::string::npos ? '?' : '&';
  return fmt::format("{}{}digest={}", location, separator, digest.str());
}

}  // namespace

Result<bool> Repository::has_blob(const oci::Digest& digest, const std::stop_token& stop) {
  const Answer answer = TRY(registry_.send({.method = "HEAD",
                                            .url = path("blobs/" + digest.str()),
                                            .headers = {},
                                            .body = {},
                                            .scope = push_scope()},
                                           {}, stop));
  if (answer.response.status == 404) return false;
  if (answer.response.status == 200) return true;
  return fail(registry_.refusal(fmt::format("can't push to {}/{}", registry_.domain(), name_), answer));
}

Result<bool> Repository::mount(const oci::Digest& digest, const std::string& from,
                               const std::stop_token& stop) {
  const Answer answer =
      TRY(registry_.send({.method = "POST",
                          .url = path(fmt::format("blobs/uploads/?mount={}&from={}", digest.str(), from)),
                          .headers = {},
                          .body = std::string(),
                          .scope = push_scope() + " repository:" + from + ":pull"},
                         {}, stop));
  // 202: it has begun an upload instead. Whatever else it says, an upload may still succeed.
  return answer.response.status == 201;
}

/// Absolute, or a path of this registry.
Result<std::string> Repository::location_of(const Answer& answer, const std::string& asked) const {
  std::string location = answer.response.header("location");
  if (location.starts_with('/') || location.starts_with("https://") || location.starts_with("http://"))
    return location;
  if (location.empty() && !asked.empty()) return asked;
  return fail({.kind = ErrorKind::kCorrupt,
               .what = "the registry doesn't say where to upload to",
               .where = registry_.base(),
               .why = fmt::format("Location: {}", location)});
}

Result<std::string> Repository::begin_upload(const std::stop_token& stop) {
  const Answer answer = TRY(registry_.send({.method = "POST",
                                            .url = path("blobs/uploads/"),
                                            .headers = {},
                                            .body = std::string(),
                                            .scope = push_scope()},
                                           {}, stop));
  if (answer.response.status == 202) return location_of(answer, "");
  return fail(registry_.refusal(fmt::format("can't push to {}/{}", registry_.domain(), name_), answer));
}

Result<void> Repository::upload(const BlobSource& blob, const std::stop_token& stop) {
  for (int attempt = 1;; ++attempt) {
    std::string location = TRY(begin_upload(stop));
    std::uint64_t sent = 0;
    if (blob.size > kChunk) {
      auto chunks = send_chunks(blob, location, stop);
      if (!chunks && is_broken(chunks.error()) && attempt < kTries) continue;
      if (!chunks) return chunks;
      sent = blob.size;
    }
    const auto answer =
        registry_.send({.method = "PUT",
                        .url = with_digest(location, blob.digest),
                        .headers = {{"Content-Type", "application/octet-stream"}},
                        .body = remote::FilePart{.fd = blob.fd, .offset = sent, .size = blob.size - sent},
                        .scope = push_scope(),
                        .repeatable = false},
                       {}, stop);
    if (answer && is_success(*answer)) return {};
    const bool again = answer ? answer->response.status >= 500 : is_broken(answer.error());
    if (again && attempt < kTries && !stop.stop_requested()) continue;
    if (!answer) return fail(answer.error());
    return fail(
        registry_.refusal(fmt::format("can't push a blob to {}/{}", registry_.domain(), name_), *answer));
  }
}

/// How much of an upload the registry has.
Result<std::uint64_t> Repository::received(std::string& location, const std::stop_token& stop) {
  const Answer answer = TRY(registry_.send(
      {.method = "GET", .url = location, .headers = {}, .body = {}, .scope = push_scope()}, {}, stop));
  const std::string range = answer.response.header("range");
  if (answer.response.status != 204)
    return fail({.kind = ErrorKind::kIo, .what = "the registry doesn't know the upload any more"});
  location = TRY(location_of(answer, location));
  const std::size_t dash = std::min(range.find('-'), range.size());
  std::uint64_t last = 0;
  if (dash < range.size()) std::from_chars(range.data() + dash + 1, range.data() + range.size(), last);
  return last == 0 ? 0 : last + 1;
}

Result<void> Repository::send_chunks(const BlobSource& blob, std::string& location,
                                     const std::stop_token& stop) {
  int failures = 0;
  for (std::uint64_t sent = 0; sent < blob.size;) {
    const std::uint64_t size = std::min(kChunk, blob.size - sent);
    auto answer =
        registry_.send({.method = "PATCH",
                        .url = location,
                        .headers = {{"Content-Type", "application/octet-stream"},
                                    {"Content-Range", fmt::format("{}-{}", sent, sent + size - 1)}},
                        .body = remote::FilePart{.fd = blob.fd, .offset = sent, .size = size},
                        .scope = push_scope(),
                        .repeatable = false},
                       {}, stop);
    if (answer && is_success(*answer)) {
      location = TRY(location_of(*answer, location));
      sent += size;
      continue;
    }
    if (!answer && !is_broken(answer.error())) return fail(answer.error());
    if (answer && answer->response.status < 500 && answer->response.status != 416)
      return fail(
          registry_.refusal(fmt::format("can't push a blob to {}/{}", registry_.domain(), name_), *answer));
    if (++failures == kTries) {
      if (!answer) return fail(answer.error());
      return fail(
          registry_.refusal(fmt::format("can't push a blob to {}/{}", registry_.domain(), name_), *answer));
    }
    sent = std::min(TRY(received(location, stop)), blob.size);
  }
  return {};
}

Result<void> Repository::put_manifest(const std::string& tag, std::string_view media_type,
                                      const std::string& bytes, const std::stop_token& stop) {
  const std::string name = tag.empty() ? oci::sha256(bytes).str() : tag;
  const Answer answer = TRY(registry_.send({.method = "PUT",
                                            .url = path("manifests/" + name),
                                            .headers = {{"Content-Type", std::string(media_type)}},
                                            .body = bytes,
                                            .scope = push_scope()},
                                           {}, stop));
  if (is_success(answer)) {
    // It names the subject that it has noted.
    if (!answer.response.header("oci-subject").empty()) return {};
    const auto referrer = TRY(referrer_of(media_type, bytes));
    return referrer ? add_tagged_referrer(*referrer, stop) : Result<void>();
  }
  return fail(registry_.refusal(
      fmt::format("can't push {}/{}{}{}", registry_.domain(), name_, tag.empty() ? "@" : ":", name),
      answer));
}

}  // namespace pgstrata::registry
