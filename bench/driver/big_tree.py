"""A tree of 100,000 small files, and git's index of it, which is kept apart so that it is no part of the context."""

import shutil
import subprocess

FILES = 100_000
FOLDERS = 400
EDITED = "123/file123.txt"  # the one that the measurement edits


def make(tree, repository):
    """Costs minutes, so both are kept between runs; the edited file is made anew each time."""
    complete = repository.with_name("files.complete")
    if not complete.exists():
        shutil.rmtree(tree, ignore_errors=True)
        shutil.rmtree(repository, ignore_errors=True)
        for folder in range(FOLDERS):
            (tree / f"{folder:03}").mkdir(parents=True)
        for path in _paths():
            (tree / path).write_text(_content(path))
        _commit(repository)
        complete.touch()
    (tree / EDITED).write_text(_content(EDITED))
    git = status(tree, repository)[:-2]
    subprocess.run([*git, "read-tree", "HEAD"], check=True)
    subprocess.run([*git, "update-index", "-q", "--refresh"], check=True)


def status(tree, repository):
    return ["git", f"--git-dir={repository}", f"--work-tree={tree}", "status", "--short"]


def _paths():
    return (f"{folder:03}/file{number:03}.txt" for folder in range(FOLDERS) for number in range(FILES // FOLDERS))


def _content(path):
    return f"{path}\n" * 8


def _commit(repository):
    """As one pack: `git add` would leave 100,000 objects in files of their own."""
    subprocess.run(["git", "init", "--quiet", "--bare", repository], check=True)
    git = ["git", f"--git-dir={repository}"]
    head = subprocess.run([*git, "symbolic-ref", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    with subprocess.Popen([*git, "fast-import", "--quiet"], stdin=subprocess.PIPE, text=True) as process:
        process.stdin.write(f"commit {head}\ncommitter bench <bench@localhost> 0 +0000\ndata 0\n")
        for path in _paths():
            process.stdin.write(f"M 644 inline {path}\ndata {len(_content(path))}\n{_content(path)}\n")
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, "git fast-import")
