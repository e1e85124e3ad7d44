"""The build contexts that are measured, made anew for each run below the bench directory, and their edits."""

import shutil
from pathlib import Path

from driver import big_tree


class Contexts:
    """usual, badly-ordered and postgresql hold the same entrypoint scripts, those of docker/postgresql."""

    def __init__(self, sources, directory):
        self._sources = sources          # bench/
        self._image = sources.parent / "docker" / "postgresql"
        self._directory = directory
        self._edits = 0

    def path(self, name):
        return self._directory / name

    def make(self, name):
        target = self.path(name)
        if name == "files":
            big_tree.make(target / "tree", self._directory / "files.git")
            shutil.copy(self._sources / "contexts" / name / "Dockerfile", target)
            return
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        if name.startswith("steps-"):
            self._make_steps(target, int(name.removeprefix("steps-")))
        elif name == "compile":
            self._make_compile(target)
        elif name == "true":
            shutil.copy(self._sources / "contexts" / name / "Dockerfile", target)
        elif name == "postgresql":
            shutil.copytree(self._image, target, dirs_exist_ok=True)
        else:
            self._make_usual(target, name)

    def append(self, file):
        """Edits a file as a person does: a new line, different each time."""
        self._edits += 1
        with open(file, "a", encoding="utf-8") as text:
            text.write(f"# edit {self._edits}\n")

    def relabel(self, dockerfile):
        self._edits += 1
        lines = Path(dockerfile).read_text().splitlines(keepends=True)
        place = next(i for i, line in enumerate(lines) if line.startswith("LABEL "))
        lines[place] = f'LABEL org.opencontainers.image.revision="{self._edits}"\n'
        Path(dockerfile).write_text("".join(lines))

    def _make_usual(self, target, name):
        shutil.copy(self._sources / "contexts" / name / "Dockerfile", target)
        shutil.copy(self._sources / "contexts" / "usual" / "setup.sh", target)
        shutil.copy(self._image / "entrypoint.sh", target)
        shutil.copytree(self._image / "entrypoint.d", target / "entrypoint.d")

    def _make_compile(self, target):
        """pg-entrypoint, each file for itself: a small C++ project for make -j."""
        shutil.copytree(self._sources / "contexts" / "compile", target, dirs_exist_ok=True)
        shutil.copytree(self._image / "pg-entrypoint", target / "source", ignore=shutil.ignore_patterns("*_test.cc", "Makefile"))

    @staticmethod
    def _make_steps(target, count):
        """Of ten steps five change the configuration, three copy and two run: overlay2 takes no more than 125 layers."""
        pattern = ["ENV A{n}={n}", "COPY file{n} /files/", "LABEL l{n}={n}", "RUN echo {n} > /run-{n}", "ENV B{n}={n}",
                   "COPY file{n} /files/", "LABEL m{n}={n}", "COPY file{n} /files/", "ENV C{n}={n}", "RUN echo {n} > /run-{n}"]
        lines = ["FROM debian:bookworm-slim"]
        for n in range(count):
            step = pattern[n % len(pattern)].format(n=n)
            lines.append(step)
            if step.startswith("COPY"):
                (target / f"file{n}").write_text(f"{n}\n")
        (target / "Dockerfile").write_text("\n".join(lines) + "\n")
