#include "cache/index.h"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "cache/layer_row.h"
#include "cache/schema.sql.h"

namespace pgstrata::cache {
namespace {

Result<std::int64_t> user_version(const Database& database) {
  Statement statement = TRY(database.prepare("PRAGMA user_version"));
  const bool row = TRY(statement.step());
  return row ? statement.integer(0) : 0;
}

Result<void> create(const Database& database) {
  // Two processes may come here at once: the second finds the version set once it has the lock.
  TRY_VOID(database.execute("BEGIN IMMEDIATE"));
  if (TRY(user_version(database)) != kSchemaVersion) {
    TRY_VOID(database.execute(
        "DROP TABLE IF EXISTS run; DROP TABLE IF EXISTS record;"
        "DROP TABLE IF EXISTS layer; DROP TABLE IF EXISTS step; DROP TABLE IF EXISTS boot;"));
    TRY_VOID(database.execute(kSchema));
    TRY_VOID(database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion)));
  }
  return database.execute("COMMIT");
}

/// After a reboot the file may hold pages that never reached the disk.
Result<void> check_after_boot(const Database& database, const std::string& boot_id) {
  {
    Statement last = TRY(database.prepare("SELECT id FROM boot"));
    if (TRY(last.step()) && last.text(0) == boot_id) return {};
  }
  {
    Statement check = TRY(database.prepare("PRAGMA quick_check(1)"));
    if (!TRY(check.step()) || check.text(0) != "ok")
      return fail({.kind = ErrorKind::kCorrupt, .what = "the index of the store is damaged"});
  }
  TRY_VOID(database.execute("DELETE FROM boot"));
  Statement insert = TRY(database.prepare("INSERT INTO boot (id) VALUES (?)"));
  insert.bind(1, std::string_view(boot_id));
  return insert.run();
}

Result<Database> open_checked(const std::string& path, const std::string& boot_id) {
  Database database = TRY(Database::open(path));
  // The index can always be made again from nothing, so no write waits for the disk.
  TRY_VOID(
      database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON"));
  if (TRY(user_version(database)) != kSchemaVersion) TRY_VOID(create(database));
  TRY_VOID(check_after_boot(database, boot_id));
  return database;
}

}  // namespace

oci::Digest KeyParts::key() const {
  return oci::KeyHasher("pgstrata.key.v1")
      .add("definition", definition)
      .add("inputs", inputs)
      .add("chain", chain)
      .finish();
}

Index::Index(Database database, std::string boot_id)
    : database_(std::move(database)), boot_id_(std::move(boot_id)) {}

Result<std::unique_ptr<Index>> Index::open(const std::string& path, const std::string& boot_id) {
  const auto open_whole = [&]() -> Result<std::unique_ptr<Index>> {
    Database database = TRY(open_checked(path, boot_id));
    std::unique_ptr<Index> index(new Index(std::move(database), boot_id));
    TRY_VOID(index->prepare_statements());
    return index;
  };
  auto index = open_whole();
  if (index || index.error().kind != ErrorKind::kCorrupt) return index;
  put_aside(path);
  return open_whole();
}

void Index::put_aside(const std::string& path) {
  for (const char* suffix : {"-wal", "-shm", ""}) {
    const std::string file = path + suffix;
    std::rename(file.c_str(), (file + ".damaged").c_str());
  }
}

Result<void> Index::prepare_statements() {
  find_ =
      TRY(database_.prepare(fmt::format("SELECT {}, record.written, seconds, record.began, record.ended, op"
                                        " FROM record JOIN layer USING (diff_id) WHERE key = ?",
                                        kLayerColumns)));
  record_ = TRY(
      database_.prepare("INSERT OR REPLACE INTO record (key, diff_id, seconds, written, began, ended, op)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?)"));
  made_ = TRY(database_.prepare("SELECT began, ended FROM record WHERE diff_id = ? LIMIT 1"));
  layer_ = TRY(database_.prepare(fmt::format("SELECT {} FROM layer WHERE diff_id = ?", kLayerColumns)));
  layer_with_ = TRY(database_.prepare(
      fmt::format("SELECT {} FROM layer WHERE change_set = ? AND times = ? AND written < ?"
                  " ORDER BY written LIMIT 1",
                  kLayerColumns)));
  // A layer whose files are written again is as unsynced as a new one, but keeps its age.
  add_layer_ = TRY(database_.prepare(
      "INSERT INTO layer (diff_id, change_set, size, written, dirty, boot, times, build, began, ended)"
      " VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9)"
      " ON CONFLICT (diff_id) DO UPDATE SET dirty = excluded.dirty, boot = excluded.boot"));
  previous_ = TRY(database_.prepare("SELECT definition, inputs, chain FROM step WHERE slot = ?"));
  remember_ = TRY(database_.prepare(
      "INSERT OR REPLACE INTO step (slot, definition, inputs, chain) VALUES (?, ?, ?, ?)"));
  return {};
}

Result<std::optional<Hit>> Index::find(const oci::Digest& key) {
  const std::scoped_lock lock(mutex_);
  find_->bind(1, key);
  if (!TRY(find_->step())) return std::nullopt;
  const Hit hit{
      .layer = layer_row(*find_),
      .written = find_->integer(kAfterLayer),
      .seconds = find_->real(kAfterLayer + 1),
      .made = {.began = find_->integer(kAfterLayer + 2), .ended = find_->integer(kAfterLayer + 3)},
      .op = find_->digest(kAfterLayer + 4)};
  find_->reset();
  return hit;
}

Result<std::int64_t> Index::record(const oci::Digest& key, const oci::Digest& diff_id, double seconds,
                                   Made made, const oci::Digest& op) {
  const std::scoped_lock lock(mutex_);
  const std::int64_t written = now();
  TRY_VOID(record_->bind(1, key)
               .bind(2, diff_id)
               .bind(3, seconds)
               .bind(4, written)
               .bind(5, made.began)
               .bind(6, made.ended == 0 ? written : made.ended)
               .bind(7, op)
               .run());
  return written;
}

Result<std::optional<Made>> Index::made(const oci::Digest& diff_id) {
  const std::scoped_lock lock(mutex_);
  made_->bind(1, diff_id);
  if (!TRY(made_->step())) return std::nullopt;
  const Made made{.began = made_->integer(0), .ended = made_->integer(1)};
  made_->reset();
  return made;
}

Result<std::optional<LayerRow>> Index::layer(const oci::Digest& diff_id) {
  const std::scoped_lock lock(mutex_);
  layer_->bind(1, diff_id);
  if (!TRY(layer_->step())) return std::nullopt;
  const LayerRow row = layer_row(*layer_);
  layer_->reset();
  return row;
}

Result<bool> Index::is_empty() {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare("SELECT 1 FROM layer LIMIT 1"));
  const bool row = TRY(statement.step());
  return !row;
}

Result<std::vector<LayerRow>> Index::layers() {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare(fmt::format("SELECT {} FROM layer", kLayerColumns)));
  std::vector<LayerRow> layers;
  while (TRY(statement.step())) layers.push_back(layer_row(statement));
  return layers;
}

Result<std::optional<LayerRow>> Index::layer_with(const oci::Digest& change_set, const oci::Digest& times,
                                                  std::int64_t before) {
  const std::scoped_lock lock(mutex_);
  layer_with_->bind(1, change_set).bind(2, times).bind(3, before);
  if (!TRY(layer_with_->step())) return std::nullopt;
  const LayerRow row = layer_row(*layer_with_);
  layer_with_->reset();
  return row;
}

Result<void> Index::add_layer(const LayerRow& layer) {
  const std::scoped_lock lock(mutex_);
  return add_layer_->bind(1, layer.diff_id)
      .bind(2, layer.change_set)
      .bind(3, static_cast<std::int64_t>(layer.size))
      .bind(4, now())
      .bind(5, std::string_view(boot_id_))
      .bind(6, layer.times)
      .bind(7, layer.step.build)
      .bind(8, layer.step.began)
      .bind(9, layer.step.ended)
      .run();
}

Result<void> Index::forget_layer(const oci::Digest& diff_id) {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare("DELETE FROM layer WHERE diff_id = ?"));
  return statement.bind(1, diff_id).run();
}

Result<std::optional<KeyParts>> Index::previous(const oci::Digest& slot) {
  const std::scoped_lock lock(mutex_);
  previous_->bind(1, slot);
  if (!TRY(previous_->step())) return std::nullopt;
  const KeyParts parts{
      .definition = previous_->digest(0), .inputs = previous_->digest(1), .chain = previous_->digest(2)};
  previous_->reset();
  return parts;
}

Result<void> Index::remember(const oci::Digest& slot, const KeyParts& parts) {
  const std::scoped_lock lock(mutex_);
  return remember_->bind(1, slot)
      .bind(2, parts.definition)
      .bind(3, parts.inputs)
      .bind(4, parts.chain)
      .run();
}

Result<std::vector<LayerRow>> Index::unsynced_layers() {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare(
      fmt::format("SELECT {} FROM layer WHERE boot IS NOT NULL AND boot != ?", kLayerColumns)));
  statement.bind(1, std::string_view(boot_id_));
  std::vector<LayerRow> layers;
  while (TRY(statement.step())) layers.push_back(layer_row(statement));
  return layers;
}

Result<bool> Index::has_fresh_layers() {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare("SELECT 1 FROM layer WHERE boot = ? LIMIT 1"));
  return statement.bind(1, std::string_view(boot_id_)).step();
}

Result<void> Index::mark_synced(std::int64_t before) {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare("UPDATE layer SET boot = NULL WHERE boot = ? AND dirty < ?"));
  return statement.bind(1, std::string_view(boot_id_)).bind(2, before).run();
}

Result<void> Index::adopt(const oci::Digest& diff_id) {
  const std::scoped_lock lock(mutex_);
  Statement statement = TRY(database_.prepare("UPDATE layer SET boot = ? WHERE diff_id = ?"));
  return statement.bind(1, std::string_view(boot_id_)).bind(2, diff_id).run();
}

std::int64_t Index::now() {
  struct timespec time {};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace pgstrata::cache
