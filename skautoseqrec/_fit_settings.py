"""What a fit takes: the estimator's parameters, "auto" resolved for a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ._counts.counts import Counts
from ._counts.settings import SequenceSettings
from ._data.weights import check_event_weights
from ._network.heads import HEADS, Heads
from ._network.module import DECODERS, SHARED
from ._scoring.blend import Blend
from ._utils.warn import warn_caller

#: Decoders learn faster than the encoder that they share. Those of transitions bend it, and faster ones overfit.
LEARNING_RATES = {"encoder": 1e-3, "collaborative": 4e-3, "source": 2e-3, "target": 2e-3}
#: The rate of every part where histories have an encoder of their own: the others cost 2 % of the MRR there.
RATE_OF_HISTORY_ENCODER = 1e-3
#: With fewer events per item than this, a history encoder of its own overfits.
EVENTS_PER_ITEM = 100
#: From so many events of a user at one time on, they are taken as a basket, and between these a warning says so.
BASKET, BORDER = 3.0, (2.5, 4.0)
#: So few different times in a whole log are no times, or say little of the order of what happened.
FEW_TIMES = 10
#: With more items than the first, a softmax over the second of them, sampled, ranks as well as all, in less time.
MANY_ITEMS, FEW_NEGATIVES = 8192, 1024


@dataclass(frozen=True)
class FitSettings:
    """The estimator's parameters of the same names, as fit uses them.

    ``learning_rate`` and ``dropout`` have one value per part of the network. A ``blend`` that is not "auto" has a
    weight for every part of the score. ``ties`` may be "auto" until it is resolved for a log, ``learning_rate``,
    ``history_encoder`` and ``n_negatives`` until :meth:`for_log`.
    """

    n_components: int
    objective: str
    max_iter: int
    batch_size: int
    learning_rate: str | Mapping[str, float]
    dropout: Mapping[str, float]
    weight_decay: float
    weight_averaging: float
    n_negatives: str | int | None
    activation: str
    transition_window: int
    transition_decay: float
    history_encoder: str
    history_dropout: float
    history_decay: float
    context_size: int
    context_decay: float
    trend_half_lives: tuple[float, ...]
    neighbour_window: int
    neighbour_decay: float
    ties: str
    linear_penalty: float | None
    blend: Any
    gate: bool
    validation_fraction: float
    early_stopping: bool
    n_iter_no_change: int
    tol: float
    refit: bool
    exclude_seen: bool
    device: str
    precision: str
    random_state: Any
    verbose: int | str

    @property
    def fits_blend(self) -> bool:
        """Whether the blend is fitted, and not given."""
        return bool(self.blend == "auto")

    @property
    def sequence(self) -> SequenceSettings:
        """Those parameters that say how time enters the matrices."""
        return SequenceSettings(**{field.name: getattr(self, field.name) for field in fields(SequenceSettings)})

    def for_log(self, counts: Counts, trained_encoder: str | None = None) -> FitSettings:
        """Return the settings for one log: "auto" is resolved.

        Parameters
        ----------
        counts : Counts
            The log.
        trained_encoder : str or None, default=None
            The history encoder of the weights that a warm start goes on from; "auto" keeps it.

        Raises
        ------
        ValueError
            If the published model is asked for what it has not, or a history encoder reads items in an order that they
            have not.
        """
        heads = HEADS[self.objective]
        encoder = self.history_encoder
        if trained_encoder in heads.HISTORIES and encoder == "auto":
            encoder = trained_encoder
        encoder = resolve_history_encoder(encoder, heads, counts, self.sequence.by_moment)
        rates = self.learning_rate
        if rates == "auto":
            rates = LEARNING_RATES if encoder == SHARED else dict.fromkeys(LEARNING_RATES, RATE_OF_HISTORY_ENCODER)
        return replace(
            self,
            learning_rate=rates,
            n_negatives=resolve_n_negatives(self.n_negatives, heads, counts.n_items),
            history_encoder=encoder,
            n_components=self.n_components if heads.PARTS else 0,
        )


def resolve_parameters(parameters: Mapping[str, Any]) -> FitSettings:
    """Return an estimator's parameters as fit uses them.

    Raises
    ------
    ValueError
        If a half-life, a value per part, a weight of the blend or of a kind of events is out of range.
    """
    check_event_weights(parameters["event_weights"])
    rates = parameters["learning_rate"]
    resolved = {
        **parameters,
        "trend_half_lives": check_half_lives(parameters["trend_half_lives"]),
        "learning_rate": rates if rates == "auto" else per_part(rates, "learning_rate", upper=np.inf),
        "dropout": per_part(parameters["dropout"], "dropout", upper=1),
    }
    settings = FitSettings(**{field.name: resolved[field.name] for field in fields(FitSettings)})
    if settings.fits_blend:
        return settings
    return replace(settings, blend=Blend.read(settings.blend, settings.sequence, HEADS[settings.objective]))


def check_half_lives(half_lives: Sequence[float]) -> tuple[float, ...]:
    """Return half-lives as floats, or raise ValueError if one is not a positive number."""
    for half_life in half_lives:
        if not isinstance(half_life, Real) or not 0 < float(half_life) < np.inf:
            raise ValueError(f"trend_half_lives must be positive numbers of events, not {half_life!r}.")
    return tuple(map(float, half_lives))


def per_part(value: float | Mapping[str, float], name: str, upper: float) -> dict[str, float]:
    """Return one value for the encoder and each decoder from a float or a dict.

    Parameters
    ----------
    value : float or mapping
        As the user gave it.
    name : str
        The parameter's name, for messages.
    upper : float
        Values lie in [0, upper).

    Raises
    ------
    ValueError
        If a mapping lacks a part, has an unknown one, or a value is out of range.
    """
    parts = ("encoder", *DECODERS)
    values = dict(value) if isinstance(value, Mapping) else dict.fromkeys(parts, value)
    if set(values) != set(parts):
        raise ValueError(f"{name} must have exactly the keys {sorted(parts)}; it has {sorted(values)}.")
    for part, number in values.items():
        if not isinstance(number, Real) or not 0 <= number < upper:
            raise ValueError(f"{name}[{part!r}] must be a number in [0, {upper}), not {number!r}.")
    return {part: float(number) for part, number in values.items()}


def resolve_history_encoder(encoder: str, heads: type[Heads], counts: Counts, by_moment: bool) -> str:
    """Return the history encoder to train; "auto" takes the residual one where a log has enough to teach it.

    Raises
    ------
    ValueError
        If the objective cannot train it, or it reads one item after the other where those of a moment have no order.
    """
    if encoder == "auto":
        is_dense = len(counts.history) >= EVENTS_PER_ITEM * counts.n_items
        return heads.DENSE_HISTORY if is_dense and not by_moment else SHARED
    if by_moment and encoder != SHARED:
        raise ValueError(
            f"history_encoder={encoder!r} reads one item after the other, and with ties='together' those of one time "
            f"have no order. Set history_encoder={SHARED!r} or ties='row'."
        )
    if encoder not in heads.HISTORIES:
        raise ValueError(
            f"objective={heads.NAME!r} trains on rows of the user-item matrix: history_encoder must be {SHARED!r}."
        )
    return encoder


def resolve_ties(n_per_moment: float, times: NDArray[Any] | None) -> str:
    """Return what ties="auto" is: events of one time are taken together where many share a user and a time."""
    resolved = "together" if n_per_moment >= BASKET else "row"
    if resolved == "together" and times is not None and len(different := np.unique(times)) <= FEW_TIMES:
        warn_caller(
            f"The log has only {len(different)} different times, {different[0]} to {different[-1]}, and what a user "
            "does at one of them is taken to have no order. If the column is no time (a rating, say), leave it out; if "
            "the rows stand in the order in which things happened, set ties='row'."
        )
    if BORDER[0] <= n_per_moment < BORDER[1]:
        warn_caller(
            f"On average {n_per_moment:.1f} events share a user and a time; from {BASKET:g} on, ties='auto' takes them "
            f"as baskets. Here it took ties={resolved!r}: set 'together' if the order of rows of one time means "
            "nothing, 'row' if it is that of what happened."
        )
    return resolved


def resolve_n_negatives(n_negatives: str | int | None, heads: type[Heads], n_items: int) -> int | None:
    """Return how many items are sampled for a batch's softmax, None for all items.

    Raises
    ------
    ValueError
        If the objective is asked to sample though its loss reconstructs whole rows.
    """
    if n_negatives == "auto":
        return FEW_NEGATIVES if n_items > MANY_ITEMS and heads.SAMPLES_ITEMS else None
    if n_negatives is not None and not heads.SAMPLES_ITEMS:
        raise ValueError(f"objective={heads.NAME!r} reconstructs whole rows: n_negatives must be None.")
    return cast("int | None", n_negatives)
