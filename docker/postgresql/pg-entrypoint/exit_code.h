// What pg-entrypoint itself exits with. Everything else is the exit code of the command it ran, or 128 +
// its signal.
#pragma once

namespace pg_entrypoint::exit_code {

inline constexpr int kUnhealthy = 1;        // healthcheck: the server doesn't take connections
inline constexpr int kUsage = 64;           // a variable or an argument is wrong; nothing was written
inline constexpr int kData = 65;            // PGDATA is half-initialised, damaged or of another version
inline constexpr int kInternal = 70;        // a phase's script failed, or the system refused something
inline constexpr int kPermission = 77;      // owner, mode or user id of the process don't fit PGDATA
inline constexpr int kNotExecutable = 126;  // as shells have it
inline constexpr int kNotFound = 127;
inline constexpr int kSignalBase = 128;

}  // namespace pg_entrypoint::exit_code
