// The schema of the cache index, version 5 (PRAGMA user_version). docs/cache-index.md explains it.
#pragma once

namespace pgstrata::cache {

inline constexpr int kSchemaVersion = 5;

inline constexpr const char* kSchema = R"sql(
  -- A layer whose tar is a blob and whose change set is a file of the store.
  -- boot: NULL once a syncfs has passed; until then the boot id it was written under, because
  -- what a power cut leaves of it has to be verified first.
  CREATE TABLE layer (
    diff_id    BLOB PRIMARY KEY,
    change_set BLOB NOT NULL,
    size       INTEGER NOT NULL,
    written    INTEGER NOT NULL,  -- when it was first there, ns since the epoch
    dirty      INTEGER NOT NULL,  -- when its files were written last
    times      BLOB NOT NULL,     -- of a RUN's layer: digest of whose the times of its files are
    build      INTEGER NOT NULL,  -- and when its build, its step began, and its step ended
    began      INTEGER NOT NULL,
    ended      INTEGER NOT NULL,
    boot       TEXT
  ) WITHOUT ROWID;
  CREATE INDEX layer_change_set ON layer (change_set, written);
  CREATE INDEX layer_boot ON layer (boot) WHERE boot IS NOT NULL;

  -- Exact keys. A key that is built again replaces its layer: the newest is the one to reuse.
  CREATE TABLE record (
    key     BLOB PRIMARY KEY,
    diff_id BLOB NOT NULL REFERENCES layer (diff_id) ON DELETE CASCADE,
    seconds REAL NOT NULL,
    written INTEGER NOT NULL,  -- when the step ran, or was found to be reusable on this chain
    began   INTEGER NOT NULL,  -- from when to when the files of the layer were made: before `written`
    ended   INTEGER NOT NULL,  -- if an older layer was reused
    op      BLOB NOT NULL      -- of a RUN that was recorded: its runs are those of this op; else zeros
  ) WITHOUT ROWID;
  CREATE INDEX record_diff_id ON record (diff_id);

  -- What RUNs asked of the layers below them, so that a result can be reused on others.
  CREATE TABLE run (
    id      INTEGER PRIMARY KEY,
    op      BLOB NOT NULL,     -- what was run, as whom and with which environment
    chain   BLOB NOT NULL,     -- DiffIDs of the layers below, bottom first
    inputs  BLOB NOT NULL,     -- content of the bind mounts
    diff_id BLOB NOT NULL REFERENCES layer (diff_id) ON DELETE CASCADE,
    asked   BLOB NOT NULL,     -- read set of the root file system
    mounts  BLOB NOT NULL,     -- those of the bind mounts, with values
    names   INTEGER NOT NULL,  -- 1: it looked up names on the network (for `explain` only)
    seconds REAL NOT NULL,
    began   INTEGER NOT NULL,
    ended   INTEGER NOT NULL,
    UNIQUE (op, chain, inputs)
  );
  CREATE INDEX run_diff_id ON run (diff_id);

  -- The parts of the key that a step had last, for the reason of a miss.
  CREATE TABLE step (
    slot       BLOB PRIMARY KEY,
    definition BLOB NOT NULL,
    inputs     BLOB NOT NULL,
    chain      BLOB NOT NULL
  ) WITHOUT ROWID;

  -- The boot id under which the index was last used.
  CREATE TABLE boot (id TEXT NOT NULL);
)sql";

}  // namespace pgstrata::cache
