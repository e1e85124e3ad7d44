"""Debian's docker-registry on loopback, which everybody pushes to and pulls from."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request

from driver import measure
from driver.peer import Unavailable

IMAGE = "postgresql"
ACCEPTED = ("application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
            "application/vnd.docker.distribution.manifest.list.v2+json, "
            "application/vnd.docker.distribution.manifest.v2+json")


class Registry:
    def __init__(self, directory):
        self._home = directory / "registry"
        self._process = None
        self._is_published = False
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"

    def start(self):
        """Empty. Raises Unavailable."""
        for program in ("docker-registry", "skopeo"):
            if not shutil.which(program):
                raise Unavailable(f"the package {program} is not installed")
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(parents=True)
        settings = self._home / "config.yml"
        settings.write_text(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
                            f"storage: {{filesystem: {{rootdirectory: {self._home}/blobs}}, cache: {{blobdescriptor: inmemory}}}}\n"
                            f"http: {{addr: \"{self.address}\"}}\n")
        with open(self._home / "log", "wb") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", settings], start_new_session=True, stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log)
        self._wait_until_ready()

    def stop(self):
        if not self._process:
            return
        self._process.terminate()
        self._process.wait()
        self._process = None

    def make_empty(self):
        self.stop()
        self._is_published = False
        self.start()

    def name(self, peer):
        """Each peer has a repository of its own."""
        return f"{self.address}/{peer.name}/{IMAGE}"

    @property
    def published(self):
        """The name of the image that everybody pulls."""
        return f"{self.address}/published/{IMAGE}"

    def publish(self, save, archive):
        """Once: what `save` writes to `archive` (a docker archive), by skopeo, which compresses for nobody's advantage."""
        if self._is_published:
            return
        log = self._home / "publish.log"
        archive.unlink(missing_ok=True)
        measure.quietly(save, log)
        measure.quietly(measure.Command(["skopeo", "copy", "--dest-tls-verify=false", f"docker-archive:{archive}",
                                         f"docker://{self.published}:latest"]), log)
        self._is_published = True

    def layers_size(self, name):
        """Bytes of all layers of an image as they are sent; of an index, of its first image."""
        repository = name.removeprefix(self.address + "/")
        manifest = self._get(repository, "latest")
        if "manifests" in manifest:
            manifest = self._get(repository, manifest["manifests"][0]["digest"])
        return sum(layer["size"] for layer in manifest["layers"])

    def _get(self, repository, reference):
        request = urllib.request.Request(f"http://{self.address}/v2/{repository}/manifests/{reference}",
                                         headers={"Accept": ACCEPTED})
        with _direct().open(request) as answer:
            return json.load(answer)

    def _wait_until_ready(self):
        for _ in range(300):
            if self._process.poll() is not None:
                break
            try:
                _direct().open(f"http://{self.address}/v2/").close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        lines = (self._home / "log").read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise Unavailable(f"docker-registry does not answer: {lines[-1]}")


def _direct():
    """Never by way of a proxy."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
