"""One model in one engine of PyPI, driven by lines of text: worker.py ENGINE MODEL INPUTS THREADS.

Answers with one line of JSON when the first output is there and after each command:
outputs FOLDER; run SECONDS LEAST_RUNS WARM_UP_RUNS; peak; quit (no answer). inlay_peer.cpp speaks the same."""
import ctypes
import gc
import importlib
import json
import os
import sys
from pathlib import Path
from time import perf_counter_ns

import numpy


MOST_RUNS = 20000  # in one turn


class Inputs:
    """inputs.json and input_N.npy of a folder."""

    def __init__(self, folder, threads):
        about = json.loads((folder / "inputs.json").read_text())
        self.names = about["names"]
        self.dimensions = about["dimensions"]  # sizes of the axes that the model only names
        self.arrays = [numpy.load(folder / f"input_{i}.npy") for i in range(len(self.names))]
        self.threads = threads


def status_bytes(key):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(key + ":"):
                return 1024 * int(line.split()[1])
    return 0


def measure(engine, seconds, least, warm_up):
    for _ in range(warm_up):
        engine.run()
    times = []
    begin = perf_counter_ns()
    end = begin + int(seconds * 1e9)
    while len(times) < least or perf_counter_ns() < end and len(times) < MOST_RUNS:
        start = perf_counter_ns()
        engine.run()
        times.append(perf_counter_ns() - start)
    return {"times_ns": times}


def write_outputs(engine, folder):
    written = 0
    for i, array in enumerate(engine.outputs()):
        if array is not None:
            numpy.save(f"{folder}/output_{i}.npy", array)
            written += 1
    return {"outputs": written}


class Started:
    """The engine after its first run, with what that took.

    An application would load the engine's shared library, but neither Python nor the engine's
    Python package: time and memory of these two are left out."""

    def __init__(self, name, model, folder, threads):
        inputs = Inputs(Path(folder), threads)
        module = importlib.import_module("engines." + name)
        memory_before = status_bytes("VmRSS")
        start = perf_counter_ns()
        ctypes.CDLL(str(module.libraries()[0]), mode=os.RTLD_NOW | os.RTLD_LOCAL)
        library = perf_counter_ns() - start
        memory_library = status_bytes("VmRSS") - memory_before

        self.engine = module.Engine()
        self.memory_not_counted = status_bytes("VmRSS") - memory_library
        start = perf_counter_ns()
        self.engine.load(model, inputs)
        loaded = perf_counter_ns()
        self.engine.run()
        first = perf_counter_ns() - loaded
        self.engine.fix_outputs()
        self.report = {"version": self.engine.version, "settings": self.engine.settings,
                       "startup_ms": library / 1e6, "load_ms": (loaded - start) / 1e6,
                       "first_ms": first / 1e6}


def serve(started, reply):
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "outputs":
            reply(write_outputs(started.engine, rest))
        elif command == "run":
            seconds, least, warm_up = rest.split()
            reply(measure(started.engine, float(seconds), int(least), int(warm_up)))
        elif command == "peak":
            reply({"peak_bytes": status_bytes("VmHWM") - started.memory_not_counted})
        elif command == "quit":
            return
        else:
            reply({"error": "unknown command: " + line})


def main():
    # What engines print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    name, model, folder, threads = sys.argv[1:]
    gc.disable()
    try:
        started = Started(name, model, folder, int(threads))
        reply(started.report)
        serve(started, reply)
    except Exception as error:  # any engine's own types
        reply({"error": f"{type(error).__name__}: {error}"})
    answers.flush()
    os._exit(0)  # some engines crash in their static destructors


if __name__ == "__main__":
    main()
