"""The bench directory, and the builders that run during one measurement."""

import contextlib
import os
from pathlib import Path

from driver import measure
from driver.buildah import Buildah
from driver.docker import Docker20, Docker26, Docker28
from driver.peer import BASE, Unavailable
from driver.pgstrata import Pgstrata

PEERS = {kind.name: kind for kind in (Pgstrata, Docker26, Docker28, Docker20, Buildah)}
QUICK = "pgstrata,docker26,buildah"  # one of a kind
REFERENCES = ("docker26", "docker20")  # what ratios are taken against: the first of them that runs


class Bench:
    def __init__(self, sources, program=None):
        self.sources = sources
        self.directory = Path(os.environ.get("PGSTRATA_BENCH_DIR", "/var/tmp/pgstrata-bench")).absolute()
        self.program = program or sources.parent / "build" / "release" / "src" / "pgstrata"
        self.floor = sources.parent / "build" / "release" / "bench" / "floor"
        self.base_store = self.directory / "base"
        self.base_archive = self.directory / "base.tar"
        self.apt_sources = self.directory / "apt-sources"
        (self.directory / "logs").mkdir(parents=True, exist_ok=True)

    def make_base(self):
        """The base image that all start from: in a store of pgstrata, kept between runs, and as an archive for the others."""
        pgstrata = [str(self.program), "--root", str(self.base_store)]
        log = self.directory / "logs" / "base.log"
        measure.quietly(measure.Command([*pgstrata, "bootstrap", BASE, "--apt-sources", str(self.apt_sources)]), log)
        measure.quietly(measure.Command([*pgstrata, "save", BASE, "-o", str(self.base_archive)]), log)
        # Docker and buildah unpack a base when they load it, pgstrata when a step first mounts it.
        mounts_it = self.directory / "contexts" / "base"
        mounts_it.mkdir(parents=True, exist_ok=True)
        (mounts_it / "Dockerfile").write_text(f"FROM {BASE}\nRUN true\n")
        measure.quietly(measure.Command([*pgstrata, "build", str(mounts_it)]), log)

    @staticmethod
    def remove_control_groups(name):
        """Daemons leave theirs behind, empty."""
        for hierarchy in Path("/sys/fs/cgroup").glob("*/pgstrata-bench"):
            below = sorted((hierarchy / name).rglob("*/"), key=lambda path: -len(path.parts))
            for group in [*below, hierarchy / name, hierarchy]:
                with contextlib.suppress(OSError):
                    group.rmdir()


@contextlib.contextmanager
def running(bench, names, tell):
    """The peers that run here, by name, and why the others don't. All are stopped at the end, whatever happens."""
    with contextlib.ExitStack() as stack:
        peers, missing = {}, {}
        for name in names:
            peer = PEERS[name](bench)
            tell(f"starting {name}")
            try:
                peer.start()
                stack.callback(peer.stop)
                peer.forget()  # what an earlier measurement left
            except (Unavailable, measure.Failed) as reason:
                missing[name] = str(reason)
                tell(f"{name} is not run: {reason}")
                continue
            peers[name] = peer
        yield peers, missing
