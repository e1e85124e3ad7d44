"""docs/benchmark.md: the tables, and how the figures were taken."""

from statistics import median

from driver.session import PEERS, REFERENCES

NOT_MEASURED = """## What was not measured

- A registry over a network: the one here is docker-registry on loopback, where sending costs next to nothing.
- BuildKit's `--push` of docker 20.10, and buildah's: they have none, so it is two commands in a shell.
- A plain user (rootless): all builders ran as root.
- Container start with buildah, which starts no containers of an image by itself.
- BuildKit with a remote or `docker-container` driver, and containerd's image store: the daemons use overlay2 and the builder
  that is built in, as `docker build` does without further set-up.
- Memory of builds that take longer than 5 seconds, except pgstrata's{and_reference}."""

METHOD = """## How

- All builders get the same contexts and Dockerfiles (bench/contexts, docker/postgresql) and the same base image, made by
  `pgstrata bootstrap`. They take turns, and the order rotates. Wall-clock time of the command, client included, until it
  has ended; output goes to a file. Daemons are up and warm.
- *Cold* is without any build cache, cache mounts included; the base image is there and unpacked, the page cache is what
  it is, and the packages come from the mirror over the network. What was written before is synced first. In all other
  cases the image was built before, and the edit is new each time.
- After the first edit the image of each builder was started and had to hold the edited script{buildah}.
- BuildKit and buildah get the machine's apt sources as a secret; pgstrata mounts them itself.
- The archive is a docker archive without compression from all of them (`docker save`, `pgstrata save`, `buildah push
  --disable-compression`).
- The registry is Debian's docker-registry, with an index of blobs in memory and no TLS; everybody has a repository of its own in
  it. Before a *first push* it is emptied, and pgstrata's compressed layers, which it keeps, are taken away, since the others
  compress at each push. Layers are compressed by gzip, each builder's as it does it unasked; their size is said below the table.
- *push after an entrypoint edit* is the push alone: the image was pushed, the script edited, the image built. *build and push* is
  both as one command.
- *pull and unpack* is `docker pull` or `buildah pull` of the same image, which skopeo had sent, into an empty store. pgstrata
  unpacks a layer when it is first mounted, so `pgstrata run … true` is timed after `pgstrata pull`, as a part of it.
- *not recorded* is pgstrata with `--read-set=off`, in turns with itself; every step of both runs (`--no-cache`), and the packages
  are in the cache mount.
- After the first edit of a setup script the bench fails if any other RUN ran than that script's.
- *floor* is bench/floor.cc: it stats the context, hashes what changed, and writes a layer, a configuration and a manifest.
- Peak RSS is the high-water mark of the processes, read from the kernel: pgstrata's own process; of Docker the client, the
  daemon and containerd together; of buildah all of its processes, those of the steps included."""


def document(results):
    parts = [f"# Benchmark\n\nWritten by `bench/run{' --quick' if results['quick'] else ''}`; an edit by hand is lost at the next run.",
             _machine(results), "![medians](benchmark.svg)", "## Time", _times(results)]
    parts += [f"- not run: {name}: {reason}" for name, reason in results["missing"].items()]
    parts += [f"- failed: {case['title']}, {name}: {reason}" for case in results["cases"].values()
              for name, reason in case["failed"].items()]
    parts += [f"- size of all layers: {case['title']}: " + ", ".join(f"{name} {_megabytes(size)} MB" for name, size in case["sizes"].items())
              for case in results["cases"].values() if case.get("sizes")]
    parts += [f"- measured anew: {results['cases'][name]['title']}: {when}" for name, when in results.get("anew", {}).items()]
    memory = _memory(results)
    if memory:
        parts += ["## Peak RSS", memory]
    targets = _targets(results)
    if targets:
        parts += ["## Numbers to reach", targets]
    reference = reference_of(results)
    parts.append(METHOD.format(buildah=" (but not buildah's)" if "buildah" in results["peers"] else ""))
    parts.append(NOT_MEASURED.format(and_reference=f" and {reference}'s" if reference and not results["quick"] else ""))
    return "\n\n".join(parts) + "\n"


def reference_of(results):
    return next((name for name in REFERENCES if name in results["peers"]), None)


def duration(seconds):
    if seconds >= 10:
        return f"{seconds:.1f} s"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"


def median_of(results, case, actor):
    samples = results["cases"].get(case, {}).get("samples", {}).get(actor)
    return median(samples) if samples else None


def _machine(results):
    machine = results["machine"]
    return (f"{machine['date']}; {machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB, {machine['system']}, "
            f"Linux {machine['kernel']}, {machine['filesystem']}; load before: {machine['load_before']:.1f}.")


def _table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _times(results):
    peers = results["peers"]
    reference = reference_of(results)
    with_ratio = reference and "pgstrata" in peers
    rows = []
    for name, case in results["cases"].items():
        row = [case["title"], *(_cell(case["samples"].get(peer)) for peer in peers)]
        if with_ratio:
            row.append(_ratio(median_of(results, name, "pgstrata"), median_of(results, name, reference)))
        row.append("; ".join(f"{actor}: {_cell(samples)}" for actor, samples in case["samples"].items() if actor not in PEERS))
        rows.append(row)
    header = ["median (min – max; n)", *peers.values()]
    if with_ratio:
        header.append(f"pgstrata : {reference}")
    return _table([*header, "yardstick"], rows)


def _cell(samples):
    if not samples:
        return "–"
    if len(samples) == 1:
        return f"**{duration(samples[0])}** (1)"
    return f"**{duration(median(samples))}** ({duration(min(samples))} – {duration(max(samples))}; {len(samples)})"


def _ratio(value, reference):
    return f"{value / reference:.3f}" if value and reference else "–"


def _memory(results):
    rows = [[case["title"], *(_megabytes(case["peaks"].get(peer)) for peer in results["peers"])]
            for case in results["cases"].values() if case["peaks"]]
    return _table(["MB", *results["peers"].values()], rows) if rows else ""


def _megabytes(peak):
    return f"{peak / 1e6:.0f}" if peak else "–"


def _targets(results):
    """The promises of the project, each against its figure; those whose cases did not run are left out."""
    reference = reference_of(results)
    ours = lambda case: median_of(results, case, "pgstrata")  # noqa: E731
    theirs = lambda case: median_of(results, case, reference)  # noqa: E731
    ratios = [
        ("nothing changed, to BuildKit", ours("usual-noop"), theirs("usual-noop"), 0.1),
        ("entrypoint edit, to BuildKit", ours("usual-entrypoint"), theirs("usual-entrypoint"), 0.1),
        ("cold, one RUN, to BuildKit", ours("usual-cold"), theirs("usual-cold"), 0.85),
        ("cold, our docker/postgresql to BuildKit's one RUN", ours("postgresql-cold"), theirs("usual-cold"), 0.5),
        ("first push, to BuildKit", ours("registry-first"), theirs("registry-first"), 0.25),
        ("push after an entrypoint edit, to BuildKit", ours("registry-changed"), theirs("registry-changed"), 0.2),
        ("pull and unpack, to `docker pull`", ours("registry-pull"), theirs("registry-pull"), 0.5),
        ("one of 100,000 files, to git status", ours("files-edit"), median_of(results, "files-edit", "git status"), 2),
    ]
    rows = [[title, f"≤ {limit}", f"{value / other:.3f}", _verdict(value / other, limit)]
            for title, value, other, limit in ratios if value and other]
    for case, limit in (("postgresql-recording", 1.05), ("compile-recording", 1.03)):
        value, other = ours(case), median_of(results, case, "not recorded")
        if value and other:
            rows.append([f"{results['cases'][case]['title']}, to not recorded", f"≤ {limit}", f"{value / other:.3f}", _verdict(value / other, limit)])
    value, other = ours("true-recording"), median_of(results, "true-recording", "not recorded")
    if value and other:
        rows.append(["RUN true, recorded less not recorded", "≤ 10 ms", f"{(value - other) * 1000:.1f} ms", _verdict(value - other, 0.01)])
    if ours("badly-ordered-entrypoint"):
        value = ours("badly-ordered-entrypoint")
        rows.append(["entrypoint edit, badly ordered", "≤ 10 ms", f"{value * 1000:.1f} ms", _verdict(value, 0.01)])
    if ours("postgresql-check"):
        value = ours("postgresql-check")
        rows.append(["90-check.sh edited, all in all", "≤ 1.5 s", f"{value:.2f} s", _verdict(value, 1.5)])
    short, long = ours("steps-10-noop"), ours("steps-200-noop")
    if short and long:
        rows.append(["200 steps less 10 steps", "≤ 10 ms", f"{(long - short) * 1000:.1f} ms", _verdict(long - short, 0.01)])
    peaks = {name: case["peaks"]["pgstrata"] for name, case in results["cases"].items() if "pgstrata" in case["peaks"]}
    files = peaks.pop("files-edit", None)
    if peaks:
        rows.append(["pgstrata's peak RSS", "< 64 MB", f"{max(peaks.values()) / 1e6:.0f} MB", _verdict(max(peaks.values()), 64e6)])
    if files:
        rows.append(["the same, 100,000 files", "< 128 MB", f"{files / 1e6:.0f} MB", _verdict(files, 128e6)])
    return _table(["", "wanted", "measured", ""], rows) if rows else ""


def _verdict(value, limit):
    return "reached" if value <= limit else "**missed**"
