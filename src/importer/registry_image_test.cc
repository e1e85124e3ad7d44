// Pulls from a registry that is no network, and what is left of those that fail.
#include "importer/registry_image.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "layer/compress.h"
#include "os/test_support.h"
#include "registry/fake_transport.h"

namespace pgstrata::importer {
namespace {

using os::testing::TempDir;
using registry::FakeAnswer;
using registry::FakeTransport;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Large enough to be taken apart by a thread of its own, and more than one gzip member of ours. What
/// unpacking in the archive's order has to get right: a name that comes twice, a hard link whose name sorts
/// before its file's, a directory in place of a file, marks, a parent that comes late or not at all.
constexpr const char* kMakeTar = R"(
set -e
mkdir -p t/a t/d/e t/lib
head -c 1500000 /dev/urandom >t/a/noise
head -c 1500000 /dev/urandom >t/d/e/more
echo setuid >t/lib/su; chmod 4755 t/lib/su
echo one >t/z; ln t/z t/b; ln -s z t/link; : >t/empty; : >t/lib/.wh.gone; : >t/d/.wh..wh..opq
echo old >t/twice; echo other >t/was
cd t
tar -cf ../layer.tar a/noise z b link empty twice was d lib
echo new >twice; tar -rf ../layer.tar twice
)";

std::string text_of(const std::string& path) { return os::read_file(path).value(); }

class Pulls : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(std::system(("cd " + temp_.path() + " && " + kMakeTar).c_str()), 0);
    tar_ = text_of(temp_ / "layer.tar");
  }

  std::string compressed(layer::Compression kind) {
    const os::Fd tar = os::open(temp_ / "layer.tar", O_RDONLY).value();
    std::string out;
    const layer::ByteSink sink = [&](std::span<const std::byte> bytes) -> Result<void> {
      out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return {};
    };
    EXPECT_TRUE(layer::compress(tar.get(), tar_.size(), {.kind = kind, .threads = 1}, sink));
    return out;
  }
  std::string one_gzip_member() {
    EXPECT_EQ(std::system(("gzip -kn1 " + (temp_ / "layer.tar")).c_str()), 0);
    return text_of(temp_ / "layer.tar.gz");
  }

  /// A registry with one image of one layer; `blob` answers for that.
  void serve(const std::string& layer, std::function<FakeAnswer(std::size_t start)> blob,
             const std::string& diff_id = "") {
    layer_ = layer;
    config_ = fmt::format(
        R"({{"os":"linux","architecture":"{}","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}})",
        oci::Platform::host().architecture, diff_id.empty() ? oci::sha256(tar_).str() : diff_id);
    oci::ImageManifest manifest;
    manifest.config = {.media_type = std::string(oci::media_type::kConfig),
                       .digest = oci::sha256(config_),
                       .size = config_.size(),
                       .annotations = {},
                       .platform = {}};
    manifest.layers = {{.media_type = std::string(oci::media_type::kLayerGzip),
                        .digest = oci::sha256(layer),
                        .size = layer.size(),
                        .annotations = {},
                        .platform = {}}};
    manifest_ = manifest.to_json();
    blob_ = std::move(blob);
  }
  void serve(const std::string& layer) {
    serve(layer, [this](std::size_t start) { return rest_of(start); });
  }
  [[nodiscard]] FakeAnswer rest_of(std::size_t start) const { return answer(layer_, start); }
  static FakeAnswer answer(const std::string& bytes, std::size_t start) {
    FakeAnswer answer{.headers = {}, .body = bytes.substr(start), .piece = 40'000};
    if (start == 0) return answer;
    answer.status = 206;
    answer.headers["content-range"] = fmt::format("bytes {}-{}/{}", start, bytes.size() - 1, bytes.size());
    return answer;
  }

  Result<FakeAnswer> respond(const remote::HttpRequest& request) {
    if (request.url.find("/manifests/") != std::string::npos)
      return FakeAnswer{.headers = {{"content-type", std::string(oci::media_type::kManifest)}},
                        .body = manifest_,
                        .piece = 1000};
    if (request.url.ends_with(oci::sha256(config_).str()))
      return FakeAnswer{.headers = {}, .body = config_, .piece = 1000};
    const std::string range = FakeTransport::header(request, "Range");
    return blob_(range.empty() ? 0 : std::stoul(range.substr(6)));
  }

  /// Into a fresh store.
  Result<Pulled> pull(bool unpack) {
    root_ = temp_ / fmt::format("store{}", ++stores_);
    content_.emplace(content::ContentStore::open(root_).value());
    index_ = cache::Index::open(root_ + "/index.db", "boot").value();
    layers_ = store::LayerStore::open(*content_, *index_).value();
    FakeTransport transport([this](const auto& request) { return respond(request); });
    registry::CredentialStore credentials;
    registry::Registry registry(registry::Endpoint{.domain = "registry.example", .tls = {}}, transport,
                                credentials, registry::RetryPolicy{.wait = [](auto, const auto&) {}});
    PullOptions options;
    options.unpack = unpack;
    options.stop = stop_.get_token();
    return importer::pull(*layers_, {registry::Repository(registry, "team/app")},
                          oci::Reference::parse("registry.example/team/app").value(), options);
  }

  [[nodiscard]] std::vector<std::string> names(const std::string& directory) const {
    return os::names_in(root_ + directory).value();
  }
  /// Where the only layer is unpacked.
  [[nodiscard]] std::string unpacked() const { return layers_->unpacked_path(oci::sha256(tar_)); }
  /// Types, modes, owners, times (but of marks and of the directory itself, which the layer doesn't say),
  /// links and contents.
  [[nodiscard]] static std::string listing(const std::string& directory) {
    const std::string command =
        "cd " + directory +
        " && find . -printf '%p %y %m %U:%G %n %l\\n' | sort >/tmp/listing.$$;"
        " find . -mindepth 1 ! -type c -printf '%p %T@\\n' | sort >>/tmp/listing.$$; find . -type f -exec "
        "sha256sum {} + | sort >>/tmp/listing.$$;"
        " getfattr -Rdm- . 2>/dev/null | cat >>/tmp/listing.$$;"
        " mv /tmp/listing.$$ " +
        directory + ".list";
    EXPECT_EQ(std::system(command.c_str()), 0);
    return text_of(directory + ".list");
  }
  void expect_nothing_left() {
    EXPECT_THAT(names("/tmp"), IsEmpty());
    EXPECT_THAT(names("/unpacked"), IsEmpty());
    EXPECT_THAT(names("/changes"), IsEmpty());
    EXPECT_FALSE(content_->has(oci::sha256(tar_)));
    EXPECT_FALSE(content_->has(oci::sha256(layer_)));
  }
  void expect_unpacked() {
    ASSERT_TRUE(os::exists(unpacked()));
    EXPECT_THAT(names("/tmp"), IsEmpty());
    const std::string at_once = listing(unpacked());
    const auto row = layers_->index().layer(oci::sha256(tar_)).value();
    ASSERT_TRUE(row);
    ASSERT_TRUE(layers_->remove_unpacked(row->diff_id));
    ASSERT_TRUE(layers_->lowerdirs({*row}, false));
    EXPECT_EQ(at_once, listing(unpacked()));
    EXPECT_THAT(at_once, HasSubstr("./b f 644"));
  }

  TempDir temp_;
  std::string tar_;
  std::string layer_;
  std::string root_;
  std::optional<content::ContentStore> content_;
  std::unique_ptr<store::LayerStore> layers_;
  std::stop_source stop_;

 private:
  std::string config_;
  std::string manifest_;
  std::function<FakeAnswer(std::size_t)> blob_;
  std::unique_ptr<cache::Index> index_;
  int stores_ = 0;
};

/// Unpacking as it comes needs root.
class UnpackingPulls : public Pulls {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    Pulls::SetUp();
  }
};

TEST_F(UnpackingPulls, InWhateverFormWhatIsUnpackedAtOnceIsWhatIsUnpackedLater) {
  for (const std::string& layer : {compressed(layer::Compression::kGzip), one_gzip_member(),
                                   compressed(layer::Compression::kZstd), tar_}) {
    serve(layer);
    const auto pulled = pull(true);
    ASSERT_TRUE(pulled) << pulled.error().message();
    expect_unpacked();
  }
}

TEST_F(UnpackingPulls, FilesAreThereBeforeTheLayerIs) {
  bool was_there = false;
  serve(one_gzip_member(), [&](std::size_t start) {
    FakeAnswer answer = rest_of(start);
    if (start == 0) {
      answer.breaks_after = layer_.size() * 3 / 4;
      return answer;
    }
    // The first file of the archive is less than half of it.
    for (int tries = 0; tries < 1000 && !was_there; ++tries) {
      for (const auto& file : std::filesystem::directory_iterator(root_ + "/tmp")) {
        std::error_code ignored;
        was_there |= std::filesystem::file_size(file.path() / "a/noise", ignored) == 1500000;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return answer;
  });
  const auto pulled = pull(true);
  ASSERT_TRUE(pulled) << pulled.error().message();
  EXPECT_TRUE(was_there);
  expect_unpacked();
}

TEST_F(UnpackingPulls, WhatCameBeforeANewBeginningCountsForNothing) {
  ASSERT_EQ(std::system(("cd " + temp_.path() +
                         " && mkdir o && head -c 2500000 /dev/urandom >o/alien && tar -C o -cf o.tar alien")
                            .c_str()),
            0);
  const std::string other = text_of(temp_ / "o.tar");
  serve(tar_, [&, first = true](std::size_t) mutable {
    if (!std::exchange(first, false)) return rest_of(0);  // knows no ranges
    FakeAnswer answer = Pulls::answer(other, 0);
    answer.breaks_after = 2'400'000;
    return answer;
  });
  const auto pulled = pull(true);
  ASSERT_TRUE(pulled) << pulled.error().message();
  EXPECT_FALSE(os::exists(unpacked() + "/alien"));
  expect_unpacked();
}

TEST_F(UnpackingPulls, WithoutUnpackingNothingIsUnpacked) {
  serve(one_gzip_member());
  ASSERT_TRUE(pull(false));
  EXPECT_THAT(names("/unpacked"), IsEmpty());
  EXPECT_TRUE(content_->has(oci::sha256(tar_)));
}

TEST_F(Pulls, OtherBytesInTheMiddleAreAnErrorWithBothDigestsAndLeaveNothing) {
  std::string wrong = tar_;
  wrong[1'000'000] ^= 1;  // within a file: the archive is one still
  serve(tar_, [&](std::size_t) { return answer(wrong, 0); });
  const auto pulled = pull(true);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(pulled.error().why, HasSubstr(oci::sha256(wrong).str()));
  EXPECT_THAT(pulled.error().why, HasSubstr(oci::sha256(tar_).str()));
  expect_nothing_left();
}

TEST_F(Pulls, AnotherDiffIdIsAnErrorWithBothAndLeavesNothingUnpacked) {
  const std::string expected = oci::sha256("another").str();
  serve(
      one_gzip_member(), [this](std::size_t start) { return rest_of(start); }, expected);
  const auto pulled = pull(true);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(pulled.error().why, HasSubstr(expected));
  EXPECT_THAT(pulled.error().why, HasSubstr(oci::sha256(tar_).str()));
  EXPECT_THAT(names("/tmp"), IsEmpty());
  EXPECT_THAT(names("/unpacked"), IsEmpty());
  EXPECT_FALSE(content_->has(oci::sha256(tar_)));
}

TEST_F(Pulls, ATruncatedBlobIsAnErrorAndLeavesNothing) {
  serve(one_gzip_member(), [this](std::size_t start) {
    const std::string most = layer_.substr(0, layer_.size() - 1000);
    if (start >= most.size()) return FakeAnswer{.status = 206, .headers = {}, .body = ""};
    return answer(most, start);
  });
  const auto pulled = pull(true);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(pulled.error().what, HasSubstr("less than the manifest promises"));
  expect_nothing_left();
}

TEST_F(Pulls, AnArchiveThatIsCutOffIsAnErrorAndLeavesNothingUnpacked) {
  const std::string whole = tar_;
  tar_.resize(2'900'000);
  serve(tar_);
  const auto pulled = pull(true);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(names("/tmp"), IsEmpty());
  EXPECT_THAT(names("/unpacked"), IsEmpty());
  EXPECT_FALSE(layers_->index().layer(oci::sha256(tar_)).value());
}

TEST_F(Pulls, StoppedInTheMiddleItEndsAndLeavesNothing) {
  serve(one_gzip_member(), [this](std::size_t start) {
    FakeAnswer answer = rest_of(start);
    if (start > 0) stop_.request_stop();
    if (start == 0) answer.breaks_after = layer_.size() * 3 / 4;
    return answer;
  });
  const auto pulled = pull(true);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind, ErrorKind::kCancelled);
  expect_nothing_left();
}

}  // namespace
}  // namespace pgstrata::importer
