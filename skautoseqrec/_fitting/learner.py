"""What fit learns: weights, how long to train them, and how to blend the parts of a score."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import fields
from itertools import islice
from threading import RLock
from typing import Any, NamedTuple, cast

import numpy as np
import torch

from .._counts.counted_log import CountedLog
from .._counts.counts import Counts
from .._counts.settings import SequenceSettings
from .._network.model import Model
from .._network.module import AutoSeqRecModule, make_history_encoder
from .._parameters import draw_seed
from .._scoring.blend import Blend
from .._training.loop import Epoch, train
from .._training.objectives import Objective
from .._training.steps import TrainingSettings
from .._utils.devices import training_device
from .._utils.warn import warn_caller
from .blend_fit import SCALE, Choices, fit_weights
from .reporting import Progress
from .validation import Validation
from .warm_start import WarmStart

#: Newest events that the blend is fitted on, and that early stopping looks at.
BLENDED_EVENTS, MONITORED_EVENTS = 5000, 2000
#: With fewer usable events than this, nothing is fitted on them.
FEWEST_EVENTS = 50
#: Numbers that hold every part of every candidate's score: 256 MiB of float32 for the blend, 32 MiB for monitoring.
BLENDED_FEATURES, MONITORED_FEATURES = 2**26, 2**23
#: What is kept of a fit that is interrupted in the first epoch of its refit.
BEFORE_REFIT = "the training before the validation, for the refit had no whole epoch yet"
#: Trainings draw from torch's one generator: in threads of one process they take turns, or no seed would mean anything.
TURN = RLock()
Epochs = Generator[Epoch, None, None]


class Learnt(NamedTuple):
    """What came out of training."""

    module: AutoSeqRecModule
    blend: Blend
    cold_blend: Blend
    loss_curve: list[dict[str, float]]
    validation_scores: list[float]


def take_all(epochs: Epochs, learnt: Callable[[], Learnt | None]) -> Epochs:
    """Return all epochs: nobody watches."""
    return epochs


class Learner:
    """Trains on a log as the parameters of the estimator say.

    Parameters
    ----------
    objective : Objective
        What to minimise.
    settings : SequenceSettings
        How time enters the matrices.
    parameters : mapping
        The estimator's parameters, with "learning_rate" and "dropout" per part.
    watched : callable, default=take_all
        Takes a generator of epochs, and a function that tells what is learnt by now, if anything; returns one of the
        same epochs, or of the first of them.
    start : WarmStart or None, default=None
        Weights to start from; None starts anew.
    """

    def __init__(
        self,
        objective: Objective,
        settings: SequenceSettings,
        parameters: Mapping[str, Any],
        watched: Callable[[Epochs, Callable[[], Learnt | None]], Epochs] = take_all,
        start: WarmStart | None = None,
    ) -> None:
        self._objective = objective
        self._heads = objective.HEADS()
        self._start = start
        self._watched = watched
        self._settings = settings
        self._parameters = parameters
        self._device = training_device(parameters["device"])
        self._seed = draw_seed(parameters["random_state"])

    def learn(self, log: CountedLog) -> Learnt:
        """Return weights and blend for a log, leaving the caller's random state alone."""
        with TURN, torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            return self._learn(log)

    def _learn(self, log: CountedLog) -> Learnt:
        blend, max_iter = self._parameters["blend"], self._parameters["max_iter"]
        fixed = self.fixed_blend() if blend == "auto" else blend
        if blend != "auto" and not self._parameters["early_stopping"]:
            return self._train_on_all(log, max_iter, fixed, self._fixed_cold_blend())
        validation = self.hold_out(log, MONITORED_EVENTS)
        if validation is None:
            warn_caller(
                f"The newest {self._parameters['validation_fraction']:.0%} of the log hold fewer than {FEWEST_EVENTS} "
                "usable events: nothing is validated, and the blend is the objective's fixed one."
            )
            return self._train_on_all(log, max_iter, fixed, self._fixed_cold_blend())
        course, is_interrupted = self._train_validated(validation)
        module, n_iter = course.kept(self._parameters["early_stopping"])
        cold_blend = self._fixed_cold_blend()
        if blend == "auto":
            judged = self.hold_out(log, BLENDED_EVENTS) or validation
            fixed, cold_blend = self._fit_blends(judged, module, course.weights)
        learnt = Learnt(module, fixed, cold_blend, list(course.losses[:n_iter]), list(course.scores))
        if not self._parameters["refit"] or is_interrupted:
            return learnt
        return self._train_on_all(log, n_iter, fixed, cold_blend, learnt)

    def _train_on_all(
        self, log: CountedLog, n_iter: int, blend: Blend, cold_blend: Blend, head: Learnt | None = None
    ) -> Learnt:
        """Train on the whole log; ``head`` is what was learnt of the part before the validation, if there is one."""
        module = self._new_module(log.counts.n_items)
        scores = [] if head is None else head.validation_scores
        losses: list[dict[str, float]] = []
        learnt = head
        progress = Progress(self._parameters["verbose"], "epoch of the whole log", n_iter)
        watched = self._watched(self._epochs(module, log.counts), lambda: learnt)
        try:
            with closing(progress), closing(watched) as epochs:
                for epoch in islice(epochs, n_iter):
                    losses = [*losses, epoch.losses]
                    # A copy: the next epoch, which may be interrupted, changes the weights.
                    learnt = Learnt(_settled(copy.deepcopy(epoch.module)), blend, cold_blend, losses, scores)
                    progress.say(epoch.losses)
        except KeyboardInterrupt:
            if learnt is None:
                raise
            _warn_interrupted(f"{len(losses)} of {n_iter} epochs of the whole log" if losses else BEFORE_REFIT)
        return cast(Learnt, learnt)

    def _train_validated(self, validation: Validation) -> tuple[Course, bool]:
        """Train on the part before the validation and stop when it does not get better, or when interrupted."""
        module = self._new_module(validation.head.n_items)
        is_fitted = self._parameters["blend"] == "auto"
        course = Course((self.fixed_blend() if is_fitted else self._parameters["blend"]).terms())
        # Here nothing is a surprise: every event tells how far training has come, and the curve is smooth.
        scale = {SCALE: 1.0}
        progress = Progress(self._parameters["verbose"], "epoch", self._parameters["max_iter"])

        def learnt() -> Learnt | None:
            if course.newest is None:
                return None
            blend = self.fixed_blend().with_terms(course.weights)
            return Learnt(course.newest, blend, self._fixed_cold_blend(), list(course.losses), list(course.scores))

        try:
            with closing(progress), closing(self._watched(self._epochs(module, validation.head), learnt)) as epochs:
                for epoch in islice(epochs, self._parameters["max_iter"]):
                    settled = _settled(copy.deepcopy(epoch.module))
                    weights = course.weights
                    choices = validation.choices(self._model(settled), MONITORED_FEATURES, weights, self._device)
                    if is_fitted:
                        left_out = self._heads.LEFT_OUT
                        weights, score = fit_weights(choices, weights, 15, least_foretold=0.0, left_out=left_out)
                    else:
                        scale, score = fit_weights(choices.blended(weights), scale, max_iter=15, least_foretold=0.0)
                    course = course.after(epoch.losses, score, weights, settled)
                    progress.say(epoch.losses, _quality(choices, weights, score) if progress.is_told else "")
                    n_since = course.n_since_gain(self._parameters["tol"])
                    if self._parameters["early_stopping"] and n_since >= self._parameters["n_iter_no_change"]:
                        break
        except KeyboardInterrupt:
            if not course.losses:
                raise
            _warn_interrupted(f"{len(course.losses)} epochs of the part before the validation, without a refit")
            return course, True
        return course, False

    def _fit_blends(
        self, validation: Validation, module: AutoSeqRecModule, start: Mapping[str, float]
    ) -> tuple[Blend, Blend]:
        model, cold_blend = self._model(module), self._fixed_cold_blend()
        choices = validation.choices(model, BLENDED_FEATURES, start, self._device, each_part=True)
        fitted = fit_weights(choices, start, left_out=self._heads.LEFT_OUT)
        blend = self.fixed_blend().with_terms(fitted.weights)
        if not self._settings.trend_half_lives:
            return blend, cold_blend
        start = cold_blend.terms()
        cold = validation.choices(model, BLENDED_FEATURES, start, self._device, cold=True, each_part=True)
        if len(cold.features) >= FEWEST_EVENTS:
            cold_blend = cold_blend.with_terms(fit_weights(cold, start).weights)
        return blend, cold_blend

    def hold_out(self, log: CountedLog, n_judged: int) -> Validation | None:
        """Return the newest part of a log as a validation, None if too few of its events are usable."""
        users, items = log.events.between(0, len(log.events))
        start = len(items) - round(self._parameters["validation_fraction"] * len(items))
        if start < 1:
            return None
        judged, exclude_seen = max(start, len(items) - n_judged), self._parameters["exclude_seen"]
        validation = Validation.of_log(users, items, start, judged, self._settings.step_weights, exclude_seen)
        return validation if validation.count_usable() >= FEWEST_EVENTS else None

    def _new_module(self, n_items: int) -> AutoSeqRecModule:
        # Not torch.manual_seed, which seeds every device: only what fork_rng puts back may be touched.
        torch.default_generator.manual_seed(self._seed)
        if self._device.type == "cuda":
            torch.cuda.manual_seed(self._seed)
        n_components = self._parameters["n_components"]
        encoder, dropout = self._parameters["history_encoder"], self._parameters["history_dropout"]
        history = make_history_encoder(encoder, n_components, dropout)
        module = AutoSeqRecModule(n_items, n_components, self._parameters["activation"], history)
        self._objective.initialise(module)
        if self._start is not None:
            self._start.carry_into(module)
        return module.to(self._device)

    def _epochs(self, module: AutoSeqRecModule, counts: Counts) -> Epochs:
        sequence_length = None if module.history is None else module.history.LENGTH
        batches = self._objective.draw_epochs(counts, self._settings, self._parameters["batch_size"], sequence_length)
        settings = TrainingSettings(**{field.name: self._parameters[field.name] for field in fields(TrainingSettings)})
        return train(module, self._objective, batches, settings, self._device)

    def _model(self, module: AutoSeqRecModule) -> Model:
        return Model(module, self._heads, self._settings)

    def fixed_blend(self) -> Blend:
        """Return the objective's own blend."""
        n_trends = len(self._settings.trend_half_lives)
        return Blend.default(self._heads, n_trends, self._parameters["exclude_seen"])

    def _fixed_cold_blend(self) -> Blend:
        return Blend.cold(len(self._settings.trend_half_lives))


def _quality(choices: Choices, weights: Mapping[str, float], score: float) -> str:
    return f", MRR of usable validation events {choices.mean_reciprocal_rank(weights):.4f}, log-likelihood {score:.4f}"


def _warn_interrupted(kept: str) -> None:
    warn_caller(f"Training was interrupted; kept: {kept}. With warm_start=True another fit goes on from there.")


def _settled(module: AutoSeqRecModule) -> AutoSeqRecModule:
    """Return a module on the CPU, without gradients."""
    return module.eval().cpu().requires_grad_(False)


class Course(NamedTuple):
    """The whole epochs of a validated training: losses, scores, the blend by now, the newest weights and the best.

    It never changes, so that whoever is interrupted holds a whole number of epochs.
    """

    weights: Mapping[str, float]
    losses: tuple[dict[str, float], ...] = ()
    scores: tuple[float, ...] = ()
    newest: AutoSeqRecModule | None = None
    best: AutoSeqRecModule | None = None

    def after(
        self, losses: dict[str, float], score: float, weights: Mapping[str, float], module: AutoSeqRecModule
    ) -> Course:
        """Return the course one epoch later."""
        is_best = score > max(self.scores, default=-np.inf)
        best = module if is_best else self.best
        return Course(weights, (*self.losses, losses), (*self.scores, score), module, best)

    def n_since_gain(self, tol: float) -> int:
        """Return how many epochs ago one last beat the best before it by more than ``tol``."""
        best, n_since = -np.inf, 0
        for score in self.scores:
            n_since = 0 if score > best + tol else n_since + 1
            best = max(best, score)
        return n_since

    def kept(self, early_stopping: bool) -> tuple[AutoSeqRecModule, int]:
        """Return the weights to keep, the best or the newest, and how many epochs they were trained."""
        module, n_iter = (
            (self.best, 1 + int(np.argmax(self.scores))) if early_stopping else (self.newest, len(self.losses))
        )
        assert module is not None
        return module, n_iter
