"""One comparison from start to end: the models one after the other, and what is written of them."""
import fnmatch
import os
import platform
import subprocess
import sys
from pathlib import Path

import agreement
import cases
import chart
import models
import ncnn_convert
import report
from cores import busiest, cores_for
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


def _prepared(model, inlay, folder):
    """The model as a file of Inlay's own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (model.name.replace("/", "_").replace(":", "_") + ".inlay")
    done = subprocess.run([inlay, "--prepare", model.path, path], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return path


def _paths(model, engines, cache, inlay):
    """The file that each engine loads, or why there is none."""
    paths = {engine: model.path for engine in engines}
    if "inlay_prepared" in engines:
        try:
            paths["inlay_prepared"] = _prepared(model, inlay, cache / "prepared")
        except (RuntimeError, OSError) as error:
            paths["inlay_prepared"] = error
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


def _line(name, threads, results):
    texts = [f"{m.engine} " + (f"{report.median_ms(m):.3f} ms"
                               if m.agrees else f"({' '.join(m.error.split())[:120]})")
             for m in results]
    return f"{name}, {threads} threads: " + ", ".join(texts)


def _thread_counts(options):
    counts = []
    for threads in map(int, options.threads.split(",")):
        cores = cores_for(threads)
        if not cores:
            print(f"{threads} threads are left out: this process may not use as many cores",
                  file=sys.stderr)
            continue
        counts.append(threads)
        share = busiest(cores)
        if share > 0.1:
            print(f"other processes take {100 * share:.0f} % of a core that {threads} threads run "
                  "on: these times will not be repeatable", file=sys.stderr)
    return counts


def compare(options):
    plan = _plan(options)
    counts = _thread_counts(options)
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = chosen(options)
    sizes = report.library_sizes(plan.engines, options.inlay)
    results, rows, summary = [], [], []
    for i, (name, load) in enumerate(wanted):
        def say(text):
            print(f"[{i + 1}/{len(wanted)}] {name}: {text}", file=sys.stderr, flush=True)

        try:
            say("loading")
            model = load()
            if model.precision not in options.precision.split(","):
                continue
            say("preparing")
            paths = _paths(model, plan.engines, options.cache, options.inlay)
        except Exception as error:  # as above
            failed = [Measured(engine, f"{type(error).__name__}: {error}")
                      for engine in plan.engines]
            say(failed[0].error)
            results += [report.result(name, None, threads, m) for threads in counts for m in failed]
            continue
        for threads in counts:
            measured = _measure(model, threads, cores_for(threads), plan, paths,
                                lambda text: say(f"{threads} threads, {text}"))
            results += [report.result(name, model.precision, threads, m) for m in measured]
            print(_line(name, threads, measured), file=sys.stderr, flush=True)
            report.write(options.out, results, sizes, _machine())
    if not results:
        sys.exit("nothing to compare")
    rows, summary = report.write(options.out, results, sizes, _machine())
    chart.draw(rows, options.out / "chart.png")
    print("Peers' time, cold start and memory by Inlay's, geometric means; above 1, Inlay needs less.")
    print(report.summary_text(summary, sizes, results))
    for kind in sorted({r["precision"] for r in results if r["precision"]}):
        print(f"outputs of {kind} models agree when {agreement.TEXT[kind]}")
    return 0 if any(r["runs"] for r in results) else 1
