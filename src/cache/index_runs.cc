// The index's runs: what RUNs asked, and what they gave (the table `run`).
#include <fmt/format.h>

#include "cache/index.h"
#include "cache/layer_row.h"
#include "cache/read_set.h"

namespace pgstrata::cache {
namespace {

/// Of one op. Each is one state of the layers below that came with another result; more of them would only
/// make a miss slower.
constexpr int kKept = 16;

std::string joined(const std::vector<oci::Digest>& chain) {
  std::string bytes;
  for (const oci::Digest& digest : chain) bytes.append(digest.bytes.begin(), digest.bytes.end());
  return bytes;
}

std::vector<oci::Digest> split(std::string_view bytes) {
  std::vector<oci::Digest> chain;
  oci::Digest digest;
  for (; bytes.size() >= digest.bytes.size(); bytes.remove_prefix(digest.bytes.size())) {
    std::copy_n(bytes.begin(), digest.bytes.size(), digest.bytes.begin());
    chain.push_back(digest);
  }
  return chain;
}

}  // namespace

Result<std::vector<RecordedRun>> Index::runs(const oci::Digest& op) {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare(
      fmt::format("SELECT {}, run.id, chain, inputs, seconds, run.began, run.ended"
                  " FROM run JOIN layer USING (diff_id) WHERE op = ? ORDER BY run.id DESC",
                  kLayerColumns)));
  statement.bind(1, op);
  std::vector<RecordedRun> runs;
  while (TRY(statement.step()))
    runs.push_back({.id = statement.integer(kAfterLayer),
                    .chain = split(statement.text(kAfterLayer + 1)),
                    .inputs = statement.digest(kAfterLayer + 2),
                    .layer = layer_row(statement),
                    .seconds = statement.real(kAfterLayer + 3),
                    .made = {.began = statement.integer(kAfterLayer + 4),
                             .ended = statement.integer(kAfterLayer + 5)}});
  return runs;
}

Result<Asked> Index::asked(std::int64_t run) {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare("SELECT asked, mounts, names FROM run WHERE id = ?"));
  statement.bind(1, run);
  if (!TRY(statement.step()))
    return fail(
        {.kind = ErrorKind::kNotFound, .what = "a stored run is gone", .why = "another build replaced it"});
  return Asked{.root = statement.text(0), .mounts = statement.text(1), .names = statement.integer(2) != 0};
}

Result<std::vector<std::int64_t>> Index::damaged_runs() {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare("SELECT id, asked, mounts FROM run"));
  std::vector<std::int64_t> damaged;
  while (TRY(statement.step()))
    if (!ReadSet::decode(statement.text(1)) || !decode_mounts(statement.text(2)))
      damaged.push_back(statement.integer(0));
  return damaged;
}

Result<void> Index::forget_run(std::int64_t run) {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare("DELETE FROM run WHERE id = ?"));
  return statement.bind(1, run).run();
}

Result<void> Index::add_run(const oci::Digest& op, const RecordedRun& run, const Asked& asked) {
  const std::scoped_lock lock(mutex_);
  Statement insert = TRY(database_.prepare(
      "INSERT OR REPLACE INTO run (op, chain, inputs, diff_id, asked, mounts, names, seconds, began, ended)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  TRY_VOID(insert.bind(1, op)
               .bind_blob(2, joined(run.chain))
               .bind(3, run.inputs)
               .bind(4, run.layer.diff_id)
               .bind_blob(5, asked.root)
               .bind_blob(6, asked.mounts)
               .bind(7, std::int64_t{asked.names})
               .bind(8, run.seconds)
               .bind(9, run.made.began)
               .bind(10, run.made.ended)
               .run());
  Statement trim =
      TRY(database_.prepare(fmt::format("DELETE FROM run WHERE op = ?1 AND id NOT IN"
                                        " (SELECT id FROM run WHERE op = ?1 ORDER BY id DESC LIMIT {})",
                                        kKept)));
  return trim.bind(1, op).run();
}

}  // namespace pgstrata::cache
