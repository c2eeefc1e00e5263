"""From measurements to results.json, summary.json, table.md and the text that is printed."""
import json
import shutil
import subprocess
import tempfile
from importlib import import_module
from pathlib import Path

import stats
from engines import PYTHON_ENGINES

MB = 1 << 20


def median_ms(measured):
    return stats.median([t for turn in measured.rounds for t in turn]) / 1e6


def result(name, precision, threads, measured):
    """One object of results.json."""
    m = measured
    times = [t / 1e6 for turn in m.rounds for t in turn] if m.agrees else []
    return {
        "model": name, "threads": threads, "precision": precision, "engine": m.engine,
        "version": m.ready.get("version"), "settings": m.ready.get("settings"),
        "median_ms": median_ms(m) if times else None,
        "p99_ms": stats.percentile(times, 0.99) if times else None,
        "min_ms": min(times) if times else None,
        "runs": len(times),
        "cold_ms": stats.median(m.cold) if m.cold and m.agrees else None,
        "peak_mb": m.peak_bytes / MB if m.peak_bytes else None,
        "agrees": m.agrees,
        "error": m.error,
        "cold_parts_ms": {k: v for k, v in m.ready.items() if k.endswith("_ms")},
        "rounds_median_ms": [stats.median(turn) / 1e6 for turn in m.rounds] if m.agrees else [],
    }


def pairs(results):
    """How each peer compares with Inlay, per model and number of threads; above 1, Inlay is ahead."""
    base = {(r["model"], r["threads"]): r for r in results if r["engine"] == "inlay" and r["runs"]}
    prepared = {(r["model"], r["threads"]): r for r in results
                if r["engine"] == "inlay_prepared" and r["runs"]}
    rows = []
    for r in results:
        inlay = base.get((r["model"], r["threads"]))
        if r["engine"] == "inlay" or not r["runs"] or not inlay:
            continue
        ratio = stats.ratio_of_rounds([[t] for t in r["rounds_median_ms"]],
                                      [[t] for t in inlay["rounds_median_ms"]])
        rows.append({
            "model": r["model"], "threads": r["threads"], "precision": r["precision"],
            "engine": r["engine"], "ratio": ratio.value, "low": ratio.low, "high": ratio.high,
            "cold_ratio": r["cold_ms"] / inlay["cold_ms"],
            "prepared_cold_ratio": _ratio(r, prepared.get((r["model"], r["threads"])), "cold_ms"),
            "memory_ratio": _ratio(r, inlay, "peak_mb")})
    return rows


def _ratio(one, other, key):
    return one[key] / other[key] if other and one[key] and other[key] else None


def summarize(rows):
    """Per peer, number of threads and precision."""
    groups = {}
    for row in rows:
        groups.setdefault((row["engine"], row["threads"], row["precision"]), []).append(row)
    summary = []
    for (engine, threads, precision), members in sorted(groups.items()):
        worst = min(members, key=lambda row: row["ratio"])
        mean = {key: stats.geometric_mean([row[key] for row in members if row[key]])
                for key in ("cold_ratio", "prepared_cold_ratio", "memory_ratio")}
        summary.append({
            "engine": engine, "threads": threads, "precision": precision, "models": len(members),
            "ratio": stats.geometric_mean([row["ratio"] for row in members]),
            "ahead": sum(row["ratio"] > 1 for row in members),
            "worst_model": worst["model"], "worst_ratio": worst["ratio"],
            **mean})
    return summary


def library_sizes(engines, inlay):
    """Megabytes on disk of what an application loads; of Inlay, the stripped worker program."""
    sizes = {}
    for engine in engines:
        try:
            if engine in PYTHON_ENGINES:
                files = import_module("engines." + engine).libraries()
                sizes[engine] = sum(path.stat().st_size for path in files) / MB
            else:
                sizes[engine] = _stripped_size(inlay) / MB
        except (RuntimeError, OSError) as error:
            sizes[engine] = None
            print(f"no library size of {engine}: {error}")
    return sizes


def _stripped_size(program):
    if not shutil.which("strip"):
        return program.stat().st_size
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / program.name
        subprocess.run(["strip", "-o", str(stripped), str(program)], check=True)
        return stripped.stat().st_size


def _number(value):
    return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def table(results, rows, sizes, machine):
    """table.md"""
    ratios = {(r["model"], r["threads"], r["engine"]): r for r in rows}
    lines = [machine, "", "Ratio: the engine's time by Inlay's, median over the rounds, with the "
             "10 % to 90 % range; above 1, Inlay is faster.", ""]
    body = []
    for r in results:
        pair = ratios.get((r["model"], r["threads"], r["engine"]))
        ratio = f"{pair['ratio']:.2f} ({pair['low']:.2f}..{pair['high']:.2f})" if pair else ""
        body.append([r["model"], r["precision"] or "-", r["threads"], r["engine"],
                     *(_number(r[k]) for k in ("median_ms", "p99_ms", "min_ms")), ratio,
                     _number(r["cold_ms"]), _number(r["peak_mb"])])
    lines += _table(["model", "precision", "threads", "engine", "median ms", "p99 ms", "min ms",
                     "ratio", "cold start ms", "peak MB"], body)
    failures = [r for r in results if r["error"]]
    if failures:
        lines += ["", "Not timed:", ""]
        lines += [f"- {r['model']}, {r['threads']} threads, {r['engine']}: "
                  + " ".join(r["error"].split()) for r in failures]
    settings = {(r["engine"], r["threads"]): f"{r['engine']} {r['version']}: {r['settings']}"
                for r in results if r["settings"]}
    lines += ["", "Settings:", ""] + ["- " + text for text in settings.values()]
    lines += ["", "Library size, MB: "
              + ", ".join(f"{engine} {_number(size)}" for engine, size in sizes.items())]
    return "\n".join(lines) + "\n"


def summary_text(summary, sizes, results):
    lines = _table(["peer", "threads", "precision", "models", "time / Inlay's", "Inlay ahead in",
                    "worst", "cold / Inlay's", "cold / prepared", "memory / Inlay's"],
                   [[s["engine"], s["threads"], s["precision"], s["models"], _number(s["ratio"]),
                     s["ahead"], f"{s['worst_model']} {s['worst_ratio']:.2f}",
                     *(_number(s[key]) for key in
                       ("cold_ratio", "prepared_cold_ratio", "memory_ratio"))] for s in summary])
    lines.append("library size, MB: "
                 + ", ".join(f"{engine} {_number(size)}" for engine, size in sizes.items()))
    failed = [r for r in results if not r["agrees"]]
    if failed:
        lines.append(f"{len(failed)} of {len(results)} are not timed (see table.md)")
    return "\n".join(lines)


def write(out, results, sizes, machine):
    """All files but the chart; returns the pairs and the summary."""
    rows = pairs(results)
    summary = summarize(rows)
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "summary.json").write_text(json.dumps(
        {"machine": machine, "summary": summary, "library_mb": sizes, "pairs": rows}, indent=1) + "\n")
    (out / "table.md").write_text(table(results, rows, sizes, machine))
    return rows, summary
