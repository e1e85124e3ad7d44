#include "backup_schedule.h"

#include <algorithm>

#include "http_client.h"

namespace pg_entrypoint {
namespace {

bool is_due(std::chrono::seconds every, long long last, long long now) {
  return every.count() > 0 && now - last >= every.count();
}

/// What `info` calls a repository that it couldn't read: it ends with 0 all the same, and knows no backups.
constexpr long long kUnreadable = 99;

/// Where the status of such a repository begins, or npos. That of a repository says why, and comes before
/// that of the stanza.
std::size_t unreadable(const std::string& json) {
  std::size_t at = json.find("\"code\"");
  while (at != std::string::npos && json_number(json, "code", at) != kUnreadable)
    at = json.find("\"code\"", at + 1);
  return at;
}

}  // namespace

std::optional<LastBackups> read_backup_info(const std::string& json) {
  const auto begin = json.find_first_not_of(" \n");
  if (begin == std::string::npos || json[begin] != '[') return std::nullopt;
  if (unreadable(json) != std::string::npos) return std::nullopt;
  LastBackups last;
  // Each backup has its "timestamp":{"start":…,"stop":…} right before its "type".
  for (std::size_t at = json.find("\"timestamp\""); at != std::string::npos;
       at = json.find("\"timestamp\"", at + 1)) {
    const auto stop = json_number(json, "stop", at);
    const auto type = json_text(json.substr(at), "type");
    if (!stop || !type) return std::nullopt;
    last.any = std::max(last.any, *stop);
    if (*type == "full") last.full = std::max(last.full, *stop);
  }
  return last;
}

std::string why_no_backup_info(const std::string& text) {
  constexpr std::size_t kLongest = 500;
  std::string why = text;
  if (const std::size_t status = unreadable(text); status != std::string::npos)
    why = json_text(text.substr(status), "message").value_or("");
  std::replace(why.begin(), why.end(), '\n', ' ');
  while (why.ends_with(' ')) why.pop_back();
  return why.substr(0, kLongest);
}

BackupKind due_backup(const BackupOptions& options, const LastBackups& last, long long now) {
  if (is_due(options.full_every, last.full, now)) return BackupKind::kFull;
  // A differential one needs a full one to differ from.
  if (last.full > 0 && is_due(options.differential_every, last.any, now)) return BackupKind::kDifferential;
  return BackupKind::kNone;
}

std::chrono::seconds next_look(const BackupOptions& options, const LastBackups& last, long long now) {
  long long wait = 3'600;
  if (options.full_every.count() > 0) wait = std::min(wait, last.full + options.full_every.count() - now);
  if (options.differential_every.count() > 0 && last.full > 0) {
    wait = std::min(wait, last.any + options.differential_every.count() - now);
  }
  return std::chrono::seconds(std::max(wait, 1LL));
}

}  // namespace pg_entrypoint
