// A damaged change-set file gives an error, whatever is asked of it.
#include <cstddef>
#include <cstdint>
#include <string>

#include "snapshot/change_set_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pgstrata::snapshot::ChangeSetFile;
  const auto file =
      ChangeSetFile::from_bytes(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!file) return 0;
  static_cast<void>(file->verify().has_value());
  static_cast<void>(file->read_all().has_value());
  static_cast<void>(file->find("usr/bin/x").has_value());
  static_cast<void>(file->below("usr", file->all()).has_value());
  return 0;
}
