// A small image in a store of its own, for tests.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <memory>
#include <string>

#include "exporter/exporter.h"
#include "os/file.h"
#include "os/process.h"

namespace pgstrata::exporter {

/// A directory that goes with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = testing::TempDir() + "exporter.XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { static_cast<void>(os::remove_tree(path_)); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

template <class T>
T must(Result<T> result) {
  if (!result) ADD_FAILURE() << result.error().message();
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

/// Entries with their bytes.
class FakeLayer {
 public:
  static constexpr std::int64_t kMtime = 1'600'000'000;

  filetree::Entry& add(const std::string& path, filetree::EntryType type, std::uint32_t mode) {
    filetree::Entry entry;
    entry.path = path;
    entry.type = type;
    entry.mode = mode;
    entry.mtime_ns = kMtime * 1'000'000'000;
    return entries_.emplace_back(std::move(entry));
  }
  filetree::Entry& directory(const std::string& path, std::uint32_t mode = 0755) {
    return add(path, filetree::EntryType::kDirectory, mode);
  }
  filetree::Entry& file(const std::string& path, const std::string& text, std::uint32_t mode = 0644) {
    texts_[path] = text;
    filetree::Entry& entry = add(path, filetree::EntryType::kRegular, mode);
    entry.size = text.size();
    return entry;
  }
  filetree::Entry& link(const std::string& path, filetree::EntryType type, const std::string& target) {
    filetree::Entry& entry = add(path, type, 0777);
    entry.link = target;
    return entry;
  }
  Result<cache::LayerRow> store(store::LayerStore& layers) const {
    const auto open = [this](const filetree::Entry& entry) -> Result<filetree::Content> {
      return filetree::Content{.text = texts_.at(entry.path)};
    };
    return layers.add(entries_, open, {});
  }

 private:
  filetree::ChangeSet entries_;
  std::map<std::string, std::string> texts_;
};

/// Two layers: /etc/greeting is changed by the second, /etc/old removed, /opt made opaque.
class FakeImage {
 public:
  FakeImage()
      : content_(must(content::ContentStore::open(directory_ / "store"))),
        index_(must(cache::Index::open(directory_ / "index", "boot"))),
        layers_(must(store::LayerStore::open(content_, *index_))) {
    using filetree::EntryType;
    FakeLayer below;
    below.directory("");
    below.directory("etc");
    below.file("etc/greeting", "good day\n");
    below.file("etc/old", "gone\n");
    below.directory("opt");
    below.file("opt/hidden", "hidden\n");
    below.directory("tmp", 01777);
    below.file("tool", std::string(3'000'000, 'x'), 04755);
    FakeLayer above;
    above.directory("");
    above.directory("etc");
    above.file("etc/greeting", "hello\n", 0640).uid = 33;
    above.add("etc/old", EntryType::kWhiteout, 0);
    above.link("etc/link", EntryType::kSymlink, "/nowhere/at all");
    above.link("etc/same", EntryType::kHardLink, "etc/greeting");
    above.directory("opt", 0500).opaque = true;
    above.file("opt/shown", "shown\n");
    above.add("pipe", EntryType::kFifo, 0600);
    chain_ = {must(below.store(*layers_)), must(above.store(*layers_))};

    oci::ImageConfig config{.created = "2020-09-13T12:26:40Z", .platform = oci::Platform::host()};
    config.config.cmd = {"/tool"};
    config.config.env = {"A=b"};
    std::vector<image::LayerBlob> blobs;
    for (const cache::LayerRow& row : chain_) {
      blobs.push_back({.diff_id = row.diff_id, .size = row.size});
      config.history.push_back({.created = config.created, .created_by = "test"});
    }
    image_ = must(image::load(content_, must(image::write(content_, config, blobs))));
  }

  [[nodiscard]] Request request() const {
    return {.images = {{.image = image_, .chain = chain_}},
            .names = {must(oci::Reference::parse("example.org/team/app:1.2")),
                      must(oci::Reference::parse("app"))},
            .layers = *layers_};
  }
  [[nodiscard]] const content::ContentStore& content() const { return content_; }
  [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

 private:
  TemporaryDirectory directory_;
  content::ContentStore content_;
  std::unique_ptr<cache::Index> index_;
  std::unique_ptr<store::LayerStore> layers_;
  std::vector<cache::LayerRow> chain_;
  image::Image image_;
};

/// Runs a program of the machine; its output. The test fails if the program does.
inline std::string output_of(std::vector<std::string> argv) {
  const os::Command command{.argv = std::move(argv), .env = os::environment_with({})};
  const auto captured = os::capture(command);
  if (!captured) {
    ADD_FAILURE() << captured.error().message();
    return "";
  }
  EXPECT_TRUE(os::succeeded(captured->status)) << command.argv[0] << ": " << captured->err;
  return captured->out;
}

[[nodiscard]] inline bool has_program(std::string_view name) {
  const char* path = ::getenv("PATH");
  return !os::find_program(name, path != nullptr ? path : "").empty();
}

}  // namespace pgstrata::exporter
