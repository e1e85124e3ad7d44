"""What is measured with a registry: sending all of an image, sending it after an edit, and fetching it."""

from driver import measure
from driver.cases import TAG, Case
from driver.registry import IMAGE

TITLE = f"docker/{IMAGE}"


def registry_cases(contexts, bench, registry, quick):
    """The last of them takes all images from the peers, the base too, so nothing can follow it."""
    context = contexts.path(IMAGE)
    push = lambda peer: peer.push(registry.name(peer))  # noqa: E731
    size = lambda peer: registry.layers_size(registry.name(peer))  # noqa: E731

    def build(peer):
        _now(peer, peer.build(context, registry.name(peer)))

    def before_first_push(peer):
        build(peer)
        peer.forget_pushes()
        registry.make_empty()

    def edit_after_push(peer):
        build(peer)
        _now(peer, push(peer))
        contexts.append(context / "entrypoint.sh")

    def before_changed_push(peer):
        edit_after_push(peer)
        build(peer)

    def before_pull(peer):
        archive = bench.directory / "published.tar"
        registry.publish(peer.save(TAG.format(IMAGE), archive), archive)
        peer.forget_images()

    few = 5 if quick else 15
    return [
        Case("registry-first", f"first push, {TITLE}", IMAGE, push, prepare=before_first_push, repetitions=2 if quick else 5,
             budget=200, sizes=size),
        Case("registry-changed", f"push after an entrypoint edit, {TITLE}", IMAGE, push, prepare=before_changed_push,
             repetitions=few),
        Case("registry-build", f"entrypoint edit: build and push, {TITLE}", IMAGE,
             lambda peer: peer.build_and_push(context, registry.name(peer)), prepare=edit_after_push, repetitions=few),
        Case("registry-pull", f"pull and unpack, {TITLE}", IMAGE, lambda peer: peer.pull(registry.published),
             prepare=before_pull, repetitions=2 if quick else 5, budget=200, cold=True, is_built=True,
             sizes=lambda peer: registry.layers_size(registry.published)),
    ]


def _now(peer, command):
    measure.quietly(command, peer.log)
