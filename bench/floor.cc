// The least that a build after an edit can cost: stat every file of the context, hash what changed, write
// the new layer, configuration and manifest. No Dockerfile, no cache index, no safety: a floor to measure
// pgstrata against.
//
//   floor CONTEXT STATE     STATE is a directory for what one run leaves to the next
#include <openssl/evp.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace {

namespace fs = std::filesystem;

struct Stamp {
  long long ctime_ns = 0;
  long long size = 0;
  std::string digest;
};
using Stamps = std::map<std::string, Stamp>;

std::string sha256(const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), raw.data(), &length, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    constexpr const char* digits = "0123456789abcdef";
    hex += digits[raw.at(i) >> 4];
    hex += digits[raw.at(i) & 15];
  }
  return hex;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string write_blob(const fs::path& state, const std::string& bytes) {
  auto digest = sha256(bytes);
  std::ofstream(state / digest, std::ios::binary) << bytes;
  return digest;
}

// One ustar entry; only its size matters here.
void append_entry(std::string& tar, const std::string& name, const std::string& content) {
  std::array<char, 512> header{};
  std::snprintf(header.data(), 100, "%s", name.c_str());
  std::snprintf(header.data() + 124, 12, "%011zo", content.size());
  std::memcpy(header.data() + 257, "ustar\00000", 8);
  tar.append(header.data(), header.size());
  tar += content;
  tar.append((512 - content.size() % 512) % 512, '\0');
}

Stamps load(const fs::path& file) {
  Stamps stamps;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Stamp stamp;
    std::string path;
    fields >> stamp.ctime_ns >> stamp.size >> stamp.digest;
    std::getline(fields >> std::ws, path);
    stamps[path] = stamp;
  }
  return stamps;
}

void save(const fs::path& file, const Stamps& stamps) {
  std::ofstream lines(file);
  for (const auto& [path, stamp] : stamps) {
    lines << stamp.ctime_ns << ' ' << stamp.size << ' ' << stamp.digest << ' ' << path << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: floor CONTEXT STATE\n", stderr);
    return 2;
  }
  const fs::path context = argv[1];
  const fs::path state = argv[2];
  fs::create_directories(state);

  const auto known = load(state / "stamps");
  Stamps stamps;
  std::string layer;
  for (const auto& entry : fs::recursive_directory_iterator(context)) {
    struct stat st {};
    if (::lstat(entry.path().c_str(), &st) != 0 || !S_ISREG(st.st_mode)) {
      continue;
    }
    auto& stamp = stamps[entry.path().string()];
    stamp.ctime_ns = st.st_ctim.tv_sec * 1'000'000'000LL + st.st_ctim.tv_nsec;
    stamp.size = st.st_size;
    const auto before = known.find(entry.path().string());
    if (before != known.end() && before->second.ctime_ns == stamp.ctime_ns &&
        before->second.size == stamp.size) {
      stamp.digest = before->second.digest;
      continue;
    }
    const auto content = read(entry.path());
    stamp.digest = sha256(content);
    append_entry(layer, entry.path().filename().string(), content);
  }
  if (!layer.empty()) {
    const auto diff_id = write_blob(state, layer);
    const auto config =
        write_blob(state, R"({"rootfs":{"type":"layers","diff_ids":["sha256:)" + diff_id + R"("]}})");
    const auto manifest = write_blob(
        state, R"({"config":"sha256:)" + config + R"(","layers":["sha256:)" + diff_id + R"("]})");
    std::ofstream(state / "index.json.new") << R"({"manifests":["sha256:)" << manifest << R"("]})";
    fs::rename(state / "index.json.new", state / "index.json");
  }
  save(state / "stamps", stamps);
  return 0;
}
