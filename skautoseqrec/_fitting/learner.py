"""Learning from a log: training with early stopping, the fit of the blend, the refit."""

from __future__ import annotations

import copy
import math
from collections.abc import Generator, Mapping
from threading import RLock
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from .._counts.counted_log import CountedLog
from .._counts.counts import Counts
from .._counts.moments import visible_events
from .._data.vocabulary import Vocabulary
from .._fit_settings import FitSettings
from .._network.heads import HEADS
from .._network.model import Model
from .._network.module import AutoSeqRecModule, make_history_encoder
from .._training.loop import Epoch, train
from .._training.objectives import OBJECTIVES
from .._training.steps import TrainingSettings
from .._utils.devices import training_device, training_precision
from .._utils.warn import warn_caller
from .._utils.words import counted
from .blending import FEWEST_EVENTS, Blending
from .judging import Judge
from .linear_fit import Solver
from .reporting import Expected, Monitor
from .result import Blends, EpochRecord, TrainingResult
from .validation import Validation
from .warm_start import WarmStart

#: Newest events that the blend is fitted on, and that early stopping looks at.
BLENDED_EVENTS, MONITORED_EVENTS = 5000, 2000
#: A refit goes on for this share of the epochs before it, and for so many steps at least: new items have weights to
#: learn, and the moving average to forget where it began.
REFIT_SHARE, FEWEST_REFIT_STEPS = 1 / 3, 1000
#: What is kept of a fit that is interrupted in the first epoch of its refit.
BEFORE_REFIT = "the training before the validation, for the refit had no whole epoch yet"
#: Trainings draw from torch's one generator: in threads of one process they take turns, or no seed would mean anything.
TURN = RLock()


class Learner:
    """Learns weights and a blend from a log, in three steps.

    1. Training with early stopping. The newest part of the log is held out, and the weights are trained on the events
       before it. After each epoch the blend is fitted to the held-out part; of a given blend, its scale is. Training
       stops when the likelihood of that part has not grown for some epochs.
    2. The blend is fitted to more events of the held-out part, under the best weights.
    3. The refit. The best weights are trained on, on the whole log, for a third of the epochs that they took.

    A given blend leaves out the second step, and ``refit=False`` the third. Without anything to validate, or with too
    few events to do it, training on the whole log is all: it takes ``max_iter`` epochs.

    Parameters
    ----------
    settings : FitSettings
        The estimator's parameters, resolved for the log.
    warm_start : WarmStart or None, default=None
        Weights to go on from; None starts anew.
    """

    def __init__(self, settings: FitSettings, warm_start: WarmStart | None = None) -> None:
        self._settings = settings
        self._warm_start = warm_start
        self._heads = HEADS[settings.objective]()
        self._sequence = settings.sequence
        self._device = training_device(settings.device)
        self._precision = training_precision(settings.precision, self._device)
        self._seed = draw_seed(settings.random_state)
        self._solver = Solver(settings.linear_penalty)
        self._blending = Blending(settings, self._heads, self._device)

    def learn(self, log: CountedLog, monitor: Monitor) -> TrainingResult:
        """Return weights and blend for a log, leaving the caller's random state alone."""
        settings = self._settings
        with TURN, torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            if not self._heads.PARTS:
                return self._solve(log)
            needs_validation = settings.fits_blend or settings.early_stopping
            validation = self.hold_out(log, MONITORED_EVENTS) if needs_validation else None
            if validation is not None:
                return self._learn_validated(log, validation, monitor)
            if needs_validation:
                blend = ", and the blend is the objective's fixed one" if settings.fits_blend else ""
                self._warn_unvalidated(f"Training takes all epochs, max_iter={settings.max_iter}{blend}.")
            return self._train_on_all(log, monitor, settings.max_iter, self._blending.fixed())

    def _solve(self, log: CountedLog) -> TrainingResult:
        """Return what needs no epochs: a linear autoencoder, and a blend fitted to the held-out part."""
        settings, blends = self._settings, self._blending.fixed()
        judged = self.hold_out(log, BLENDED_EVENTS) if settings.fits_blend else None
        model = self._model(_settled(self._new_module(log.item_vocabulary.ids(log.counts.n_items))), log.counts)
        if settings.fits_blend and judged is None:
            self._warn_unvalidated("The blend is the objective's fixed one.")
        if judged is not None:
            module = _settled(self._new_module(log.item_vocabulary.ids(judged.head.n_items)))
            held_out = self._model(module, judged.head)
            blends = self._blending.fitted(judged, held_out, self._blending.start())
            model = model if settings.refit else held_out
        return TrainingResult(log, model, blends, (), ())

    def _warn_unvalidated(self, consequence: str) -> None:
        fraction = self._settings.validation_fraction
        warn_caller(
            f"The newest {fraction:.0%} of the log hold fewer than {FEWEST_EVENTS} usable events: nothing is "
            f"validated. {consequence}"
        )

    def _learn_validated(self, log: CountedLog, validation: Validation, monitor: Monitor) -> TrainingResult:
        """Train with early stopping, fit the blend, and refit."""
        record, n_steps, is_interrupted = self._train_held_out(log, validation, monitor)
        module, n_iter = record.kept(self._settings.early_stopping)
        model, blends = self._model(module, validation.head), self._blending.fixed()
        if self._settings.fits_blend:
            judged = self.hold_out(log, BLENDED_EVENTS) or validation
            blends = self._blending.fitted(judged, model, record.weights)
        result = TrainingResult(log, model, blends, record.losses[:n_iter], record.scores)
        if is_interrupted or not self._settings.refit:
            return result
        return self._train_on_all(log, monitor, refit_epochs(n_iter, n_steps), blends, result)

    def _train_held_out(
        self, log: CountedLog, validation: Validation, monitor: Monitor
    ) -> tuple[EpochRecord, int, bool]:
        """Train on the events before the held-out part.

        Returns
        -------
        record : EpochRecord
            The epochs.
        n_steps : int
            Steps of an epoch.
        is_interrupted : bool
            Whether they were interrupted.
        """
        settings, n_steps = self._settings, 1
        epochs = self._epochs(log.item_vocabulary, validation.head, self._warm_start)
        judge = Judge(validation, self._blending, settings.fits_blend, self._device)
        record = EpochRecord(self._blending.start())
        try:
            with monitor.training("epoch", self._expected()):
                for _ in range(settings.max_iter):
                    monitor.epoch_begins()
                    losses, trained, n_steps = next(epochs)
                    module = _settled(trained)
                    verdict = judge.judge(self._model(module, validation.head), record)
                    quality = judge.describe(verdict) if monitor.prints else ""
                    record = record.after(losses, module, verdict)
                    is_told_to_stop = monitor.epoch_ends(self._result_by_now(log, validation, record), quality)
                    has_converged = record.is_out_of_patience(settings.n_iter_no_change, settings.tol)
                    if is_told_to_stop or (settings.early_stopping and has_converged):
                        break
        except KeyboardInterrupt:
            if not record.losses:
                raise
            _warn_interrupted(
                f"{counted(len(record.losses), 'epoch')} of the part before the validation, without a refit"
            )
            return record, n_steps, True
        return record, n_steps, False

    def _expected(self) -> Expected:
        """Return how many epochs a training with a held-out part takes, and the refit after it."""
        settings = self._settings
        fewest = min(settings.max_iter, settings.n_iter_no_change + 1) if settings.early_stopping else settings.max_iter
        return Expected(settings.max_iter, fewest, math.ceil(REFIT_SHARE * settings.max_iter) if settings.refit else 0)

    def _result_by_now(self, log: CountedLog, validation: Validation, record: EpochRecord) -> TrainingResult:
        """Return what the fit would come to if it stopped after the newest epoch."""
        model = self._model(cast(AutoSeqRecModule, record.newest), validation.head)
        blend = self._blending.with_fitted(record.weights)
        return TrainingResult(log, model, self._blending.fixed()._replace(blend=blend), record.losses, record.scores)

    def _train_on_all(
        self,
        log: CountedLog,
        monitor: Monitor,
        n_iter: int,
        blends: Blends,
        before: TrainingResult | None = None,
    ) -> TrainingResult:
        """Train on the whole log; a refit goes on from the weights of ``before``, the result of the training before."""
        start, result = self._warm_start, before
        losses: list[dict[str, float]] = []
        if before is not None:
            start = WarmStart(before.model.module, log.item_vocabulary)
            losses = [*before.loss_curve]
        n_before, scores = len(losses), [] if before is None else before.validation_scores
        epochs = self._epochs(log.item_vocabulary, log.counts, start)
        try:
            with monitor.training("epoch of the whole log", Expected(n_iter, n_iter)):
                for _ in range(n_iter):
                    monitor.epoch_begins()
                    epoch = next(epochs)
                    losses = [*losses, epoch.losses]
                    model = self._model(_settled(epoch.module), log.counts)
                    result = TrainingResult(log, model, blends, losses, scores)
                    if monitor.epoch_ends(result):
                        break
        except KeyboardInterrupt:
            if result is None:
                raise
            n_whole = len(result.loss_curve) - n_before
            _warn_interrupted(
                BEFORE_REFIT if result is before else f"{n_whole} of {counted(n_iter, 'epoch')} of the whole log"
            )
        return cast(TrainingResult, result)

    def hold_out(self, log: CountedLog, n_judged: int) -> Validation | None:
        """Return the newest part of a log as a validation, None if too few of its events are usable."""
        n_events, times = len(log.events), log.events.times
        start = n_events - round(self._settings.validation_fraction * n_events)
        judged, exclude_seen = max(start, n_events - n_judged), self._settings.exclude_seen
        if not 1 <= start < n_events:
            return None
        if self._sequence.by_moment:
            # A moment, whose rows stand side by side in a fitted log, stays on one side.
            begins = np.flatnonzero(~log.events.joins())
            start, judged = begins[np.searchsorted(begins, [start, judged], side="right") - 1].tolist()
            if start < 1:
                return None
        visible = visible_events(None if times is None else times[judged:], n_events - judged, self._sequence.ties)
        events = log.events.log(log.counts.n_users, log.counts.n_items)
        validation = Validation.of_log(events, start, judged, self._sequence.step_weights, exclude_seen, visible)
        teaches = validation.head.mass.any()  # the events before may all weigh nothing
        return validation if teaches and validation.count_usable() >= FEWEST_EVENTS else None

    def _epochs(
        self, item_vocabulary: Vocabulary, counts: Counts, start: WarmStart | None
    ) -> Generator[Epoch, None, None]:
        """Return epochs without end, in which a module learns the counts of the first of the items."""
        settings = self._settings
        module = self._new_module(item_vocabulary.ids(counts.n_items), start)
        sequence_length = None if module.history is None else module.history.LENGTH
        objective = OBJECTIVES[settings.objective]()
        batches = objective.draw_epochs(
            counts, self._sequence, settings.batch_size, sequence_length, settings.exclude_seen
        )
        rates = TrainingSettings(
            cast("Mapping[str, float]", settings.learning_rate),
            settings.dropout,
            settings.weight_decay,
            settings.weight_averaging,
            cast("int | None", settings.n_negatives),
            self._precision,
        )
        return train(module, objective, batches, rates, self._device)

    def _new_module(self, ids: NDArray[Any], start: WarmStart | None = None) -> AutoSeqRecModule:
        """Return a module of the items with these ids from which training starts: items of ``start`` as it has them."""
        # Not torch.manual_seed, which seeds every device: only what fork_rng puts back may be touched.
        torch.default_generator.manual_seed(self._seed)
        if self._device.type == "cuda":
            torch.cuda.manual_seed(self._seed)
        settings = self._settings
        history = make_history_encoder(settings.history_encoder, settings.n_components, settings.history_dropout)
        module = AutoSeqRecModule(len(ids), settings.n_components, settings.activation, history)
        if self._heads.PARTS:
            OBJECTIVES[settings.objective]().initialise(module)
        if start is not None:
            start.carry_into(module, ids)
        return module.to(self._device)

    def _model(self, module: AutoSeqRecModule, counts: Counts) -> Model:
        """Return a trained module beside what is solved in closed form from the counts that it was trained on."""
        return Model(module, self._heads, self._sequence, self._solver.linear(counts))


def refit_epochs(n_iter: int, n_steps: int) -> int:
    """Return how many epochs a refit takes, given how many the weights took and the steps of an epoch."""
    return min(n_iter, max(math.ceil(REFIT_SHARE * n_iter), math.ceil(FEWEST_REFIT_STEPS / n_steps)))


def _warn_interrupted(kept: str) -> None:
    warn_caller(f"Training was interrupted; kept: {kept}. With warm_start=True another fit goes on from there.")


def _settled(module: AutoSeqRecModule) -> AutoSeqRecModule:
    """Return a copy on the CPU, without gradients, that the next epoch does not change."""
    return copy.deepcopy(module).eval().cpu().requires_grad_(False)


def draw_seed(random_state: Any) -> int:
    """Return a seed for torch that leaves the caller's global random state alone, also for None."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
