#include "graph/definition.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace pgstrata::graph {
namespace {

ExecOp exec() {
  return {.argv = {"a", "b"},
          .env = {"A=1", "B=2"},
          .cwd = "/w",
          .user = "u",
          .mounts = {BindMount{.from = VertexInput{3}, .source = "/s", .target = "/t"}}};
}
template <class M>
Op exec_with(M mount) {
  ExecOp op = exec();
  op.mounts = {std::move(mount)};
  return op;
}
CopyAction copy() {
  return {.from = LocalInput{},
          .sources = {"a", "b"},
          .inline_files = {{"n", "t"}},
          .destination = "/d",
          .exclude = {"x"}};
}
CacheMount cache() { return {.id = "i", .target = "/c", .source = "/"}; }
SecretMount secret() { return {.id = "i", .target = "/t"}; }
SshMount ssh() { return {.id = "i", .target = "/t"}; }

template <class T>
Op changed(T value, const std::function<void(T&)>& change) {
  change(value);
  return value;
}
Op changed_copy(const std::function<void(CopyAction&)>& change) {
  CopyAction action = copy();
  change(action);
  return FileOp{action};
}
template <class M>
Op changed_mount(M mount, const std::function<void(M&)>& change) {
  change(mount);
  return exec_with(mount);
}
Op changed_exec(const std::function<void(ExecOp&)>& change) { return changed<ExecOp>(exec(), change); }

// One entry per field that decides an op's result: an op that differs from another in that field only.
std::vector<std::pair<std::string, Op>> source_and_file_ops() {
  const SourceOp source{.reference = "r", .platform = {"linux", "amd64", ""}};
  return {
      {"source", source},
      {"source.reference", changed<SourceOp>(source, [](auto& op) { op.reference = "s"; })},
      {"source.os", changed<SourceOp>(source, [](auto& op) { op.platform.os = "x"; })},
      {"source.architecture", changed<SourceOp>(source, [](auto& op) { op.platform.architecture = "x"; })},
      {"source.variant", changed<SourceOp>(source, [](auto& op) { op.platform.variant = "v8"; })},
      {"directory", FileOp{MakeDirectory{.path = "/a", .user = ""}}},
      {"directory.path", FileOp{MakeDirectory{.path = "/b", .user = ""}}},
      {"directory.user", FileOp{MakeDirectory{.path = "/a", .user = "u"}}},
      {"copy", FileOp{copy()}},
      {"copy.from named", changed_copy([](auto& a) { a.from = LocalInput{"x"}; })},
      {"copy.from vertex", changed_copy([](auto& a) { a.from = VertexInput{0}; })},
      {"copy.from scratch", changed_copy([](auto& a) { a.from = VertexInput{}; })},
      {"copy.sources", changed_copy([](auto& a) { a.sources = {"ab"}; })},
      {"copy.sources order", changed_copy([](auto& a) {
         a.sources = {"b", "a"};
       })},
      {"copy.inline name", changed_copy([](auto& a) {
         a.inline_files = {{"m", "t"}};
       })},
      {"copy.inline text", changed_copy([](auto& a) {
         a.inline_files = {{"n", "u"}};
       })},
      {"copy.inline none", changed_copy([](auto& a) { a.inline_files.clear(); })},
      {"copy.destination", changed_copy([](auto& a) { a.destination = "/d/"; })},
      {"copy.chown", changed_copy([](auto& a) { a.chown = "0"; })},
      {"copy.chown empty", changed_copy([](auto& a) { a.chown = ""; })},
      {"copy.chmod", changed_copy([](auto& a) { a.chmod = "0"; })},
      {"copy.chmod empty", changed_copy([](auto& a) { a.chmod = ""; })},
      {"copy.exclude", changed_copy([](auto& a) { a.exclude = {"y"}; })},
      {"copy.exclude not source", changed_copy([](auto& a) {
         a.sources = {"a"};
         a.exclude = {"b", "x"};
       })},
      {"copy.parents", changed_copy([](auto& a) { a.parents = true; })},
      {"copy.link", changed_copy([](auto& a) { a.link = true; })},
      {"copy.unpack", changed_copy([](auto& a) { a.unpack = true; })},
  };
}

std::vector<std::pair<std::string, Op>> exec_ops() {
  return {
      {"exec", exec()},
      {"exec.argv", changed_exec([](auto& op) { op.argv = {"ab"}; })},
      {"exec.argv not env", changed_exec([](auto& op) {
         op.argv = {"a"};
         op.env = {"b", "A=1", "B=2"};
       })},
      {"exec.env", changed_exec([](auto& op) {
         op.env = {"A=1", "B=3"};
       })},
      {"exec.env order", changed_exec([](auto& op) {
         op.env = {"B=2", "A=1"};
       })},
      {"exec.cwd", changed_exec([](auto& op) { op.cwd = "/"; })},
      {"exec.user", changed_exec([](auto& op) { op.user = ""; })},
      {"exec.network host", changed_exec([](auto& op) { op.network = Network::kHost; })},
      {"exec.network none", changed_exec([](auto& op) { op.network = Network::kNone; })},
      {"exec.insecure", changed_exec([](auto& op) { op.insecure = true; })},
      {"exec.device", changed_exec([](auto& op) { op.devices = {{.name = "v/c=d"}}; })},
      {"exec.device required",
       changed_exec([](auto& op) { op.devices = {{.name = "v/c=d", .required = true}}; })},
      {"exec.hostname", changed_exec([](auto& op) { op.hostname = "h"; })},
      {"exec.script", changed_exec([](auto& op) {
         op.scripts = {{"/p", "t"}};
       })},
      {"exec.script path", changed_exec([](auto& op) {
         op.scripts = {{"/q", "t"}};
       })},
      {"exec.script text", changed_exec([](auto& op) {
         op.scripts = {{"/p", "u"}};
       })},
      {"exec.no mount", changed_exec([](auto& op) { op.mounts.clear(); })},
  };
}

std::vector<std::pair<std::string, Op>> mount_ops() {
  const BindMount bind{.from = VertexInput{3}, .source = "/s", .target = "/b"};
  return {
      {"bind", exec_with(bind)},
      {"bind.from", changed_mount<BindMount>(bind, [](auto& m) { m.from = LocalInput{}; })},
      {"bind.source", changed_mount<BindMount>(bind, [](auto& m) { m.source = "/"; })},
      {"bind.target", changed_mount<BindMount>(bind, [](auto& m) { m.target = "/x"; })},
      {"bind.read_write", changed_mount<BindMount>(bind, [](auto& m) { m.read_write = true; })},
      {"cache", exec_with(cache())},
      {"cache.id", changed_mount<CacheMount>(cache(), [](auto& m) { m.id = "j"; })},
      {"cache.target", changed_mount<CacheMount>(cache(), [](auto& m) { m.target = "/x"; })},
      {"cache.from scratch", changed_mount<CacheMount>(cache(), [](auto& m) { m.from = VertexInput{}; })},
      {"cache.from vertex", changed_mount<CacheMount>(cache(), [](auto& m) { m.from = VertexInput{1}; })},
      {"cache.from context", changed_mount<CacheMount>(cache(), [](auto& m) { m.from = LocalInput{"x"}; })},
      {"cache.source", changed_mount<CacheMount>(cache(), [](auto& m) { m.source = "/x"; })},
      {"cache.sharing", changed_mount<CacheMount>(cache(), [](auto& m) { m.sharing = Sharing::kLocked; })},
      {"cache.mode", changed_mount<CacheMount>(cache(), [](auto& m) { m.mode = 0; })},
      {"cache.uid", changed_mount<CacheMount>(cache(), [](auto& m) { m.uid = 1; })},
      {"cache.gid", changed_mount<CacheMount>(cache(), [](auto& m) { m.gid = 1; })},
      {"cache.owned", changed_mount<CacheMount>(cache(), [](auto& m) { m.owned = true; })},
      {"cache.read_only", changed_mount<CacheMount>(cache(), [](auto& m) { m.read_only = true; })},
      {"tmpfs", exec_with(TmpfsMount{.target = "/t"})},
      {"tmpfs.target", exec_with(TmpfsMount{.target = "/x"})},
      {"tmpfs.size", exec_with(TmpfsMount{.target = "/t", .size = 1})},
      {"secret", exec_with(secret())},
      {"secret.id", changed_mount<SecretMount>(secret(), [](auto& m) { m.id = "j"; })},
      {"secret.target", changed_mount<SecretMount>(secret(), [](auto& m) { m.target = "/x"; })},
      {"secret.target none",
       changed_mount<SecretMount>(secret(), [](auto& m) { m.target = std::nullopt; })},
      {"secret.target empty", changed_mount<SecretMount>(secret(), [](auto& m) { m.target = ""; })},
      {"secret.env", changed_mount<SecretMount>(secret(), [](auto& m) { m.env = "E"; })},
      {"secret.env empty", changed_mount<SecretMount>(secret(), [](auto& m) { m.env = ""; })},
      {"secret.required", changed_mount<SecretMount>(secret(), [](auto& m) { m.required = true; })},
      {"secret.mode", changed_mount<SecretMount>(secret(), [](auto& m) { m.mode = 0; })},
      {"secret.uid", changed_mount<SecretMount>(secret(), [](auto& m) { m.uid = 1; })},
      {"secret.gid", changed_mount<SecretMount>(secret(), [](auto& m) { m.gid = 1; })},
      {"ssh", exec_with(ssh())},
      {"ssh.id", changed_mount<SshMount>(ssh(), [](auto& m) { m.id = "j"; })},
      {"ssh.target", changed_mount<SshMount>(ssh(), [](auto& m) { m.target = "/x"; })},
      {"ssh.required", changed_mount<SshMount>(ssh(), [](auto& m) { m.required = true; })},
      {"ssh.mode", changed_mount<SshMount>(ssh(), [](auto& m) { m.mode = 0; })},
      {"ssh.uid", changed_mount<SshMount>(ssh(), [](auto& m) { m.uid = 1; })},
      {"ssh.gid", changed_mount<SshMount>(ssh(), [](auto& m) { m.gid = 1; })},
  };
}

TEST(DefinitionDigest, NoTwoDifferentOpsHashAlike) {
  auto ops = source_and_file_ops();
  for (auto& op : exec_ops()) ops.push_back(op);
  for (auto& op : mount_ops()) ops.push_back(op);
  std::map<oci::Digest, std::string> seen;
  for (const auto& [name, op] : ops) {
    const auto [found, fresh] = seen.emplace(definition_digest(op), name);
    EXPECT_TRUE(fresh) << name << " has the digest of " << found->second;
  }
  EXPECT_EQ(seen.size(), ops.size());
}

TEST(DefinitionDigest, ProxiesDoNotEnter) {
  EXPECT_EQ(definition_digest(exec()),
            definition_digest(changed_exec([](auto& op) { op.proxy_env = {"http_proxy=x"}; })));
}

// A line more at the top of the Dockerfile moves all ids and must not change a key.
TEST(DefinitionDigest, IdsDoNotEnter) {
  const auto with_ids = [](VertexId first, VertexId second) {
    ExecOp op = exec();
    op.mounts = {BindMount{.from = VertexInput{first}, .target = "/a"},
                 BindMount{.from = VertexInput{second}, .target = "/b"}};
    return definition_digest(op);
  };
  EXPECT_EQ(with_ids(1, 2), with_ids(5, 9));
  // The solver adds the contents in ascending order, so who gets which must be in here.
  EXPECT_NE(with_ids(1, 2), with_ids(2, 1));
  EXPECT_NE(with_ids(1, 2), with_ids(1, 1));
}

}  // namespace
}  // namespace pgstrata::graph
