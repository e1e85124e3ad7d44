#include "layer/tar_beginning.h"

#include <unistd.h>
#include <zlib.h>

#include <charconv>
#include <numeric>
#include <string>
#include <string_view>

#include "layer/tar_header.h"

namespace pgstrata::layer {
namespace {

/// Of a file, and of what is decompressed: room for a header with the long names before it.
constexpr std::size_t kBeginning = 64 * 1024;

// Fields of every tar's header (POSIX.1, pax, "ustar Interchange Format").
constexpr std::size_t kSize = 124;
constexpr std::size_t kChecksum = 148;
constexpr std::size_t kType = 156;

std::string decompressed(std::string compressed) {
  constexpr int kGzip = 16 + MAX_WBITS;
  z_stream stream{};
  if (::inflateInit2(&stream, kGzip) != Z_OK) return {};
  std::string text(kBeginning, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  static_cast<void>(::inflate(&stream, Z_SYNC_FLUSH));  // an error is what is expected
  text.resize(text.size() - stream.avail_out);
  ::inflateEnd(&stream);
  return text;
}

std::uint64_t octal(std::string_view field) {
  field.remove_prefix(std::min(field.find_first_not_of(' '), field.size()));
  std::uint64_t value = 0;
  std::from_chars(field.data(), field.data() + field.size(), value, 8);
  return value;
}

bool has_valid_checksum(std::string_view header) {
  const auto add = [](std::uint64_t sum, char c) { return sum + static_cast<unsigned char>(c); };
  // The field itself counts as eight spaces.
  std::uint64_t sum =
      std::accumulate(header.begin(), header.begin() + kChecksum, std::uint64_t{8 * ' '}, add);
  sum = std::accumulate(header.begin() + kChecksum + 8, header.end(), sum, add);
  return sum == octal(header.substr(kChecksum, 8));
}

bool begins_with_header(std::string_view text) {
  constexpr std::string_view kAboutTheNext = "xLK";  // pax records, and GNU's long names
  while (text.size() >= kTarBlock) {
    const std::string_view header = text.substr(0, kTarBlock);
    if (!has_valid_checksum(header)) return false;
    if (kAboutTheNext.find(header[kType]) == std::string_view::npos) return true;
    const std::uint64_t size = octal(header.substr(kSize, 12));
    if (size > kBeginning) return false;
    text.remove_prefix(std::min<std::size_t>(kTarBlock + size + tar_padding(size), text.size()));
  }
  return false;
}

}  // namespace

Result<bool> begins_as_gzipped_tar(int fd) {
  std::string bytes(kBeginning, '\0');
  const ssize_t count = ::pread(fd, bytes.data(), bytes.size(), 0);
  if (count < 0) return fail(system_error("can't read an archive", ""));
  bytes.resize(static_cast<std::size_t>(count));
  return bytes.starts_with("\x1f\x8b\x08") && begins_with_header(decompressed(std::move(bytes)));
}

}  // namespace pgstrata::layer
