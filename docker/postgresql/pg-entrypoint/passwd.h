// Names of user ids. The C library's own lookup can't be linked statically, and in a container /etc/passwd
// is what there is.
#pragma once
#include <sys/types.h>

#include <string>

namespace pg_entrypoint {

/// The name that /etc/passwd has for `uid`; empty if it has none, as with `--user 12345`.
std::string user_name_of(uid_t uid);

}  // namespace pg_entrypoint
