#!/usr/bin/python3
"""Starts Patroni, with nobody noted as this node's synchronous standby: start_patroni.py patroni.yml

A Patroni that starts writes postgresql.conf without synchronous_standby_names, also beside a server that it finds running. If the
standby that its predecessor noted in /sync is still the best one, it sees nothing to do (ha.py, process_sync_replication, 3.0.2):
commits wait for nobody, and that standby may be promoted all the same, without what was acknowledged meanwhile. With an empty /sync
Patroni assigns a standby anew, and in its own right order: first the server, then /sync. Until then nobody else is promoted, as the
server that goes on still waits for the standby that it has.

Exit codes are Patroni's; 1 if patroni.yml can't be read."""

import inspect
import os
import sys
import time

from patroni.config import Config
from patroni.dcs import get_dcs
from patroni.exceptions import DCSError

RETRY_SECONDS = 5  # as Patroni itself waits for its store at the start


def forget_synchronous_standby(path):
    settings = Config(path).copy()
    settings["patronictl"] = True  # a visitor of the store: no lease, no threads
    store = get_dcs(settings)
    name = settings["name"]
    quorum = [0] if "quorum" in inspect.signature(store.write_sync_state).parameters else []  # since Patroni 4
    while True:
        try:
            sync = store.get_cluster().sync
            if sync.leader != name or not sync.members:
                return
            if store.write_sync_state(name, None, *quorum, sync[0]):  # sync[0]: its index, or version
                print(f"{', '.join(sync.members)} is not the synchronous standby any more, until it is assigned anew", flush=True)
                return
            why = "it doesn't take the change"
        except DCSError as error:
            why = error
        print(f"can't clear the synchronous standby in Patroni's store: {why}; again in {RETRY_SECONDS} s", file=sys.stderr, flush=True)
        time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    environment = dict(os.environ)  # Config takes PATRONI_* out of os.environ: Patroni has to find them all the same
    forget_synchronous_standby(sys.argv[1])
    os.execvpe("patroni", ["patroni", sys.argv[1]], environment)
