// Archives that others made: read as ADD reads them, and written as a layer.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "layer/archive_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgstrata;
  os::Fd file(::memfd_create("archive", MFD_CLOEXEC));
  if (::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  ::lseek(file.get(), 0, SEEK_SET);
  auto reader = layer::TarReader::open(std::move(file), "fuzz");
  if (!reader) return 0;
  auto tree = layer::read_archive(std::move(*reader), "/tmp");
  if (!tree) return 0;
  const auto nowhere = [](std::span<const std::byte>) { return Result<void>(); };
  static_cast<void>(layer::write_layer(std::move(tree->entries), tree->open, {}, nowhere).has_value());
  return 0;
}
