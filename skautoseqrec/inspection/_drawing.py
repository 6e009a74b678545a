"""What all displays draw with: colours, axes, legends. matplotlib is imported when something is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colours that differ for the colour-blind (four of Okabe and Ito's, one brown), on white and on black alike.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#9A6324")
#: Lines beyond the palette take its colours again, with other dashes.
DASHES = ("-", "--", "-.", ":")
#: What is no model: bounds, remainders, marks.
NEUTRAL = "#707070"
#: One hue from light to dark, for groups that have an order.
RAMP = ("#9CCBE8", "#4FA0D0", "#0072B2", "#00466E")
#: Entries of a legend up to this long stand in two columns. A row is so many times as high as its letters.
LONGEST_OF_TWO, LEGEND_ROW = 34, 1.55
#: Width and height of a new figure, in inches: 640 pixels wide, as the documentation shows it.
SIZE = (6.4, 4.0)


def check_matplotlib(caller: str) -> None:
    """Raise ImportError that says how to install matplotlib, before anything that takes long.

    Parameters
    ----------
    caller : str
        What needs it.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install matplotlib.") from error


def axes_to_draw(ax: Axes | None, caller: str, size: tuple[float, float] = SIZE) -> Axes:
    """Return the axes that were given, or those of a new figure.

    Raises
    ------
    TypeError
        If what was given is not one matplotlib Axes.
    """
    check_matplotlib(caller)
    from matplotlib.axes import Axes

    if ax is None:
        from matplotlib import pyplot

        return pyplot.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be one matplotlib Axes or None, not {type(ax).__name__}.")
    return ax


def tidy(ax: Axes, grid: str = "y") -> None:
    """Leave out the lines of the frame that say nothing, and draw a faint grid behind what is drawn."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=grid, alpha=0.25, linewidth=0.8)  # type: ignore[arg-type]
    ax.set_axisbelow(True)


def line_style(place: int) -> dict[str, Any]:
    """Return colour and dashes of the line at a place."""
    return {"color": PALETTE[place % len(PALETTE)], "linestyle": DASHES[place // len(PALETTE) % len(DASHES)]}


def styled(defaults: Mapping[str, Any], given: Mapping[str, Any] | None, artist: Any, name: str) -> dict[str, Any]:
    """Return the keywords of an artist: what was given goes before the defaults, whatever alias it is spelled by.

    Raises
    ------
    TypeError
        If what was given is no dict.
    """
    from matplotlib.cbook import normalize_kwargs

    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a dict of matplotlib keywords or None, not {given!r}.")
    return {**defaults, **normalize_kwargs(dict(given or {}), artist)}


def text_colour() -> str:
    """Return the colour of text in the style that is in force, which suits its background."""
    from matplotlib import rcParams

    return str(rcParams["text.color"])


def add_legend(ax: Axes, handles: Sequence[Any], labels: Sequence[str], title: str | None = None) -> None:
    """Draw a legend above all that is drawn, in room that is made for it within the axes.

    Parameters
    ----------
    ax : matplotlib Axes
        Everything else is drawn on it already.
    handles, labels : sequence of artist, sequence of str
        The entries.
    title : str or None, default=None
        What stands above them.
    """
    from matplotlib.font_manager import FontProperties

    n_columns = 2 if max(map(len, labels)) <= LONGEST_OF_TWO else 1
    n_rows = -(-len(labels) // n_columns) + (title is not None)
    row = LEGEND_ROW * FontProperties(size="small").get_size_in_points() * ax.figure.dpi / 72
    share = min((n_rows + 0.5) * row / ax.get_window_extent().height, 0.7)
    low, high = ax.get_ylim()
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])  # none where only the legend stands
    ax.set_ylim(low, high + (high - low) * share / (1 - share))
    ax.legend(
        handles=list(handles),
        labels=list(labels),
        title=title,
        loc="upper left",
        ncols=n_columns,
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        alignment="left",
    )
