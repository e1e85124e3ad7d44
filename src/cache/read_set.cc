#include "cache/read_set.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

namespace pgstrata::cache {
namespace {

using filetree::Observation;
using filetree::Observations;
using filetree::Questions;

constexpr char kVersion = 1;
/// More than any RUN asks for; a damaged size must not become an allocation.
constexpr std::size_t kMaxDecoded = std::size_t{1} << 30U;

void append_varint(std::string& out, std::size_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

std::optional<std::size_t> take_varint(std::string_view& bytes) {
  std::size_t value = 0;
  for (unsigned shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::size_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::size_t shared_length(std::string_view a, std::string_view b) {
  const std::size_t limit = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(limit), b.begin()).first -
      a.begin());
}

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

Error damaged(std::string why) {
  return {.kind = ErrorKind::kCorrupt, .what = "a read set of the store is damaged", .why = std::move(why)};
}

Result<std::string> decompress(std::string_view frame) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxDecoded)
    return fail(damaged("its size can't be read"));
  std::string text(static_cast<std::size_t>(size), '\0');
  const std::size_t got = ZSTD_decompress(text.data(), text.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) != 0 || got != text.size()) return fail(damaged("it can't be decompressed"));
  return text;
}

}  // namespace

std::string encode_read_set(const Observations& observations) {
  std::string text;
  std::string_view last;
  for (const Observation& observation : observations) {
    const std::size_t shared = shared_length(last, observation.path);
    append_varint(text, shared);
    append_varint(text, observation.path.size() - shared);
    text.append(observation.path, shared);
    text += static_cast<char>(observation.questions);
    last = observation.path;
  }
  std::string out(1 + ZSTD_compressBound(text.size()), '\0');
  out[0] = kVersion;
  // With a checksum: a flipped bit must not become a path that nobody asked for.
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  const std::size_t size =
      ZSTD_compress2(context.get(), out.data() + 1, out.size() - 1, text.data(), text.size());
  out.resize(1 + size);
  return out;
}

Result<ReadSet> ReadSet::decode(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != kVersion) return fail(damaged("it is of another version"));
  const std::string text = TRY(decompress(bytes.substr(1)));
  ReadSet set;
  std::string last;
  for (std::string_view rest = text; !rest.empty();) {
    const auto shared = take_varint(rest);
    const auto added = take_varint(rest);
    if (!shared || !added || *shared > last.size() || *added >= rest.size())
      return fail(damaged(fmt::format("observation {} is out of bounds", set.size())));
    std::string path = last.substr(0, *shared) + std::string(rest.substr(0, *added));
    if (set.size() != 0 && path <= last) return fail(damaged("its paths aren't sorted"));
    if (set.paths_.size() + path.size() > std::numeric_limits<std::uint32_t>::max())
      return fail(damaged("it is too large"));
    set.places_.push_back({.offset = static_cast<std::uint32_t>(set.paths_.size()),
                           .size = static_cast<std::uint32_t>(path.size()),
                           .questions = static_cast<Questions>(rest[*added])});
    set.paths_ += path;
    rest.remove_prefix(*added + 1);
    last = std::move(path);
  }
  return set;
}

std::string_view ReadSet::path(const Place& place) const {
  return std::string_view(paths_).substr(place.offset, place.size);
}

Questions ReadSet::asked_of(std::string_view path) const {
  const auto found = std::lower_bound(
      places_.begin(), places_.end(), path,
      [this](const Place& place, std::string_view wanted) { return this->path(place) < wanted; });
  return found != places_.end() && this->path(*found) == path ? found->questions : Questions{0};
}

Observation ReadSet::at(std::size_t index) const {
  const Place& place = places_[index];
  return {.path = std::string(path(place)), .questions = place.questions};
}

std::string encode_mounts(const std::vector<AskedMount>& mounts) {
  std::string out;
  for (const AskedMount& mount : mounts) {
    const std::string set = encode_read_set(mount.observations);
    append_varint(out, mount.mount);
    append_varint(out, set.size());
    out += set;
    for (const oci::Digest& value : mount.values) out.append(value.bytes.begin(), value.bytes.end());
  }
  return out;
}

Result<std::vector<AskedMount>> decode_mounts(std::string_view bytes) {
  std::vector<AskedMount> mounts;
  while (!bytes.empty()) {
    const auto mount = take_varint(bytes);
    const auto size = take_varint(bytes);
    if (!mount || !size || *size > bytes.size()) return fail(damaged("a mount is out of bounds"));
    const ReadSet set = TRY(ReadSet::decode(bytes.substr(0, *size)));
    bytes.remove_prefix(*size);
    AskedMount asked{.mount = *mount, .observations = {}, .values = {}};
    oci::Digest value;
    if (set.size() > bytes.size() / value.bytes.size())
      return fail(damaged("the values of a mount are missing"));
    for (std::size_t i = 0; i < set.size(); ++i) {
      asked.observations.push_back(set.at(i));
      std::copy_n(bytes.begin(), value.bytes.size(), value.bytes.begin());
      bytes.remove_prefix(value.bytes.size());
      asked.values.push_back(value);
    }
    mounts.push_back(std::move(asked));
  }
  return mounts;
}

const Observation* falsified(const ReadSet& asked, const Observations& differences) {
  for (const Observation& difference : differences)
    if ((asked.asked_of(difference.path) & difference.questions) != 0) return &difference;
  return nullptr;
}

}  // namespace pgstrata::cache
