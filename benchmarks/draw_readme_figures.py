"""Draw the two figures of the README from its own tables: accuracy and cost beside peers.

Nothing is measured here: every number is read from README.md, whose text says when and by which command it was
measured.

    python benchmarks/draw_readme_figures.py
"""

import argparse
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
#: Stands between a bar and its number; SVG drops a plain space there.
THIN_SPACE = "\u2009"
OURS, THEIRS, SECOND = "#0072b2", "#9a9a9a", "#d55e00"
#: How the rows of the accuracy table begin, and what the figure calls them.
MODELS = {
    "`AutoSeqRecRecommender()`": "this package",
    '`AutoSeqRecRecommender(objective="closed_form")`': "this package, closed form",
    "`AutoSeqRecRecommender(**PAPER_PARAMS)`": "AutoSeqRec as published",
    "SASRec": "SASRec",
    "GRU4Rec": "GRU4Rec",
    "EASE": "EASE, refitted",
    "the same, static": "EASE, static",
    "nearest neighbours": "neighbours, refitted",
    "FreeGEM": "FreeGEM",
    "transitions": "transitions",
    "decayed popularity": "decayed popularity",
}
#: What rows of the table of costs hold, and what the figure calls them.
COSTS = {
    r"walking forward, times as fast as encoding .* the authors' code does": "evaluating, beside the authors' way",
    "the same for the published model, with equal ranks": "the same, published model",
    r"walking forward, times as fast as SASRec .*": "evaluating, beside SASRec",
    r"the same, times as fast as `recommend` of implicit .*": "1,024 lists, beside implicit",
}


def read_table(text: str, header: str) -> tuple[list[str], dict[str, list[str]]]:
    """Return the names of the columns of a markdown table, and its rows by their first cell.

    Raises
    ------
    ValueError
        If the text has no such table.
    """
    lines = text.splitlines()
    start = next((place for place, line in enumerate(lines) if line.startswith(header)), None)
    if start is None:
        raise ValueError(f"The README has no table that begins with {header!r}.")
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows[0][1:], {row[0]: row[1:] for row in rows[2:]}


def read_accuracy(text: str) -> tuple[list[str], dict[str, list[tuple[float, float] | None]]]:
    """Return the logs of the accuracy table, and of each model MRR and recall on each of them, None if not measured."""
    logs, rows = read_table(text, "| model |")
    figures: dict[str, list[tuple[float, float] | None]] = {}
    for name, cells in rows.items():
        label = next((label for start, label in MODELS.items() if name.startswith(start)), None)
        if label is None:
            raise ValueError(f"MODELS has no name for the row {name!r}.")
        figures[label] = [None if not cell else _pair(cell) for cell in cells]
    return logs, figures


def _pair(cell: str) -> tuple[float, float]:
    mrr, recall = re.sub(r"[*\s]", "", cell).split("/")
    return float(mrr), float(recall)


def read_costs(text: str) -> tuple[list[str], dict[str, list[float]]]:
    """Return the logs of the table of costs, and how many times as fast as each peer the package was on them."""
    logs, rows = read_table(text, "| | MovieLens")
    costs = {}
    for pattern, label in COSTS.items():
        found = [cells for name, cells in rows.items() if re.fullmatch(pattern, name)]
        if len(found) != 1:
            raise ValueError(f"The table of costs has {len(found)} rows like {pattern!r}, not one.")
        costs[label] = [float(cell.replace(",", "")) for cell in found[0]]
    return logs, costs


def draw_accuracy(text: str) -> plt.Figure:
    """Draw the MRR of all models, a panel for each log."""
    logs, figures = read_accuracy(text)
    labels = [*figures]
    figure, panels = plt.subplots(1, len(logs), figsize=(9.5, 3.6), sharey=True, layout="constrained")
    for place, (ax, log) in enumerate(zip(panels, logs, strict=True)):
        measured = {label: found[place] for label, found in figures.items()}
        heights = [0.0 if pair is None else pair[0] for pair in measured.values()]
        ax.barh(labels, heights, color=[OURS if label.startswith("this package") else THEIRS for label in labels])
        for row, (label, pair) in enumerate(measured.items()):
            shown = "not measured" if pair is None else f"{pair[0]:.3f}"[1:]
            weight = "bold" if label.startswith("this package") else "normal"
            ax.text(heights[row], row, THIN_SPACE + shown, va="center", fontsize=8, weight=weight)
        ax.set_title(log.split(",")[0], fontsize=10)
        ax.set(xlim=(0, 1.3 * max(heights)), xticks=[])
        ax.tick_params(left=False)
        ax.spines[:].set_visible(False)
    panels[0].invert_yaxis()
    figure.supxlabel("mean reciprocal rank, prequential, full ranking (more is better)", fontsize=9)
    return figure


def draw_costs(text: str) -> plt.Figure:
    """Draw how many times as fast as its peers the package is, on a logarithmic axis."""
    logs, costs = read_costs(text)
    figure, ax = plt.subplots(figsize=(9.5, 2.6), layout="constrained")
    for place, (log, colour) in enumerate(zip(logs, (OURS, SECOND), strict=True)):
        rows = [row + 0.36 * (place - 0.5) for row in range(len(costs))]
        widths = [found[place] for found in costs.values()]
        ax.barh(rows, [width - 1 for width in widths], 0.34, left=1, color=colour, label=log)
        for row, width in zip(rows, widths, strict=True):
            shown = f"{width:,.1f}" if width < 10 else f"{width:,.0f}"
            ax.text(max(width, 1), row, THIN_SPACE + shown, va="center", fontsize=8)
    lowest, highest = min(map(min, costs.values())), max(map(max, costs.values()))
    ax.set(xscale="log", xlim=(min(1, 0.7 * lowest), 1.7 * highest), yticks=range(len(costs)), yticklabels=[*costs])
    ax.axvline(1, color="black", linewidth=0.8)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("times as fast (1: equally fast, below it slower; logarithmic)", fontsize=9)
    ax.invert_yaxis()
    ax.tick_params(axis="y", left=False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="lower right", fontsize=9)
    return figure


def main() -> None:
    """Draw both figures into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images", help="where the figures go")
    options = parser.parse_args()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    # Text stays text, and the same tables give the same bytes.
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "skautoseqrec", "font.size": 9})
    for name, draw in {"accuracy": draw_accuracy, "cost": draw_costs}.items():
        path = options.folder / f"{name}.svg"
        # White behind the text is legible on light and dark pages alike.
        draw(text).savefig(path, facecolor="white", metadata={"Date": None})
        print(path)


if __name__ == "__main__":
    main()
