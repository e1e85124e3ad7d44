// global/pg_control: the file that tells PostgreSQL what a cluster is.
#pragma once
#include <string>

namespace pg_entrypoint {

/// What is wrong with PGDATA's control file, as the end of a sentence; empty if nothing is. Its size, its
/// version, and, for the version that PostgreSQL 13 to 17 write, its checksum (CRC-32C over the first 288
/// bytes, which follows them).
std::string control_file_damage(const std::string& pgdata);

/// Whether the cluster's state there is "in production": PostgreSQL writes that once a recovery is over for
/// everybody.
bool is_in_production(const std::string& pgdata);

}  // namespace pg_entrypoint
