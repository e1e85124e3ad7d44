// Docker's default capabilities, for the program that is about to be executed. Called between fork
// and exec: system calls only.
#pragma once

namespace pgstrata::sandbox {

/// Takes what Docker doesn't grant out of the calling thread's bounding set. 0, or -1 with errno.
int limit_bounding_set();

/// Leaves the thread of a root program with Docker's set as permitted and effective, any other with none;
/// inheritable and ambient sets are emptied. A plain USER keeps the bounding set, so sudo, setuid
/// programs and file capabilities work as in Docker. 0, or -1 with errno.
int set_capabilities(bool root);

/// For an insecure step: all that the thread still has (PR_SET_KEEPCAPS before the user id is set) is
/// effective, inheritable and ambient, so that a plain USER's programs have it too. 0, or -1 with errno.
int keep_all_capabilities();

}  // namespace pgstrata::sandbox
