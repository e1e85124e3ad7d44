// The configuration of one start: postgresql.conf, pg_hba.conf, pg_ident.conf, and where they are wanted
// patroni.yml and pgbackrest.conf, from the templates in CONTAINER_HOME/config.
#pragma once
#include <string>

#include "options.h"
#include "template.h"

namespace pg_entrypoint {

/// While a new cluster is made, only its superuser in this container gets in.
enum class Access { kClosed, kOpen };

/// What the templates are filled with.
Values template_values(const Options& options);

/// One file by its name ("pg_hba.conf"), filled. Throws std::runtime_error naming the template.
std::string render(const Options& options, const std::string& name, Access access);

/// Makes PGCONFIG and the folder of the socket, and writes all files there with mode 0600, each complete or
/// not at all. A file that a person put there (without our first line) is kept, and said so. Throws
/// std::runtime_error with what to do.
void write_configuration(const Options& options, Access access);

/// The password file with which the nodes of a Citus cluster log in to each other; there is none if no
/// password is known.
std::string citus_pgpass(const Options& options);

/// Writes pg_hba.conf alone, for the end of an initialisation.
void write_access(const Options& options, Access access);

/// The names that write_configuration writes for these options.
std::vector<std::string> configuration_files(const Options& options);

}  // namespace pg_entrypoint
