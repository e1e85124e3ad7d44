"""buildah, as the machine has it."""

import shutil

from driver import measure
from driver.peer import BASE, Peer, Unavailable


class Buildah(Peer):
    name, title = "buildah", "buildah"

    def start(self):
        if not shutil.which("buildah"):
            raise Unavailable("the package buildah is not installed")
        # below TMPDIR buildah keeps the cache mounts
        self.env = {"TMPDIR": str(self.home / "tmp")}
        (self.home / "tmp").mkdir(exist_ok=True)
        self.title = f"{self.title} {self.output(['buildah', '--version']).split()[2]}"
        self._ask("pull", f"docker-archive:{self.bench.base_archive}")

    def forget(self):
        base = self._ask("images", "--format", "{{.ID}}", BASE)
        images = set(self._ask("images", "--quiet").split()) - {base}
        if images:
            self._ask("rmi", "--force", *images)
        self._ask("rmi", "--prune")
        shutil.rmtree(self.home / "tmp")
        (self.home / "tmp").mkdir()

    def build(self, context, tag):
        return self._command("build", "--layers", "--pull=false", "--format", "docker", "--network", "host",
                             "--secret", f"id=apt-sources,src={self.bench.apt_sources}", "-t", tag, str(context))

    def save(self, tag, archive):
        return self._command("push", "--disable-compression", tag, f"docker-archive:{archive}:{tag}:latest")

    def push(self, tag):
        return self._command("push", "--tls-verify=false", tag)

    def pull(self, tag):
        return self._command("pull", "--tls-verify=false", tag)

    def forget_images(self):
        self._ask("rmi", "--all", "--force")

    def _command(self, *arguments):
        return measure.Command(["buildah", "--root", str(self.home / "storage"), "--runroot", str(self.home / "run"),
                                "--storage-driver", "overlay", *arguments], self.env)

    def _ask(self, *arguments):
        command = self._command(*arguments)
        return self.output(command.argv, command.env)
