"""Docker and its BuildKit, from a Debian suite in a directory of its own."""

import os
import signal
import subprocess
import time

from driver import measure
from driver.peer import BASE, Peer, Unavailable


class Docker(Peer):
    suite = ""
    packages = ()

    def start(self):
        self.root = self.bench.directory / "chroots" / self.suite
        scripts = self.bench.sources / "peers"
        try:
            measure.quietly(measure.Command([str(scripts / "chroot"), self.suite, str(self.root), *self.packages]), self.log)
        except measure.Failed as failure:
            raise Unavailable(f"{self.suite} could not be installed: {failure}") from failure
        self.env = {"DOCKER_HOST": f"unix://{self.home}/docker.sock", "DOCKER_CONFIG": str(self.home / "config"),
                    "DOCKER_BUILDKIT": "1"}
        self.client = str(self.root / "usr/bin/docker")
        self._link_plugins()
        with open(self.home / "dockerd.log", "wb") as log:
            # a session of its own: Ctrl-C is for the driver, which stops the daemon when it no longer needs it
            self.process = subprocess.Popen([scripts / "dockerd", self.root, self.home], start_new_session=True,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
            self.title = f"{self.title} {self._ask('version', '--format', '{{.Server.Version}}')}"
            self._ask("load", "-i", str(self.bench.base_archive))
        except BaseException:
            self.stop()
            raise
        self.daemons = [self.process.pid, *measure.children(self.process.pid)]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.bench.remove_control_groups(self.home.name)

    def forget(self):
        tags = self._ask("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
        built = [tag for tag in tags if tag != BASE and "<none>" not in tag]
        if built:
            self._ask("image", "rm", "--force", *built)
        self._ask("image", "prune", "--force")  # those whose name a later build has taken
        self._ask("builder", "prune", "--all", "--force")

    def build(self, context, tag):
        return self._command("build", "--network", "host", "--secret", f"id=apt-sources,src={self.bench.apt_sources}",
                             "-t", tag, str(context))

    def save(self, tag, archive):
        return self._command("save", "-o", str(archive), tag)

    def container(self, tag, program, *arguments):
        return self._command("run", "--rm", "--network", "host", "--entrypoint", program, tag, *arguments)

    def push(self, tag):
        return self._command("push", tag)

    def pull(self, tag):
        return self._command("pull", tag)

    def forget_images(self):
        images = self._ask("image", "ls", "--all", "--quiet").split()
        if images:
            self._ask("image", "rm", "--force", *dict.fromkeys(images))
        self._ask("image", "prune", "--all", "--force")
        self._ask("builder", "prune", "--all", "--force")  # the layers of an image are its cache's, too

    def _command(self, *arguments):
        return measure.Command([self.client, *arguments], self.env)

    def _ask(self, *arguments):
        return self.output([self.client, *arguments], self.env)

    def _link_plugins(self):
        plugins = self.home / "config" / "cli-plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        buildx = self.root / "usr/libexec/docker/cli-plugins/docker-buildx"
        link = plugins / "docker-buildx"
        if buildx.exists() and not link.is_symlink():
            os.symlink(buildx, link)

    def _wait_until_ready(self):
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                self._ask("info")
                return
            except measure.Failed:
                time.sleep(0.1)
        lines = (self.home / "dockerd.log").read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise Unavailable(f"its daemon does not answer: {lines[-1]}")


class Docker20(Docker):
    name, title, suite = "docker20", "BuildKit of docker", "bookworm"
    packages = ("docker.io", "ca-certificates")


class Docker26(Docker):
    name, title, suite = "docker26", "BuildKit of docker", "trixie"
    packages = ("docker.io", "docker-cli", "docker-buildx", "ca-certificates")

    def build_and_push(self, context, tag):
        build = self.build(context, tag)
        return measure.Command([*build.argv[:2], "--push", *build.argv[2:]], build.env)


class Docker28(Docker26):
    name, suite = "docker28", "forky"
    packages = (*Docker26.packages, "xz-utils")  # tests/conformance uses the same root file system
