"""chart.png: how each peer's time compares with Inlay's."""
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

COLORS = {"onnxruntime": "#4c78a8", "openvino": "#f58518", "ncnn": "#54a24b"}


def draw(rows, path):
    if not rows:
        return
    models = list(dict.fromkeys(row["model"] for row in rows))
    threads = sorted({row["threads"] for row in rows})
    engines = [engine for engine in COLORS if any(row["engine"] == engine for row in rows)]
    figure, panels = pyplot.subplots(1, len(threads), sharey=True, squeeze=False,
                                     layout="constrained",
                                     figsize=(3.5 + 4.5 * len(threads), 1.8 + 0.36 * len(models)))
    height = 0.8 / len(engines)
    for panel, count in zip(panels[0], threads):
        for i, engine in enumerate(engines):
            own = [r for r in rows if r["engine"] == engine and r["threads"] == count]
            places = [models.index(r["model"]) + (i - (len(engines) - 1) / 2) * height for r in own]
            values = [r["ratio"] for r in own]
            spread = [[r["ratio"] - r["low"] for r in own], [r["high"] - r["ratio"] for r in own]]
            # From 1, so that on the logarithmic axis twice and half as fast are equally long.
            panel.barh(places, [v - 1 for v in values], height, left=1, xerr=spread, label=engine,
                       color=COLORS[engine], error_kw={"elinewidth": 0.6, "ecolor": "#555555"})
        panel.axvline(1, color="black", linewidth=0.8)
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:.2g}")
        panel.grid(axis="x", linewidth=0.3)
        panel.set_title(f"{count} thread{'s' if count > 1 else ''}")
        panel.set_xlabel("time / Inlay's time (right of 1: Inlay is faster)")
    first = panels[0][0]
    first.set_yticks(range(len(models)), models, fontsize=8)
    first.set_ylim(len(models) - 0.4, -0.6)
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(engines), fontsize=8)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
