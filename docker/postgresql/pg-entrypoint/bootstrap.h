// What Patroni calls when this node is the one that makes the cluster: the same initialisation as without
// Patroni, in two halves around Patroni's own start of the server.
#pragma once
#include "environment.h"
#include "signals.h"

namespace pg_entrypoint {

/// `bootstrap.method`: stamp, initdb or restore. The server isn't started. Returns an exit code; anything
/// but 0 makes Patroni give the cluster up.
int bootstrap(const Environment& environment, SignalQueue& signals);

/// `bootstrap.post_bootstrap`: the init scripts over the server that Patroni has started, then the disk,
/// then the end of the stamp.
int post_bootstrap(const Environment& environment, SignalQueue& signals);

/// Gives the superuser the password in POSTGRES_PASSWORD_FILE, over the Unix socket. The statement stays
/// out of the server's log and statistics.
int change_password(const Environment& environment);

}  // namespace pg_entrypoint
