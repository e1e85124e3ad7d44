"""What every builder under measurement can do."""

import shlex
from pathlib import Path

from driver import measure

BASE = "debian:bookworm-slim"


class Unavailable(Exception):
    """A peer can't run on this machine; the text says why and stands in the table."""


class Peer:
    name = ""       # in results.json and on the command line
    title = ""      # in the table, with its version once it runs
    daemons = ()    # processes that work for it between commands
    whole_tree = True   # peak RSS: all processes of the command, or its first one only

    def __init__(self, bench):
        self.bench = bench
        self.home = bench.directory / "peers" / self.name
        self.log = bench.directory / "logs" / f"{self.name}.log"
        self.home.mkdir(parents=True, exist_ok=True)

    def start(self):
        """Brings it up, with the base image and nothing else. Raises Unavailable."""

    def stop(self):
        """Ends what start() started."""

    def forget(self):
        """Takes away all that was built, and the cache; the base image stays."""
        raise NotImplementedError

    def build(self, context, tag):
        raise NotImplementedError

    def save(self, tag, archive):
        """An uncompressed docker archive of an image, or None."""
        return None

    def container(self, tag, program, *arguments):
        """Runs a program in a container of its own, on the host's network; or None."""
        return None

    def push(self, tag):
        """Sends an image to the registry of its name, compressed by gzip."""
        raise NotImplementedError

    def build_and_push(self, context, tag):
        """As one command; of a builder that has no such, its two in a shell."""
        build, push = self.build(context, tag), self.push(tag)
        return measure.Command(["sh", "-c", f"{shlex.join(build.argv)} && {shlex.join(push.argv)}"], build.env)

    def pull(self, tag):
        """Fetches an image, so that its files are ready to be mounted."""
        raise NotImplementedError

    def forget_pushes(self):
        """Takes away what a push has made and a later one would use again."""

    def forget_images(self):
        """Takes away all, the base image too."""
        raise NotImplementedError

    def output(self, argv, env=None):
        """What a command prints, for questions that are not measured."""
        measure.quietly(measure.Command(argv, env or {}), self.log)
        return Path(self.log).read_text().strip()
