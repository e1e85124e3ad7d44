"""What a store goes through in one round of tests/soak/store, and what has to hold afterwards."""

import collections
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tarfile
import time

PROGRAM = os.path.abspath(os.environ.get("PGSTRATA", os.path.join(os.path.dirname(__file__), "../../build/release/src/pgstrata")))
SIZE = 900  # MiB of the disk
counts = collections.Counter()


class Wrong(Exception):
    pass


def run(store, *words, good=(0,)):
    done = subprocess.run([PROGRAM, "--root", store, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode not in good:
        raise Wrong(f"{' '.join(words)}: exit code {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return done


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Round:
    """One store, its reference, and the dice of the round."""

    def __init__(self, work, proxy, dice, number):
        self.work, self.dice, self.proxy = work, dice, proxy
        self.store = os.path.join(work, "disk/store")
        self.context = os.path.join(work, "contexts", str(number % 16))
        self.tag = f"image{number % 5}"
        self.write_context(self.context)

    def write_context(self, context):
        shutil.rmtree(context, ignore_errors=True)
        os.makedirs(context + "/d")
        for name in "a", "d/b", "d/c":
            with open(f"{context}/{name}", "wb") as file:
                file.write(self.dice.randbytes(self.dice.choice([10, 5000, 400000])) if self.dice.random() < 0.5 else b"same")
        # Steps of several rounds are equal, so that there is something to reuse.
        lines = ["FROM bb AS base", f"RUN echo {self.dice.randrange(3)} >/shared && mkdir /s && cp /shared /s/copy",
                 "COPY a /a", "RUN cat /a /shared >/r1 && ln /r1 /r2 && rm /etc/group", "FROM base", "COPY d /d"]
        if self.dice.random() < 0.5:
            lines.insert(4, "FROM bb AS other\nRUN head -c 300000 /dev/zero >/zeros && chmod 600 /zeros")
            lines.append("COPY --from=other /zeros /z")
        lines.append("RUN sha256sum /d/* /r1 >/sums; mkfifo /s/fifo; ln -s copy /s/link")
        with open(context + "/Dockerfile", "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")

    def start(self, store=None, context=None, tag=None, *more):
        words = ["build", "-q", "-t", tag or self.tag, *more, context or self.context]
        counts["builds"] += 1
        return subprocess.Popen([PROGRAM, "--root", store or self.store, *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process, good=(0,)):
        out, err = process.communicate()
        if process.returncode not in good:
            raise Wrong(f"a build: exit code {process.returncode}: {out} {err}")
        return out.strip(), err

    # The accidents. What one returns says what its images may have lost: nothing (None), or bits ("flipped").

    def kill(self):
        for _ in range(self.dice.randint(1, 4)):
            process = self.start(None, None, None, *(["--no-cache"] if self.dice.random() < 0.5 else []))
            time.sleep(self.dice.random() * self.dice.choice([0.02, 0.1, 0.5]))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            counts["kills"] += process.returncode == -signal.SIGKILL

    def full_disk(self):
        disk = self.work + "/disk"
        used = os.statvfs(disk)
        kib = (used.f_blocks - used.f_bfree) * used.f_frsize // 1024 + self.dice.choice([4, 60, 400, 900, 1500])
        subprocess.run(["mount", "-o", f"remount,size={kib}k", disk], check=True)
        try:
            _, err = self.finish(self.start(None, None, None, "--no-cache"), good=(0, 1, 3))
        finally:
            subprocess.run(["mount", "-o", f"remount,size={SIZE}m", disk], check=True)
        if err and "error" in err:
            counts["full disks"] += 1
            # A step that fails of it has words of its own.
            if "space" not in err and " failed: exit code " not in err:
                raise Wrong(f"a full disk isn't named: {err}")

    def cut_connection(self):
        """Push and pull through a connection that breaks; then both work, and give the same image."""
        self.finish(self.start())
        other = os.path.join(self.work, "pulled")
        if self.dice.random() < 0.5:
            shutil.rmtree(other, ignore_errors=True)
        name = f"127.0.0.1:{self.proxy.port}/{self.tag}"
        run(self.store, "tag", self.tag, name)
        for store, verb in (self.store, "push"), (other, "pull"):
            self.proxy.left = self.dice.choice([100, 2000, 50000, 400000, 1000000])
            cut = run(store, verb, name, good=(0, 1))
            counts["cut connections"] += self.proxy.left < 0
            if cut.returncode == 1 and "error" not in cut.stderr:
                raise Wrong(f"a cut {verb} says nothing")
            if os.path.exists(other):
                self.sound(other, images_lost=False)
            self.proxy.left = 1 << 60
            run(store, verb, name)
        if (here := json.loads(run(self.store, "inspect", self.tag).stdout)[0]["Id"]) != (
            there := json.loads(run(other, "inspect", name).stdout)[0]["Id"]):
            raise Wrong(f"pushed {here}, pulled {there}")
        run(self.store, "rmi", name)
        self.save_all(other, None)

    def victim(self, *directories):
        files = sorted(os.path.join(at, name) for directory in directories for at, _, names in os.walk(f"{self.store}/{directory}")
                       for name in names)
        files = [path for path in files if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path)]
        return files[int(self.dice.random() * len(files))]

    def flip(self, path):
        counts["flipped bits"] += 1
        place, bit = int(self.dice.random() * os.path.getsize(path)), self.dice.randrange(8)
        os.chmod(path, 0o600) if not path.startswith(self.store + "/unpacked") else None
        with open(path, "r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1 << bit]))
        return "flipped"

    def flip_blob(self):
        return self.flip(self.victim("blobs", "compressed"))

    def flip_changes(self):
        return self.flip(self.victim("changes"))

    def flip_unpacked(self):
        return self.flip(self.victim("unpacked"))

    def flip_index(self):
        for _ in range(self.dice.choice([1, 1, 20])):
            self.flip(self.store + "/index.db")
        return "flipped"

    def power_cut(self):
        """What was never synced is empty, or zeros, or as it was; and the machine has another boot id."""
        self.finish(self.start())
        database = sqlite3.connect(self.store + "/index.db")
        layers = [row[0].hex() for row in database.execute("SELECT diff_id FROM layer WHERE boot IS NOT NULL ORDER BY diff_id")]
        database.execute("UPDATE layer SET boot = 'an-earlier-boot' WHERE boot IS NOT NULL")
        database.execute("UPDATE boot SET id = 'an-earlier-boot'")
        database.commit()
        database.close()
        for layer in layers[-6:]:
            paths = [f"{self.store}/blobs/sha256/{layer}", f"{self.store}/changes/{layer}"]
            paths += [os.path.join(at, name) for at, _, names in os.walk(f"{self.store}/unpacked/{layer}") for name in sorted(names)]
            for path in paths:
                if self.dice.random() < 0.3 and os.path.isfile(path) and not os.path.islink(path):
                    size = os.path.getsize(path)
                    os.truncate(path, 0)
                    os.truncate(path, self.dice.choice([0, size]))
                    counts["files emptied by power cuts"] += 1
        if self.dice.random() < 0.3:
            os.truncate(self.store + "/index.db", self.dice.choice([0, 4096, os.path.getsize(self.store + "/index.db") // 2]))
        if self.dice.random() < 0.3 and os.path.exists(self.store + "/index.json.synced"):
            os.truncate(self.store + "/index.json", 0)
            counts["lists emptied"] += 1
        return "flipped"

    def crowd(self):
        others = []
        for at in range(self.dice.choice([2, 4, 16])):
            context = f"{self.work}/contexts/crowd{at}"
            self.write_context(context)
            others.append((self.start(None, context, f"crowd{at % 3}"), context))
        for process, context in others:
            digest, _ = self.finish(process)
            if at == 0 or self.dice.random() < 0.15:
                self.compare(digest, context)

    # What has to hold.

    def compare(self, digest, context):
        expected, _ = self.finish(self.start(os.path.join(self.work, "reference"), context, "expected", "--no-cache"))
        if digest != expected:
            raise Wrong(f"{digest}, but from nothing {expected} ({context})")

    def save_all(self, store, lost):
        for manifest in json.loads(read(store + "/index.json") or read(store + "/index.json.synced"))["manifests"]:
            name = manifest["annotations"]["io.containerd.image.name"]
            path = os.path.join(self.work, "saved.tar")
            done = run(store, "save", name, "--format", "oci-archive", "--compression", self.dice.choice(["gzip", "uncompressed"]),
                       "-o", path, good=(0, 1) if lost else (0,))
            counts["images saved" if done.returncode == 0 else "images refused"] += 1
            if done.returncode:
                if "error: " not in done.stderr:
                    raise Wrong(f"save {name} fails without an error: {done.stderr}")
                continue
            with tarfile.open(path) as archive:
                for entry in archive:
                    digest = os.path.basename(entry.name)
                    if entry.isreg() and len(digest) == 64 and hashlib.sha256(archive.extractfile(entry).read()).hexdigest() != digest:
                        raise Wrong(f"{name} was saved with wrong bytes in {digest}")

    def sound(self, store, images_lost):
        """check-store, then --repair, then clean; images that are lost lose their names."""
        before = run(store, "check-store", "--format", "json", good=(0, 1))
        counts["findings"] += len(json.loads(before.stdout)["findings"])
        repaired = run(store, "check-store", "--repair", "--format", "json", good=(0, 1))
        left = [one for one in json.loads(repaired.stdout)["findings"] if one["status"] != "repaired"]
        for one in left:
            if not images_lost or not one["by_hand"] or " lost: " not in one["why"] + " ":
                raise Wrong(f"not mended: {one}")
            run(store, "rmi", one["what"], good=(0, 1))
            counts["images lost"] += 1
        run(store, "check-store")

    def go(self, accident):
        counts[accident.replace("_", " ")] += 1
        lost = getattr(self, accident)()
        if lost and self.dice.random() < 0.7:
            self.save_all(self.store, lost)
        if lost:
            # A flipped bit of an unpacked file is told from others by nobody but check-store: before it, no RUN is wanted right.
            self.sound(self.store, images_lost=True)
            run(self.store, "build", "-q", "-t", "bb", os.path.join(self.work, "bb"))
        digest, _ = self.finish(self.start())
        self.compare(digest, self.context)
        self.save_all(self.store, None)
        self.sound(self.store, images_lost=False)
