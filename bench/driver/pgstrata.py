"""pgstrata: the program of this work tree."""

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

    def _command(self, *arguments):
        return measure.Command([self.program, "--root", str(self.store), *arguments])
