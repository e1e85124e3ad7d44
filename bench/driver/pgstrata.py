"""pgstrata: the program of this work tree."""

import shlex
import shutil

from driver import measure
from driver.peer import Peer


class Pgstrata(Peer):
    name, title = "pgstrata", "pgstrata"
    whole_tree = False  # the other processes are those of the steps

    def start(self):
        self.program = str(self.bench.program)
        self.store = self.home / "store"

    def forget(self):
        shutil.rmtree(self.store, ignore_errors=True)
        measure.quietly(measure.Command(["cp", "-a", "--reflink=auto", str(self.bench.base_store), str(self.store)]), self.log)

    def build(self, context, tag, *options):
        return self._command("build", *options, "-t", tag, str(context))

    def save(self, tag, archive):
        return self._command("save", "--format", "docker-archive", "-o", str(archive), tag)

    def container(self, tag, program, *arguments):
        return self._command("run", "--rm", "--network", "host", "--entrypoint", program, tag, *arguments)

    def push(self, tag):
        return self._command("push", "--allow-bootstrap", tag)

    def build_and_push(self, context, tag):
        return self.build(context, tag, "--push", "--allow-bootstrap")

    def pull(self, tag):
        """A pull leaves checked archives; a first container is what unpacks them, so it is part of the time."""
        commands = [self._command("pull", tag), self._command("run", "--rm", "--network", "host", "--entrypoint", "true", tag)]
        return measure.Command(["sh", "-c", " && ".join(shlex.join(command.argv) for command in commands)])

    def forget_pushes(self):
        """The compressed layers: the others compress at each push."""
        for record in self.store.glob("compressed/*/*"):
            algorithm, _, digest = record.read_text().split()[0].partition(":")
            (self.store / "blobs" / algorithm / digest).unlink(missing_ok=True)
            record.unlink()
        shutil.rmtree(self.store / "registries", ignore_errors=True)

    def forget_images(self):
        shutil.rmtree(self.store, ignore_errors=True)

    def _command(self, *arguments):
        return measure.Command([self.program, "--root", str(self.store), *arguments])
