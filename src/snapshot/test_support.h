// For tests: chains of layers in memory, and what os/test_support.h has.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

#include "os/test_support.h"
#include "snapshot/chain_view.h"

namespace pgstrata::snapshot::testing {

using os::testing::kOutsideRoot;
using os::testing::run_in_namespace;
using os::testing::TempDir;
using os::testing::Who;

/// A chain of layers in memory, bottom first.
class FakeChain {
 public:
  void add(filetree::ChangeSet changes, ContentOpener open = {}) {
    filetree::sort(changes);
    auto bytes = serialise(changes);
    ASSERT_TRUE(bytes.has_value()) << bytes.error().message();
    auto file = ChangeSetFile::from_bytes(*std::move(bytes), "layer");
    ASSERT_TRUE(file.has_value()) << file.error().message();
    files_.push_back(std::make_unique<ChangeSetFile>(*std::move(file)));
    opens_.push_back(std::move(open));
  }
  /// Bottom first.
  [[nodiscard]] const ChangeSetFile& layer(std::size_t index) const { return *files_[index]; }
  [[nodiscard]] std::unique_ptr<ChainView> view() const {
    std::vector<LayerView> layers;
    for (std::size_t i = 0; i < files_.size(); ++i) layers.push_back({files_[i].get(), opens_[i]});
    return std::make_unique<ChainView>(std::move(layers), "chain");
  }

 private:
  std::vector<std::unique_ptr<ChangeSetFile>> files_;
  std::vector<ContentOpener> opens_;
};

inline filetree::Entry file_entry(const std::string& path, const std::string& text,
                                  std::uint32_t mode = 0644) {
  filetree::Entry entry;
  entry.path = path;
  entry.mode = mode;
  entry.size = text.size();
  entry.content = oci::sha256(text);
  return entry;
}
inline filetree::Entry directory_entry(const std::string& path, std::uint32_t mode = 0755) {
  filetree::Entry entry;
  entry.path = path;
  entry.type = filetree::EntryType::kDirectory;
  entry.mode = mode;
  return entry;
}
inline filetree::Entry typed_entry(const std::string& path, filetree::EntryType type,
                                   const std::string& link = "") {
  filetree::Entry entry;
  entry.path = path;
  entry.type = type;
  entry.link = link;
  entry.mode = type == filetree::EntryType::kSymlink ? 0777 : 0644;
  if (type == filetree::EntryType::kWhiteout) entry.mode = 0;
  return entry;
}

}  // namespace pgstrata::snapshot::testing
