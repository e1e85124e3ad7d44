"""Runs the cases: peers take turns, so that what disturbs the machine disturbs all of them."""

import os
import time

from driver import measure


class Runner:
    def __init__(self, bench, peers, contexts, tell, with_memory):
        self._bench = bench
        self._peers = peers
        self._contexts = contexts
        self._tell = tell
        self._with_memory = with_memory  # names of the peers whose memory is measured where a build takes long
        self._built = set()

    def run(self, case):
        """Samples in seconds and peaks in bytes, by peer; and why a peer has none."""
        result = {"title": case.title, "samples": {}, "peaks": {}, "failed": {}}
        if case.sizes:
            result["sizes"] = {}
        actors = {name: (peer, case.command(peer)) for name, peer in self._peers.items()}
        actors = {name: actor for name, actor in actors.items() if actor[1] is not None}
        actors |= {name: (None, command) for name, command in case.yardsticks.items()}
        self._first_builds(case, actors, result)
        self._sample(case, actors, result)
        for name, (peer, _) in actors.items():
            if peer and name not in result["failed"]:
                self._guard(result, name, self._measure_memory, case, peer, result)
        return result

    def _log(self, case, name):
        return self._bench.directory / "logs" / f"{case.name}.{name.replace(' ', '-')}.log"

    def _guard(self, result, name, function, *arguments):
        try:
            function(*arguments)
        except measure.Failed as failure:
            result["failed"][name] = str(failure)
            self._tell(f"  {name} failed: {failure}")

    def _first_builds(self, case, actors, result):
        """Unless a case begins cold, the image exists and caches are warm."""
        for name, (peer, command) in actors.items():
            if case.cold and not case.is_built:
                self._built -= {built for built in self._built if built[0] == name}
                self._built.add((name, case.context))
            elif peer and (name, case.context) not in self._built:
                self._tell(f"  first build of {case.context} by {name}")
                first = peer.build(self._contexts.path(case.context), f"bench-{case.context}")
                self._guard(result, name, measure.quietly, first, self._log(case, name))
                self._built.add((name, case.context))
            elif not peer:
                self._guard(result, name, measure.quietly, command, self._log(case, name))

    def _sample(self, case, actors, result):
        names = list(actors)
        for repetition in range(case.repetitions):
            turn = repetition % len(names)
            for name in names[turn:] + names[:turn]:
                samples = result["samples"].setdefault(name, [])
                if name not in result["failed"] and (not samples or sum(samples) < case.budget):
                    self._guard(result, name, self._one, case, *actors[name], self._log(case, name), samples,
                                result)
        result["samples"] = {name: samples for name, samples in result["samples"].items() if samples}

    def _one(self, case, peer, command, log, samples, result):
        case.prepare(peer)
        if case.cold:
            os.sync()  # what the one before left to be written is not this one's to wait for
        time.sleep(0.1)
        samples.append(measure.run(command, log))
        if peer and len(samples) == 1:
            case.check(peer)
            if case.sizes:
                result["sizes"][peer.name] = case.sizes(peer)

    def _measure_memory(self, case, peer, result):
        slow = result["samples"][peer.name][0] > 5
        if slow and peer.name not in self._with_memory:
            return
        case.prepare(peer)
        log, command = self._log(case, peer.name), case.command(peer)
        if peer.whole_tree or case.runs_steps:
            peak = measure.peak_watched(command, log, peer.daemons, peer.whole_tree)
        else:
            peak = measure.peak_exact(command, log)
        result["peaks"][peer.name] = peak
