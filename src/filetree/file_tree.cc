#include "filetree/file_tree.h"

#include <cerrno>

#include "filetree/resolve.h"

namespace pgstrata::filetree {
namespace {

Result<std::string> read_content(const Content& content, std::string_view shown) {
  if (!content.fd) return content.text;
  std::string text(content.size, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::pread(content.fd.get(), text.data() + done, text.size() - done,
                                  static_cast<off_t>(content.offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("can't read", shown));
    if (count == 0)
      return fail({.kind = ErrorKind::kIo,
                   .what = "can't read the whole file",
                   .where = std::string(shown),
                   .why = "it became shorter while it was read",
                   .next = "run the build again when nothing writes to it"});
    done += static_cast<std::size_t>(count);
  }
  return text;
}

}  // namespace

Result<std::string> read_text(const FileTree& tree, std::string_view path) {
  const std::string resolved = TRY(resolve(tree, path, FinalLink::kFollow));
  const std::string shown = tree.name() + ": /" + resolved;
  const std::optional<Entry> entry = TRY(tree.lookup(resolved));
  if (!entry || entry->type != EntryType::kRegular)
    return fail({.kind = ErrorKind::kNotFound,
                 .what = "can't read the file",
                 .where = shown,
                 .why = entry ? "it is not a regular file" : "there is no such file"});
  return read_content(TRY(tree.open(*entry)), shown);
}

}  // namespace pgstrata::filetree
