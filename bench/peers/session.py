"""One comparison from start to end: the models one after the other, and what is written of them."""
import fnmatch
import os
import platform
import sys
from pathlib import Path

import agreement
import cases
import chart
import models
import ncnn_convert
import report
from engines import ENGINES
from measure import Comparison, Measured, Plan


def _generated(options):
    for name in models.NAMES:
        yield name, lambda name=name: models.load(name, options.cache)


def _of_data(options):
    if not (options.data / "models" / "manifest.json").is_file():
        print(f"no test data in {options.data}: only made models", file=sys.stderr)
        return
    for name, file, case in cases.data_cases(options.data):
        yield name, lambda name=name, file=file, case=case: cases.load(file, name, case=case)


def built_in(options):
    return [*_generated(options), *_of_data(options)]


def print_names(options):
    print("\n".join(name for name, _ in built_in(options)))


def _read_shapes(texts):
    shapes = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        try:
            shapes[name] = [int(size) for size in sizes.split("x") if sizes]
        except ValueError:
            sys.exit(f"--shape {text}: not of the form NAME=AxBxC")
    return shapes


def chosen(options):
    """(name, function that loads it) for all that --models names."""
    known = built_in(options)
    shapes = _read_shapes(options.shape)
    found = []
    for wanted in options.models:
        if Path(wanted).is_file():
            found.append((Path(wanted).stem,
                          lambda path=Path(wanted): cases.load(path, shapes=shapes)))
            continue
        matching = [entry for entry in known if fnmatch.fnmatchcase(entry[0], wanted)]
        if not matching:
            sys.exit(f"--models {wanted}: neither a file nor one of --list")
        found += matching
    return found


def _siblings(core):
    try:
        path = f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"
        return Path(path).read_text()
    except OSError:
        return str(core)


def cores_for(threads):
    """As many cores as threads, physical ones as far as there are any; None when too few."""
    allowed = sorted(os.sched_getaffinity(0))
    first_of = {_siblings(core): core for core in reversed(allowed)}
    ordered = sorted(first_of.values()) + [c for c in allowed if c not in first_of.values()]
    return ordered[:threads] if len(ordered) >= threads else None


def _machine():
    name = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def _plan(options):
    engines = options.engines.split(",")
    for engine in engines:
        if engine not in ENGINES:
            sys.exit(f"--engines {engine}: not one of {', '.join(ENGINES)}")
    if options.quick:
        return Plan(engines, options.inlay, 0.2, 0.05, 3, 1, options.timeout)
    return Plan(engines, options.inlay, options.seconds, 0.15, 5, options.cold_runs, options.timeout)


def _paths(model, engines, cache):
    """The file that each engine loads, or why there is none."""
    paths = {engine: model.path for engine in engines}
    if "ncnn" in engines:
        try:
            paths["ncnn"] = ncnn_convert.converted(model, cache / "ncnn")
        except Exception as error:  # a model that cannot be converted only lacks this engine
            paths["ncnn"] = error
    return paths


def _measure(model, threads, cores, plan, paths, say):
    try:
        return Comparison(plan, model, threads, cores, paths, say).run()
    except Exception as error:  # whatever a stranger's model does, the next one is measured
        return [Measured(engine, f"{type(error).__name__}: {error}") for engine in plan.engines]


def _line(model, threads, results):
    texts = [f"{m.engine} " + (f"{report.result(model, threads, m)['median_ms']:.3f} ms"
                               if m.agrees else f"({' '.join(m.error.split())[:120]})")
             for m in results]
    return f"{model.name}, {threads} threads: " + ", ".join(texts)


def compare(options):
    plan = _plan(options)
    counts = []
    for threads in map(int, options.threads.split(",")):
        if cores_for(threads):
            counts.append(threads)
        else:
            print(f"{threads} threads are left out: this process may not use as many cores",
                  file=sys.stderr)
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = chosen(options)
    sizes = report.library_sizes(plan.engines, options.inlay)
    results, unreadable, rows, summary = [], [], [], []
    for i, (name, load) in enumerate(wanted):
        def say(text):
            print(f"[{i + 1}/{len(wanted)}] {name}: {text}", file=sys.stderr, flush=True)

        try:
            say("loading")
            model = load()
            if model.precision not in options.precision.split(","):
                continue
            say("preparing")
            paths = _paths(model, plan.engines, options.cache)
        except Exception as error:  # as above
            unreadable.append(f"{name}: {type(error).__name__}: {error}")
            say(unreadable[-1])
            continue
        for threads in counts:
            measured = _measure(model, threads, cores_for(threads), plan, paths,
                                lambda text: say(f"{threads} threads, {text}"))
            results += [report.result(model, threads, m) for m in measured]
            print(_line(model, threads, measured), file=sys.stderr, flush=True)
            rows, summary = report.write(options.out, results, sizes, _machine())
    chart.draw(rows, options.out / "chart.png")
    print("Peers' time, cold start and memory by Inlay's, geometric means; above 1, Inlay needs less.")
    print(report.summary_text(summary, sizes, results))
    for kind in sorted({r["precision"] for r in results}):
        print(f"outputs of {kind} models agree when {agreement.TEXT[kind]}")
    for text in unreadable:
        print(f"cannot be compared: {text}")
    return 0 if results else 1
