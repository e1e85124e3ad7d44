"""What is measured: each case is an edit (or none) of a context, and the command that is timed after it."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from driver import big_tree, measure
from driver.pgstrata import Pgstrata

TAG = "bench-{}"
EDITED = "/opt/container/entrypoint.sh"


@dataclass
class Case:
    name: str
    title: str
    context: str
    command: Callable           # peer → Command, or None where the peer has no such thing
    prepare: Callable = lambda peer: None   # before each run, not timed; of a yardstick the peer is None
    repetitions: int = 20
    budget: float = 90          # seconds per peer; after them no further repetition begins
    cold: bool = False
    is_built: bool = False      # although it is cold: the image must exist before
    runs_steps: bool = False    # pgstrata starts processes of the Dockerfile's
    check: Callable = lambda peer: None     # after the first run of a peer: did it do the work?
    sizes: Callable = None      # bytes of what was moved, after the first run of a peer
    yardsticks: dict = field(default_factory=dict)  # title → Command, measured in turn with the peers


def build(contexts, name):
    return lambda peer: peer.build(contexts.path(name), TAG.format(name))


def cold(contexts, name, title, repetitions):
    return Case(f"{name}-cold", title, name, build(contexts, name), prepare=lambda peer: peer.forget(),
                repetitions=repetitions, budget=600, cold=True, runs_steps=True)


def edit(contexts, name, kind, title, file, **options):
    return Case(f"{name}-{kind}", title, name, build(contexts, name),
                prepare=lambda peer: contexts.append(contexts.path(name) / file), **options)


def check_last_edit(contexts, name, peer):
    """The image must hold the script as it is now; a fast build of something else is none."""
    command = peer.container(TAG.format(name), "cat", EDITED)
    if command is None:
        return
    want = (contexts.path(name) / "entrypoint.sh").read_text()
    if peer.output(command.argv, command.env) != want.strip():
        raise measure.Failed(f"{peer.name}: {EDITED} in {TAG.format(name)} is not the edited one")


def recording(contexts, bench, name, title, repetitions):
    """The same steps recorded and not recorded, in turns. None of them is reused; packages and sources are at hand."""
    anew = "--no-cache" if name == "postgresql" else "--no-cache-filter=work"
    command = lambda peer, *more: (peer.build(contexts.path(name), TAG.format(name), anew, *more)  # noqa: E731
                                   if peer.name == "pgstrata" else None)
    unrecorded = Pgstrata(bench)
    unrecorded.start()
    return Case(f"{name}-recording", title, name, command, repetitions=repetitions, budget=400, runs_steps=True,
                yardsticks={"not recorded": command(unrecorded, "--read-set=off")})


def check_runs(bench, case, peer):
    """After the edit of one setup script its own RUN may run, and no other."""
    if peer.name != "pgstrata":
        return
    log = (bench.directory / "logs" / f"{case}.pgstrata.log").read_text()
    runs = dict(re.findall(r"^(#\d+) (\[.*\] RUN .*)$", log, re.MULTILINE))
    ran = [runs[step] for step in re.findall(r"^(#\d+) DONE ", log, re.MULTILINE) if step in runs]
    if len(ran) != 1:
        raise measure.Failed(f"{case}: these RUNs ran: {ran}; see {bench.directory}/logs")


def setup_edit(contexts, bench, kind, script, quick):
    case = f"postgresql-{kind}"
    return edit(contexts, "postgresql", kind, f"{script} edited, docker/postgresql", f"setup/scripts/{script}",
                repetitions=2 if quick else 5, runs_steps=True, check=functools.partial(check_runs, bench, case))


def all_cases(contexts, bench, quick):
    colds = 1 if quick else 3
    few = 5 if quick else 20
    usual = contexts.path("usual")
    tag = TAG.format("usual")
    archive = bench.directory / "saved.tar"
    floor = measure.Command([str(bench.floor), str(usual), str(bench.directory / "floor")])
    status = measure.Command(big_tree.status(contexts.path("files") / "tree", contexts.path("files.git")))
    return [
        cold(contexts, "usual", "cold, one RUN", colds),
        Case("usual-noop", "nothing changed", "usual", build(contexts, "usual"), repetitions=few),
        edit(contexts, "usual", "entrypoint", "entrypoint.sh edited", "entrypoint.sh", repetitions=few,
             check=functools.partial(check_last_edit, contexts, "usual"), yardsticks={"floor": floor}),
        Case("usual-label", "LABEL at the top changed", "usual", build(contexts, "usual"), repetitions=few,
             prepare=lambda peer: contexts.relabel(usual / "Dockerfile"), budget=30 if quick else 60),
        Case("usual-save", "docker archive, not compressed", "usual", lambda peer: peer.save(tag, archive),
             prepare=lambda peer: archive.unlink(missing_ok=True), repetitions=2 if quick else 7),
        Case("usual-container", "container runs /bin/true", "usual", lambda peer: peer.container(tag, "true"),
             repetitions=few),
        cold(contexts, "postgresql", "cold, docker/postgresql", colds),
        Case("postgresql-noop", "nothing changed, docker/postgresql", "postgresql", build(contexts, "postgresql"),
             repetitions=few),
        edit(contexts, "postgresql", "entrypoint", "entrypoint.sh edited, docker/postgresql", "entrypoint.sh",
             repetitions=few, check=functools.partial(check_last_edit, contexts, "postgresql")),
        setup_edit(contexts, bench, "packages", "10-postgresql.sh", quick),
        setup_edit(contexts, bench, "setup", "30-pgbackrest.sh", quick),
        setup_edit(contexts, bench, "check", "90-check.sh", quick),
        recording(contexts, bench, "postgresql", "all RUNs of docker/postgresql, packages at hand", 5 if quick else 9),
        recording(contexts, bench, "compile", "RUN make -j2 of a C++ project", 5 if quick else 9),
        recording(contexts, bench, "true", "RUN true", 15 if quick else 30),
        edit(contexts, "badly-ordered", "entrypoint", "entrypoint.sh edited, COPY . before RUN", "entrypoint.sh",
             repetitions=5 if quick else 15, budget=20 if quick else 90, runs_steps=True,
             check=functools.partial(check_last_edit, contexts, "badly-ordered")),
        Case("steps-10-noop", "nothing changed, 10 steps", "steps-10", build(contexts, "steps-10"), repetitions=few),
        Case("steps-200-noop", "nothing changed, 200 steps", "steps-200", build(contexts, "steps-200"), repetitions=few),
        edit(contexts, "files", "edit", "one of 100,000 files edited", f"tree/{big_tree.EDITED}",
             repetitions=3 if quick else 7, yardsticks={"git status": status}),
    ]
