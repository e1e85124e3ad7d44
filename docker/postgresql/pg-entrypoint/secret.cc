#include "secret.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

namespace pg_entrypoint {
namespace {

std::optional<std::string> read_file(const std::string& variable, const std::string& path,
                                     std::vector<std::string>& errors) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    errors.push_back(variable + "=" + path + " can't be read: " + std::strerror(errno != 0 ? errno : EIO) +
                     "; mount the file and let user id " + std::to_string(geteuid()) + " read it");
    return std::nullopt;
  }
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  if (content.empty()) {
    errors.push_back(variable + "=" + path + " is an empty file; put the value into it, or unset " +
                     variable);
    return std::nullopt;
  }
  return content;
}

/// A value in a password file: its separators are escaped.
std::string pgpass_field(const std::string& value) {
  std::string result;
  for (const char c : value) {
    if (c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

std::optional<std::string> value_or_file(const Environment& environment, const std::string& name,
                                         const std::string& secrets_dir, std::vector<std::string>& errors) {
  const std::string file_name = name + "_FILE";
  const auto value = environment.get(name);
  const auto path = environment.get(file_name);
  if (value && path) {
    errors.push_back(name + " and " + file_name + " are both set; keep one of them");
    return std::nullopt;
  }
  if (path) return read_file(file_name, *path, errors);
  if (value || secrets_dir.empty()) return value;
  std::string lower;
  for (const char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string& file : {name, lower}) {
    const std::string mounted = secrets_dir + "/" + file;
    if (access(mounted.c_str(), F_OK) == 0) return read_file(name, mounted, errors);
  }
  return std::nullopt;
}

SecretFile::SecretFile(const std::string& content) : fd_(memfd_create("secret", MFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
  fchmod(fd_, 0600);  // libpq takes no password file that others may read
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t written = write(fd_, content.data() + done, content.size() - done);
    if (written < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "write a secret");
    if (written > 0) done += static_cast<std::size_t>(written);
  }
}

SecretFile::~SecretFile() { close(fd_); }

std::string pgpass_line(const std::string& user, const std::string& password) {
  return "*:*:*:" + pgpass_field(user) + ":" + pgpass_field(password) + "\n";
}

}  // namespace pg_entrypoint
