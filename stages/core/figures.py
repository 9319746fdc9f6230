"""Figures for the report."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from stages.core.table import Row, by_backbone

matplotlib.use("Agg")
BLUE, GREY = "#2563a8", "#8a8f98"


def accuracy_by_layer(path: Path, rows: Sequence[Row]) -> None:
    """Draw one panel per backbone that has results: accuracy against the layers in probe order."""
    run = [row for row in rows if row.status == "run"]
    panels = by_backbone(run)
    figure = Figure(figsize=(max(4.0, 1.3 + 0.85 * len(run)), 3.8), layout="constrained")
    if not panels:
        figure.text(0.5, 0.5, "No probe was run yet", ha="center", va="center", color=GREY)
    else:
        _panels(figure, panels)
    figure.savefig(path, dpi=160, metadata={"Software": None})


def _panels(figure: Figure, panels: Sequence[tuple[str, list[Row]]]) -> None:
    best = max(row.accuracy or 0.0 for _, rows in panels for row in rows)
    axes = figure.subplots(
        1,
        len(panels),
        sharey=True,
        squeeze=False,
        width_ratios=[len(rows) for _, rows in panels],
    )[0]
    for axis, (backbone, rows) in zip(axes, panels, strict=True):
        heights = [row.accuracy or 0.0 for row in rows]
        axis.plot(range(len(rows)), heights, color=BLUE, marker="o", markersize=5, linewidth=1.5)
        for x, (row, height) in enumerate(zip(rows, heights, strict=True)):
            axis.annotate(
                f"{height:.3f}",
                (x, height),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                fontweight="bold" if row.accuracy == best else "normal",
            )
        axis.set_title(backbone, fontsize=10, loc="left")
        labels = [f"{row.layer}\n{row.feature_dim:,}" for row in rows]
        axis.set_xticks(range(len(rows)), labels, fontsize=7.5)
        axis.set_xlim(-0.6, len(rows) - 0.4)
        axis.set_ylim(0, 1.05)
        axis.grid(axis="y", color="#e3e5e8", linewidth=0.8)
        axis.set_axisbelow(True)
        axis.tick_params(length=0)
        axis.spines[["top", "right", "left"]].set_visible(False)
    axes[0].set_ylabel("test accuracy")
    figure.supxlabel("layer, and its number of features", fontsize=8.5, color=GREY)
