// When which backup is due: from what the repository holds, so that neither a restart nor a fail-over moves
// anything. Pure.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "options.h"

namespace pg_entrypoint {

/// When the newest backups in the repository ended, in seconds of Unix time; 0: there is none.
struct LastBackups {
  long long full = 0;
  long long any = 0;
};

/// Reads `pgbackrest info --output=json`. Nothing if that isn't what it is, or if the repository couldn't
/// be read: that isn't one without backups.
std::optional<LastBackups> read_backup_info(const std::string& json);
/// One line, of what is no such thing: what pgBackRest says of it.
std::string why_no_backup_info(const std::string& text);

enum class BackupKind { kNone, kFull, kDifferential };

/// What is due at `now` (Unix time).
BackupKind due_backup(const BackupOptions& options, const LastBackups& last, long long now);

/// How long to wait until the next look: until something is due, at most an hour.
std::chrono::seconds next_look(const BackupOptions& options, const LastBackups& last, long long now);

}  // namespace pg_entrypoint
