#include "remote/http_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "os/file.h"

namespace pgstrata::remote {
namespace {

using Json = nlohmann::json;

std::optional<std::int64_t> parse_http_time(const std::string& text) {
  std::tm time{};
  if (::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time) == nullptr) return std::nullopt;
  return ::timegm(&time);
}

/// A weak ETag promises an equivalent file, not the same bytes.
std::string strong_etag(const HttpResponse& response) {
  std::string etag = response.header("etag");
  return etag.starts_with("W/") ? "" : etag;
}

/// A time to whole seconds tells two versions apart only if nothing was written since.
std::string strong_time(const HttpResponse& response) {
  const auto modified = parse_http_time(response.header("last-modified"));
  const auto date = parse_http_time(response.header("date"));
  return modified && date && *date - *modified >= 60 ? response.header("last-modified") : "";
}

Result<os::Fd> lock(const std::string& path) {
  os::Fd fd = TRY(os::open(path, O_RDWR | O_CREAT, 0600));
  while (::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail(system_error("can't lock a stored download", path));
  return fd;
}

Result<oci::Digest> digest_of(const std::string& path) {
  const os::Fd fd = TRY(os::open(path, O_RDONLY));
  oci::Sha256 hash;
  std::array<std::byte, 65536> buffer;
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("can't read a stored download", path));
    if (count == 0) return hash.finish();
    hash.update(std::span(buffer).first(static_cast<std::size_t>(count)));
  }
}

Result<void> set_time(int fd, const std::string& path, std::int64_t seconds) {
  const std::array<timespec, 2> times = {
      {{.tv_sec = seconds, .tv_nsec = 0}, {.tv_sec = seconds, .tv_nsec = 0}}};
  if (::futimens(fd, times.data()) != 0)
    return fail(system_error("can't set the time of a download", path));
  return {};
}

Result<void> check(const HttpSource& source, const oci::Digest& digest) {
  if (source.checksum.empty() || source.checksum == digest.str()) return {};
  return fail({.kind = ErrorKind::kCorrupt,
               .what = fmt::format("digest mismatch for {}", without_credentials(source.url)),
               .why = fmt::format("got {}, expected {}", digest.str(), source.checksum),
               .next = "if the new file is the right one, put its digest into --checksum"});
}

Result<void> link_into(const std::string& path, const std::string& directory, const std::string& name) {
  TRY_VOID(os::make_directories(directory));
  const std::string target = directory + "/" + name;
  if (::link(path.c_str(), target.c_str()) != 0)
    return fail(system_error("can't prepare the downloaded file", target));
  return {};
}

}  // namespace

std::optional<HttpCache::Stored> HttpCache::read_stored(const std::string& path) {
  const auto text = os::read_file(path + ".json");
  if (!text) return std::nullopt;
  const Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("version", 0) != 1) return std::nullopt;
  const auto field = [&json](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto digest = oci::Digest::parse(field("digest"));
  const auto actual = digest ? digest_of(path) : digest;
  if (!actual || *actual != *digest) return std::nullopt;
  return Stored{.digest = *digest, .etag = field("etag"), .last_modified = field("last_modified")};
}

Result<HttpCache::Stored> HttpCache::refresh(
    const HttpSource& source, const std::string& path, const std::optional<Stored>& stored,
    const std::vector<std::pair<std::string, std::string>>& headers, const std::stop_token& stop) {
  HttpRequest request{.url = source.url, .headers = headers};
  if (stored && !stored->etag.empty())
    request.headers.emplace_back("If-None-Match", stored->etag);
  else if (stored && !stored->last_modified.empty())
    request.headers.emplace_back("If-Modified-Since", stored->last_modified);
  const std::string part = path + ".part";
  const os::Fd fd = TRY(os::open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  oci::Sha256 hash;
  const HttpResponse response = TRY(client_.send(
      request,
      [&](const HttpResponse&, std::span<const std::byte> bytes) {
        hash.update(bytes);
        return os::write_all(fd.get(), bytes, part);
      },
      stop));
  if (response.status == 304 && stored) return *stored;
  if (response.status < 200 || response.status > 299)
    return fail(
        {.kind = ErrorKind::kBuildFailed,
         .what = fmt::format("can't download {}", without_credentials(source.url)),
         .why = fmt::format("the server answered {}", describe_status(response.status)),
         .next = response.status == 401 || response.status == 403
                     ? fmt::format("give the server's token with --secret id=HTTP_AUTH_TOKEN_{0},src=FILE",
                                   url_host(source.url))
                     : ""});
  Stored fresh{
      .digest = hash.finish(), .etag = strong_etag(response), .last_modified = strong_time(response)};
  TRY_VOID(set_time(fd.get(), part, parse_http_time(response.header("last-modified")).value_or(0)));
  const Json json = {{"version", 1},
                     {"url", without_credentials(source.url)},
                     {"digest", fresh.digest.str()},
                     {"etag", fresh.etag},
                     {"last_modified", fresh.last_modified}};
  if (::rename(part.c_str(), path.c_str()) != 0) return fail(system_error("can't store a download", path));
  TRY_VOID(os::replace_file(path + ".json", json.dump(), /*durable=*/false, 0600));
  return fresh;
}

Result<oci::Digest> HttpCache::get(const HttpSource& source, const std::string& directory,
                                   const std::vector<std::pair<std::string, std::string>>& headers,
                                   const std::stop_token& stop) {
  TRY_VOID(os::make_directories(root_, 0700));
  const std::string key =
      oci::KeyHasher("pgstrata.http.v1").add("url", source.url).add("name", source.filename).finish().hex();
  const std::string path = root_ + "/" + key;
  const os::Fd locked = TRY(lock(path + ".lock"));
  std::optional<Stored> stored = read_stored(path);
  const bool pinned = stored && source.checksum == stored->digest.str();
  if (!pinned) {
    auto refreshed = refresh(source, path, stored, headers, stop);
    static_cast<void>(::unlink((path + ".part").c_str()));  // it is there only after a failure or a 304
    if (!refreshed) return fail(std::move(refreshed).error());
    stored = std::move(*refreshed);
  }
  TRY_VOID(check(source, stored->digest));
  TRY_VOID(link_into(path, directory, source.filename));
  return stored->digest;
}

}  // namespace pgstrata::remote
