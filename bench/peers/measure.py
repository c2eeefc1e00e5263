"""One model at one number of threads, in all engines."""
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy

import agreement
import stats
from process import Worker, WorkerError, command_of

MOST_ROUNDS = 50
REFERENCES = ("onnxruntime", "inlay")  # whose outputs the others must give, the first that runs


@dataclass
class Plan:
    engines: list
    inlay: Path
    seconds: float  # of runs per engine
    slice: float  # seconds per turn
    rounds: int  # at least
    cold_runs: int
    timeout: float


@dataclass
class Measured:
    engine: str
    error: str = None
    ready: dict = field(default_factory=dict)
    cold: list = field(default_factory=list)  # milliseconds
    rounds: list = field(default_factory=list)  # nanoseconds, a list per round
    peak_bytes: int = None

    @property
    def agrees(self):
        return self.error is None


def cold_ms(ready):
    return ready["startup_ms"] + ready["load_ms"] + ready["first_ms"]


class Comparison:
    def __init__(self, plan, model, threads, cores, paths, say):
        self.plan, self.model, self.threads, self.cores = plan, model, threads, cores
        self.paths = paths  # the model's file by engine, or the exception that conversion gave
        self.say = say
        self.results = {engine: Measured(engine) for engine in plan.engines}
        self.workers = {}

    def run(self):
        with tempfile.TemporaryDirectory() as folder:
            self.folder = Path(folder)
            self.model.write_inputs(self.folder)
            try:
                self._start_all()
                self._compare()
                self._measure_cold()
                self._measure_runs()
            finally:
                for worker in self.workers.values():
                    worker.kill()
        return list(self.results.values())

    def _try(self, engine, step):
        """Does a step for one engine; when that fails the engine is out, and the others go on."""
        try:
            return step(engine)
        except (WorkerError, OSError, ValueError) as error:
            self.results[engine].error = str(error) or type(error).__name__
            worker = self.workers.pop(engine, None)
            if worker:
                worker.kill()
            return None

    def _new_worker(self, engine):
        path = self.paths[engine]
        if isinstance(path, Exception):
            raise WorkerError(str(path))
        command = command_of(engine, path, self.folder, self.threads, self.plan.inlay)
        worker = Worker(command, self.cores, self.plan.timeout)
        self.results[engine].cold.append(cold_ms(worker.ready))
        return worker

    def _start_all(self):
        for engine in self.plan.engines:
            self.say(f"starting {engine}")
            worker = self._try(engine, self._new_worker)
            if worker:
                self.workers[engine] = worker
                self.results[engine].ready = worker.ready

    def _outputs(self, engine):
        folder = self.folder / engine
        folder.mkdir()
        self.workers[engine].ask(f"outputs {folder}")
        return {int(path.stem.split("_")[1]): numpy.load(path)
                for path in folder.glob("output_*.npy")}

    def _compare(self):
        self.say("comparing outputs")
        outputs = {}
        for engine in list(self.workers):
            found = self._try(engine, self._outputs)
            if found is not None:
                outputs[engine] = found
        order = [e for e in REFERENCES if e in outputs] + list(outputs)
        if not order:
            return
        reference = order[0]

        def check(engine):
            reason = agreement.outputs_differ(outputs[engine], outputs[reference],
                                              self.model.precision)
            if reason:
                raise WorkerError(f"disagrees with {reference}: {reason}")

        for engine in outputs:
            self._try(engine, check)

    def _measure_cold(self):
        for i in range(1, self.plan.cold_runs):
            self.say(f"cold start {i + 1}")
            for engine in list(self.workers):
                worker = self._try(engine, self._new_worker)
                if worker:
                    worker.kill()

    def _ask_run(self, engine, seconds, least, warm_up):
        return self.workers[engine].ask(f"run {seconds} {least} {warm_up}")["times_ns"]

    def _measure_peak(self, engine):
        """Before the lists of times grow."""
        self._ask_run(engine, 0, 3, 0)
        self.results[engine].peak_bytes = self.workers[engine].ask("peak")["peak_bytes"]

    def _measure_runs(self):
        slices = {}
        for engine in list(self.workers):
            self._try(engine, self._measure_peak)
        for engine in list(self.workers):
            times = self._try(engine, lambda e: self._ask_run(e, self.plan.slice, 2, 0))
            if times:
                # A run that long finds nothing of its own in the caches anyway.
                slow = stats.median(times) > 0.3e9
                slices[engine] = (0, 1, 0) if slow else (self.plan.slice, 3, 1)
        rounds = 0
        while self.workers and (rounds < self.plan.rounds or
                                rounds < MOST_ROUNDS and self._least_time() < self.plan.seconds):
            rounds += 1
            self.say(f"round {rounds}")
            for engine in list(self.workers):
                times = self._try(engine, lambda e: self._ask_run(e, *slices[e]))
                if times:
                    self.results[engine].rounds.append(times)

    def _least_time(self):
        return min(sum(map(sum, self.results[e].rounds)) / 1e9 for e in self.workers)
