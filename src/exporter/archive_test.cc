// Archives and layouts, as other programs read them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <set>

#include "exporter/exporter.h"
#include "exporter/fake_image.h"

namespace pgstrata::exporter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::json;

class Archive : public testing::Test {
 protected:
  std::string path(const std::string& name) { return image_.directory() / name; }

  std::string oci(const std::string& name, Compression compression = {}) {
    must(export_oci(image_.request(), {.to = ToFile{path(name)}, .compression = compression}));
    return path(name);
  }
  std::string docker(const std::string& name) {
    must(export_docker(image_.request(), {.to = ToFile{path(name)}}));
    return path(name);
  }
  static Json member(const std::string& archive, const std::string& name) {
    return Json::parse(output_of({"tar", "-xOf", archive, name}), nullptr, false);
  }
  static std::string blob(const Json& descriptor) {
    return "blobs/sha256/" + descriptor.at("digest").get<std::string>().substr(7);
  }

  FakeImage image_;
};

TEST_F(Archive, IndexNamesTheImageByEachOfItsNames) {
  const std::string archive = oci("a.tar");
  EXPECT_EQ(member(archive, "oci-layout"), (Json{{"imageLayoutVersion", "1.0.0"}}));
  const Json manifests = member(archive, "index.json").at("manifests");
  ASSERT_EQ(manifests.size(), 2U);
  EXPECT_EQ(manifests[0].at("annotations"),
            (Json{{"io.containerd.image.name", "example.org/team/app:1.2"},
                  {"org.opencontainers.image.ref.name", "1.2"},
                  {"org.opencontainers.image.created", "2020-09-13T12:26:40Z"}}));
  EXPECT_EQ(manifests[1].at("annotations").at("io.containerd.image.name"), "docker.io/library/app:latest");
  EXPECT_EQ(manifests[0].at("digest"), manifests[1].at("digest"));
  EXPECT_EQ(manifests[0].at("platform").at("os"), "linux");
}

TEST_F(Archive, AttestationsAreAboutTheManifestThatIsInIt) {
  Request request = image_.request();
  request.images[0].attestations = {{.type = "https://spdx.dev/Document", .json = R"({"a":1})"}};
  must(export_oci(request, {.to = ToFile{path("a.tar")}, .compression = {}}));
  const Json named = member(path("a.tar"), "index.json").at("manifests");
  ASSERT_EQ(named.size(), 2U);
  EXPECT_EQ(named[0].at("mediaType"), "application/vnd.oci.image.index.v1+json");
  EXPECT_EQ(named[0].at("digest"), named[1].at("digest"));
  const Json manifests = member(path("a.tar"), blob(named[0])).at("manifests");
  // The image is the one that is exported without them, which isn't the store's: its layers are gzipped.
  EXPECT_EQ(manifests[0].at("digest"), member(oci("b.tar"), "index.json").at("manifests")[0].at("digest"));
  EXPECT_NE(manifests[0].at("digest"), request.images[0].image.descriptor.digest.str());
  const Json attestation = member(path("a.tar"), blob(manifests[1]));
  const Json subjects = member(path("a.tar"), blob(attestation.at("layers")[0])).at("subject");
  ASSERT_EQ(subjects.size(), 2U);  // one for each name
  for (const Json& subject : subjects)
    EXPECT_EQ("sha256:" + subject.at("digest").at("sha256").get<std::string>(), manifests[0].at("digest"));
}

TEST_F(Archive, DockersHasNoAttestationsAndThatIsSaid) {
  Request request = image_.request();
  request.images[0].attestations = {{.type = "https://spdx.dev/Document", .json = "{}"}};
  const Exported exported = must(export_docker(request, {.to = ToFile{path("a.tar")}}));
  EXPECT_THAT(exported.messages, ElementsAre(HasSubstr("attestations are left out")));
  EXPECT_EQ(must(os::read_file(path("a.tar"))), must(os::read_file(docker("b.tar"))));
}

class ArchiveOfTwo : public Archive {
 protected:
  ArchiveOfTwo() : request_(image_.request()) {
    PlatformImage other = request_.images[0];
    other.image.descriptor.platform = oci::Platform{"linux", "riscv64", ""};
    request_.images.push_back(other);
  }
  Request request_;
};

TEST_F(ArchiveOfTwo, NamesLeadToAnIndexOfThemInTheirOrder) {
  must(export_oci(request_, {.to = ToFile{path("a.tar")}, .compression = {}}));
  const Json named = member(path("a.tar"), "index.json").at("manifests");
  ASSERT_EQ(named.size(), 2U);
  EXPECT_EQ(named[0].at("mediaType"), "application/vnd.oci.image.index.v1+json");
  const Json manifests = member(path("a.tar"), blob(named[0])).at("manifests");
  ASSERT_EQ(manifests.size(), 2U);
  EXPECT_EQ(manifests[0].at("platform").at("architecture"), oci::Platform::host().architecture);
  EXPECT_EQ(manifests[1].at("platform"), (Json{{"os", "linux"}, {"architecture", "riscv64"}}));
  EXPECT_FALSE(manifests[0].contains("annotations"));
}

TEST_F(ArchiveOfTwo, ADirectoryForEachInTheTarOfFiles) {
  must(export_tar(request_, {.to = ToFile{path("a.tar")}}));
  must(export_tar(image_.request(), {.to = ToFile{path("one.tar")}}));
  const std::string own = "linux_" + oci::Platform::host().architecture;
  for (const std::string& directory : {own, std::string("linux_riscv64")})
    EXPECT_EQ(output_of({"tar", "-xOf", path("a.tar"), directory + "/etc/same"}),
              output_of({"tar", "-xOf", path("one.tar"), "etc/same"}));
}

TEST_F(ArchiveOfTwo, DockersHoldsOnlyOne) {
  const auto refused = export_docker(request_, {.to = ToFile{path("a.tar")}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("does not support exporting manifest lists"));
  EXPECT_FALSE(os::exists(path("a.tar")));
}

TEST_F(Archive, LayersAreGzippedAndTheirDescriptorsSaySo) {
  const std::string archive = oci("a.tar");
  const Json manifest = member(archive, blob(member(archive, "index.json").at("manifests")[0]));
  const Json config = member(archive, blob(manifest.at("config")));
  ASSERT_EQ(manifest.at("layers").size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const Json& layer = manifest.at("layers")[i];
    EXPECT_EQ(layer.at("mediaType"), "application/vnd.oci.image.layer.v1.tar+gzip");
    const std::string file = path("layer.gz");
    must(os::write_file(file, output_of({"tar", "-xOf", archive, blob(layer)})));
    EXPECT_EQ(output_of({"stat", "-c%s", file}), std::to_string(layer.at("size").get<int>()) + "\n");
    EXPECT_EQ(oci::sha256(must(os::read_file(file))).str(), layer.at("digest"));
    EXPECT_EQ(oci::sha256(output_of({"gzip", "-dc", file})).str(), config.at("rootfs").at("diff_ids")[i]);
  }
}

TEST_F(Archive, ZstdLayersUnpackToTheSame) {
  const std::string archive = oci("a.tar", {.codec = Codec::kZstd, .level = 5});
  const Json manifest = member(archive, blob(member(archive, "index.json").at("manifests")[0]));
  const Json& layer = manifest.at("layers")[0];
  EXPECT_EQ(layer.at("mediaType"), "application/vnd.oci.image.layer.v1.tar+zstd");
  if (!has_program("zstd")) GTEST_SKIP() << "no zstd program";
  must(os::write_file(path("layer.zst"), output_of({"tar", "-xOf", archive, blob(layer)})));
  EXPECT_EQ(oci::sha256(output_of({"zstd", "-dcq", path("layer.zst")})),
            image_.request().images[0].chain[0].diff_id);
}

TEST_F(Archive, EntriesAreSortedAndCarryNothingOfThisMachine) {
  auto request = image_.request();
  must(export_oci(request, {.to = ToFile{path("a.tar")}}));
  const std::string list = output_of({"tar", "--numeric-owner", "--utc", "-tvf", path("a.tar")});
  std::vector<std::string> names;
  os::LineSplitter lines([&](std::string_view line) {
    EXPECT_THAT(std::string(line), HasSubstr(" 0/0 "));
    EXPECT_THAT(std::string(line), HasSubstr(" 1970-01-01 00:00 "));
    names.emplace_back(line.substr(line.rfind(' ') + 1));
  });
  lines.add(list);
  EXPECT_THAT(names, testing::SizeIs(8));  // two directories, four blobs, index.json, oci-layout
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  request.source_date_epoch = 86400;
  must(export_oci(request, {.to = ToFile{path("b.tar")}}));
  EXPECT_THAT(output_of({"tar", "--utc", "-tvf", path("b.tar")}), HasSubstr(" 1970-01-02 00:00 "));
}

TEST_F(Archive, TheSameImageInAnotherStoreGivesTheSameBytes) {
  FakeImage other;
  must(export_oci(other.request(), {.to = ToFile{other.directory() / "b.tar"}}));
  must(export_docker(other.request(), {.to = ToFile{other.directory() / "b-docker.tar"}}));
  const std::string a = must(os::read_file(oci("a.tar")));
  EXPECT_TRUE(a == must(os::read_file(other.directory() / "b.tar")));
  EXPECT_TRUE(must(os::read_file(docker("a-docker.tar"))) ==
              must(os::read_file(other.directory() / "b-docker.tar")));
}

TEST_F(Archive, SkopeoReadsTheOciArchive) {
  if (!has_program("skopeo")) GTEST_SKIP() << "no skopeo";
  const std::string from = "oci-archive:" + oci("a.tar") + ":latest";
  const Json config = Json::parse(output_of({"skopeo", "inspect", "--config", from}));
  EXPECT_EQ(config.at("rootfs").at("diff_ids").size(), 2U);
  output_of({"skopeo", "--insecure-policy", "copy", "-q", from, "dir:" + path("dir")});
  EXPECT_TRUE(os::exists(path("dir/manifest.json")));
}

TEST_F(Archive, SkopeoReadsTheDockerArchiveByItsName) {
  if (!has_program("skopeo")) GTEST_SKIP() << "no skopeo";
  const std::string archive = docker("a.tar");
  for (const std::string name : {"example.org/team/app:1.2", "app:latest"}) {
    const Json config =
        Json::parse(output_of({"skopeo", "inspect", "--config", "docker-archive:" + archive + ":" + name}));
    EXPECT_EQ(config.at("config").at("Cmd"), Json::array({"/tool"}));
  }
  output_of({"skopeo", "--insecure-policy", "copy", "-q", "docker-archive:" + archive + ":app:latest",
             "dir:" + path("dir")});
}

TEST_F(Archive, DockerArchiveHasTheTarsThemselves) {
  const std::string archive = docker("a.tar");
  const Json image = member(archive, "manifest.json").at(0);
  EXPECT_EQ(image.at("RepoTags"), (Json{"example.org/team/app:1.2", "app:latest"}));
  const auto chain = image_.request().images[0].chain;
  EXPECT_EQ(image.at("Layers"),
            (Json{"blobs/sha256/" + chain[0].diff_id.hex(), "blobs/sha256/" + chain[1].diff_id.hex()}));
  EXPECT_EQ(oci::sha256(output_of({"tar", "-xOf", archive, image.at("Layers")[1].get<std::string>()})),
            chain[1].diff_id);
  EXPECT_EQ("blobs/sha256/" + image_.request().images[0].image.manifest.config.digest.hex(),
            image.at("Config"));
}

TEST_F(Archive, UmociUnpacksTheDirectory) {
  if (!has_program("umoci") || ::geteuid() != 0) GTEST_SKIP() << "needs umoci and root";
  must(export_oci(image_.request(), {.to = ToDirectory{path("layout")}}));
  output_of({"umoci", "unpack", "--image", path("layout") + ":1.2", path("bundle")});
  EXPECT_EQ(must(os::read_file(path("bundle/rootfs/etc/same"))), "hello\n");
  EXPECT_FALSE(os::exists(path("bundle/rootfs/etc/old")));
  EXPECT_FALSE(os::exists(path("bundle/rootfs/opt/hidden")));
  EXPECT_EQ(output_of({"stat", "-c%a %u %Y %h", path("bundle/rootfs/etc/greeting")}),
            "640 33 1600000000 2\n");
}

TEST_F(Archive, ASecondImageIsAddedToADirectory) {
  Request request = image_.request();
  must(export_oci(request, {.to = ToDirectory{path("layout")}}));
  request.names = {must(oci::Reference::parse("other:9"))};
  must(export_oci(request, {.to = ToDirectory{path("layout")}}));
  must(export_oci(request, {.to = ToDirectory{path("layout")}}));
  const Json index = Json::parse(must(os::read_file(path("layout/index.json"))));
  std::vector<std::string> names;
  for (const Json& manifest : index.at("manifests"))
    names.push_back(manifest.at("annotations").at("io.containerd.image.name"));
  EXPECT_THAT(names, ElementsAre("example.org/team/app:1.2", "docker.io/library/app:latest",
                                 "docker.io/library/other:9"));
}

TEST_F(Archive, ADirectoryIsNoHardLinkIntoTheStore) {
  must(export_oci(image_.request(),
                  {.to = ToDirectory{path("layout")}, .compression = {.codec = Codec::kUncompressed}}));
  struct stat status {};
  const std::string blob = image_.request().images[0].chain[0].diff_id.hex();
  ASSERT_EQ(::stat(path("layout/blobs/sha256/" + blob).c_str(), &status), 0);
  EXPECT_EQ(status.st_nlink, 1U);
  EXPECT_EQ(oci::sha256(must(os::read_file(path("layout/blobs/sha256/" + blob)))),
            image_.request().images[0].chain[0].diff_id);
}

TEST_F(Archive, TheSecondExportCompressesNothing) {
  const std::string first = must(os::read_file(oci("a.tar")));
  // A compressed blob that was put in place of the real one is only noticed if it is made anew.
  const std::string list = output_of({"find", image_.content().root() + "/compressed", "-type", "f"});
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 2);
  const std::string tar = image_.content().blob_path(image_.request().images[0].chain[0].diff_id);
  ASSERT_EQ(::rename(tar.c_str(), path("away").c_str()), 0);
  EXPECT_TRUE(must(os::read_file(oci("b.tar"))) == first);
}

TEST_F(Archive, ARecordOfAnotherBootIsBelievedOnlyIfTheBlobIsWhole) {
  const std::string first = must(os::read_file(oci("a.tar")));
  std::string record = output_of({"find", image_.content().root() + "/compressed", "-name",
                                  image_.request().images[0].chain[0].diff_id.hex()});
  record.pop_back();
  const std::string text = must(os::read_file(record));
  const std::string blob = image_.content().blob_path(must(oci::Digest::parse(text.substr(0, 71))));
  std::string damaged = must(os::read_file(blob));
  damaged[damaged.size() / 2] ^= 1;
  must(os::write_file(blob, damaged));
  must(os::write_file(record, text.substr(0, text.rfind(' ')) + " another-boot\n"));
  EXPECT_TRUE(must(os::read_file(oci("b.tar"))) == first);
  EXPECT_EQ(must(os::read_file(record)), text);
}

TEST_F(Archive, ImagesOfSeveralBuildsThatComeIntoOneDirectoryAtOnceAllStay) {
  constexpr std::size_t kBuilds = 12;
  std::vector<pid_t> builds;
  for (std::size_t i = 0; i < kBuilds; ++i) {
    builds.push_back(::fork());
    if (builds.back() != 0) continue;
    const auto name = oci::Reference::parse("team/app:t" + std::to_string(i));
    const OciOutput output{.to = ToDirectory{path("layout")},
                           .compression = {.codec = Codec::kUncompressed},
                           .names = {*name}};
    ::_exit(export_oci(image_.request(), output) ? 0 : 1);
  }
  for (const pid_t build : builds) {
    int status = 0;
    EXPECT_EQ(::waitpid(build, &status, 0), build);
    EXPECT_EQ(status, 0);
  }
  std::set<std::string> tags;
  const Json index = Json::parse(must(os::read_file(path("layout/index.json"))));
  for (const Json& manifest : index.at("manifests"))
    tags.insert(manifest.at("annotations").at("org.opencontainers.image.ref.name").get<std::string>());
  for (std::size_t i = 0; i < kBuilds; ++i) EXPECT_TRUE(tags.contains("t" + std::to_string(i))) << i;
  EXPECT_EQ(output_of({"ls", image_.directory().path()}), "index\nindex-shm\nindex-wal\nlayout\nstore\n");
}

TEST_F(Archive, TarHasTheMergedTree) {
  must(export_tar(image_.request(), {.to = ToFile{path("root.tar")}}));
  const std::string list = output_of({"tar", "-tf", path("root.tar")});
  EXPECT_EQ(list, "etc/\netc/greeting\netc/link\netc/same\nopt/\nopt/shown\npipe\ntmp/\ntool\n");
  EXPECT_EQ(output_of({"tar", "-xOf", path("root.tar"), "etc/greeting"}), "hello\n");
  EXPECT_THAT(output_of({"tar", "--numeric-owner", "-tvf", path("root.tar"), "etc/greeting", "tool"}),
              testing::AllOf(HasSubstr("-rw-r----- 33/0"), HasSubstr("-rwsr-xr-x 0/0")));
}

TEST_F(Archive, WhenTheDiskIsFullThePreviousFileStays) {
  must(os::write_file(path("a.tar"), "previous"));
  // Writing beyond the limit fails like writing to a full disk does.
  const auto previous_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit previous{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &previous), 0);
  const rlimit small{.rlim_cur = 100'000, .rlim_max = previous.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto exported = export_docker(image_.request(), {.to = ToFile{path("a.tar")}});
  const auto in_directory = export_docker(image_.request(), {.to = ToDirectory{path("layout")}});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &previous), 0);
  static_cast<void>(::signal(SIGXFSZ, previous_handler));
  ASSERT_FALSE(exported);
  EXPECT_THAT(exported.error().message(), HasSubstr("a.tar"));
  EXPECT_EQ(must(os::read_file(path("a.tar"))), "previous");
  EXPECT_FALSE(in_directory);
  EXPECT_EQ(output_of({"ls", image_.directory().path()}), "a.tar\nindex\nindex-shm\nindex-wal\nstore\n");
}

TEST_F(Archive, DestinationsThatCantBe) {
  must(os::make_directories(path("directory")));
  const auto no_parent = export_tar(image_.request(), {.to = ToFile{path("no/such/a.tar")}});
  ASSERT_FALSE(no_parent);
  EXPECT_EQ(no_parent.error().kind, ErrorKind::kUsage);
  const auto directory = export_tar(image_.request(), {.to = ToFile{path("directory")}});
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message(), HasSubstr("is a directory"));
  const auto full = export_tar(image_.request(), {.to = ToFile{"/dev/full"}});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::kMachine);
  EXPECT_TRUE(export_tar(image_.request(), {.to = ToFile{"/dev/null"}}).has_value());
  struct stat status {};
  ASSERT_EQ(::stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST_F(Archive, ALinkIsFollowedToItsFile) {
  must(os::write_file(path("real.tar"), "previous"));
  ASSERT_EQ(::symlink("real.tar", path("link.tar").c_str()), 0);
  must(export_tar(image_.request(), {.to = ToFile{path("link.tar")}}));
  struct stat status {};
  ASSERT_EQ(::lstat(path("link.tar").c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
  EXPECT_THAT(output_of({"tar", "-tf", path("real.tar")}), HasSubstr("tool"));
}

}  // namespace
}  // namespace pgstrata::exporter
