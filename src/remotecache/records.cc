#include "remotecache/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace pgstrata::remotecache {
namespace {

constexpr std::string_view kMagic = "pgscach2";

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out_ += static_cast<char>(value | 0x80U);
    out_ += static_cast<char>(value);
  }
  void fixed(std::uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8) out_ += static_cast<char>(value >> shift);
  }
  void time(std::int64_t value) { fixed(static_cast<std::uint64_t>(value)); }
  void real(double value) { fixed(std::bit_cast<std::uint64_t>(value)); }
  void flag(bool value) { out_ += static_cast<char>(value ? 1 : 0); }
  void digest(const oci::Digest& value) { out_.append(value.bytes.begin(), value.bytes.end()); }
  void blob(const store::StoredBlob& value) {
    digest(value.digest);
    varint(value.size);
  }
  void text(std::string_view value) {
    varint(value.size());
    out_ += value;
  }

 private:
  std::string& out_;
};

/// Reads on after damage, giving zeros, and remembers the first.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : all_(bytes.size()), rest_(bytes) {}

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      const std::string_view byte = take(1);
      if (byte.empty()) return 0;
      const auto bits = static_cast<unsigned char>(byte.front());
      value |= std::uint64_t{bits & 0x7FU} << shift;
      if (bits < 0x80) return value;
    }
    complain("a number is too large");
    return 0;
  }
  /// How many of something follow, each of at least `least` bytes.
  std::size_t count(std::size_t least, const char* what) {
    const std::uint64_t value = varint();
    if (value <= rest_.size() / least) return static_cast<std::size_t>(value);
    complain(fmt::format("it promises {} {}, and ends before", value, what));
    return 0;
  }
  std::size_t below(std::size_t limit, const char* what) {
    const std::uint64_t value = varint();
    if (value < limit) return static_cast<std::size_t>(value);
    complain(fmt::format("it names {} {} of {}", what, value, limit));
    return 0;
  }
  std::uint64_t fixed() {
    const std::string_view bytes = take(8);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return value;
  }
  std::int64_t time() { return static_cast<std::int64_t>(fixed()); }
  double seconds() {
    const auto value = std::bit_cast<double>(fixed());
    if (!std::isfinite(value) || value < 0) complain("a duration is no number of seconds");
    return value;
  }
  /// Times that can be subtracted.
  cache::Made made() {
    const cache::Made made{.began = time(), .ended = time()};
    if (made.began < 0 || made.ended < made.began) complain("a step ended before it began");
    return made;
  }
  bool flag() {
    const std::string_view byte = take(1);
    if (!byte.empty() && static_cast<unsigned char>(byte.front()) > 1)
      complain("a flag is neither 0 nor 1");
    return !byte.empty() && byte.front() == 1;
  }
  oci::Digest digest() {
    oci::Digest value;
    const std::string_view bytes = take(value.bytes.size());
    std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
    return value;
  }
  store::StoredBlob blob() {
    const oci::Digest name = digest();
    return {.digest = name, .size = varint()};
  }
  std::string text() { return std::string(take(count(1, "bytes"))); }

  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      complain("it ends too early");
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool is_broken() const { return !why_.empty(); }
  void complain(std::string why) {
    if (why_.empty()) why_ = fmt::format("{} (byte {} of {})", why, all_ - rest_.size(), all_);
  }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  std::size_t all_;
  std::string_view rest_;
  std::string why_;
};

constexpr std::size_t kDigest = 32;

SharedLayer read_layer(Reader& reader) {
  SharedLayer layer;
  layer.row.diff_id = reader.digest();
  layer.row.change_set = reader.digest();
  layer.row.times = reader.digest();
  layer.row.size = reader.varint();
  layer.row.step.build = reader.time();
  const cache::Made ran = reader.made();
  layer.row.step.began = ran.began;
  layer.row.step.ended = ran.ended;
  layer.list = reader.blob();
  if (reader.flag()) layer.tar = reader.blob();
  return layer;
}

/// A layer that a record may lead to.
std::size_t read_result(Reader& reader, const std::vector<SharedLayer>& layers) {
  const std::size_t layer = reader.below(layers.size(), "layer");
  if (!reader.is_broken() && !layers[layer].tar) reader.complain("it names a layer whose tar it hasn't");
  return layer;
}

SharedKey read_key(Reader& reader, const std::vector<SharedLayer>& layers) {
  SharedKey key;
  key.key = reader.digest();
  key.layer = read_result(reader, layers);
  key.seconds = reader.seconds();
  key.made = reader.made();
  key.written = reader.time();
  key.op = reader.digest();
  return key;
}

SharedRun read_run(Reader& reader, const std::vector<SharedLayer>& layers) {
  SharedRun run;
  run.op = reader.digest();
  run.inputs = reader.digest();
  run.layer = read_result(reader, layers);
  const std::size_t below = reader.count(1, "layers of a chain");
  for (std::size_t i = 0; i < below && !reader.is_broken(); ++i)
    run.chain.push_back(reader.below(layers.size(), "layer"));
  run.seconds = reader.seconds();
  run.made = reader.made();
  run.asked = reader.text();
  run.mounts = reader.text();
  run.names = reader.flag();
  return run;
}

}  // namespace

std::string encode(const Records& records) {
  std::string out(kMagic);
  Writer writer(out);
  writer.varint(records.layers.size());
  for (const SharedLayer& layer : records.layers) {
    writer.digest(layer.row.diff_id);
    writer.digest(layer.row.change_set);
    writer.digest(layer.row.times);
    writer.varint(layer.row.size);
    writer.time(layer.row.step.build);
    writer.time(layer.row.step.began);
    writer.time(layer.row.step.ended);
    writer.blob(layer.list);
    writer.flag(layer.tar.has_value());
    if (layer.tar) writer.blob(*layer.tar);
  }
  writer.varint(records.keys.size());
  for (const SharedKey& key : records.keys) {
    writer.digest(key.key);
    writer.varint(key.layer);
    writer.real(key.seconds);
    writer.time(key.made.began);
    writer.time(key.made.ended);
    writer.time(key.written);
    writer.digest(key.op);
  }
  writer.varint(records.runs.size());
  for (const SharedRun& run : records.runs) {
    writer.digest(run.op);
    writer.digest(run.inputs);
    writer.varint(run.layer);
    writer.varint(run.chain.size());
    for (const std::size_t layer : run.chain) writer.varint(layer);
    writer.real(run.seconds);
    writer.time(run.made.began);
    writer.time(run.made.ended);
    writer.text(run.asked);
    writer.text(run.mounts);
    writer.flag(run.names);
  }
  return out;
}

Result<Records> decode(std::string_view bytes) {
  const auto damaged = [](std::string why) {
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "the records of a shared cache can't be read",
                 .why = std::move(why)});
  };
  if (!bytes.starts_with(kMagic)) return damaged("they are of another version, or none at all");
  Reader reader(bytes);
  reader.take(kMagic.size());
  Records records;
  // The least that one of them takes.
  constexpr std::size_t kLayer = 3 * kDigest + 1 + 24 + kDigest + 1 + 1;
  constexpr std::size_t kKey = kDigest + 1 + 32 + kDigest;
  constexpr std::size_t kRun = 2 * kDigest + 2 + 24 + 2;
  const std::size_t layers = reader.count(kLayer, "layers");
  for (std::size_t i = 0; i < layers && !reader.is_broken(); ++i)
    records.layers.push_back(read_layer(reader));
  const std::size_t keys = reader.count(kKey, "keys");
  for (std::size_t i = 0; i < keys && !reader.is_broken(); ++i)
    records.keys.push_back(read_key(reader, records.layers));
  const std::size_t runs = reader.count(kRun, "runs");
  for (std::size_t i = 0; i < runs && !reader.is_broken(); ++i)
    records.runs.push_back(read_run(reader, records.layers));
  if (!reader.at_end()) reader.complain("something follows its end");
  if (reader.is_broken()) return damaged(reader.why());
  return records;
}

}  // namespace pgstrata::remotecache
