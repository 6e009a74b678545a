"""Reading what events count: from columns, kinds and arguments, or an error that says what is wrong and where."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from worlds import SMALL

from skautoseqrec import AutoSeqRecRecommender, Interactions
from skautoseqrec._data.naming import choose_columns
from skautoseqrec._data.reading import read_columns
from skautoseqrec.baselines import EASERecommender, ItemKNNRecommender
from skautoseqrec.datasets import load_interactions
from skautoseqrec.model_selection import TemporalSplit, temporal_train_test_split
from skautoseqrec.preprocessing import (
    InteractionEncoder,
    ItemTransitionTransformer,
    SequenceMatrixTransformer,
    UserItemTransformer,
)

FRAME = pd.DataFrame(
    {
        "user_id": ["ann", "ann", "bob", "bob"],
        "item_id": ["tea", "jam", "tea", "jam"],
        "timestamp": [1, 2, 3, 4],
        "action": ["view", "buy", "view", "buy"],
    }
)
WEIGHTED = FRAME.assign(weight=[0.5, 1, 0, 2])
KINDS = {"view": 0.5, "buy": 1}
CLOSED = {**SMALL, "objective": "closed_form", "blend": {"direct": 1.0}}


def weights_of(recommender):
    events = recommender._serving.state.events
    units = events.weights(0, len(events))
    return None if units is None else (units / 1024).tolist()


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas, lambda frame: frame], ids=["pl", "pa", "pd"])
@pytest.mark.parametrize("name", ["weight", "importance"])
def test_a_column_of_weights_is_read_by_its_name(make, name):
    log = make(WEIGHTED.rename(columns={"weight": name}))
    columns = None if name == "weight" else {"weight": name}
    recommender = AutoSeqRecRecommender(**CLOSED, columns=columns).fit(log)
    assert weights_of(recommender) == [0.5, 1, 0, 2]


def test_weights_are_read_from_rows_that_carry_names_and_records():
    rows, expected = WEIGHTED.drop(columns="action"), [0.5, 1, 0, 2]
    for log in (rows.to_dict("records"), [*rows.itertuples()], rows.to_records(index=False)):
        assert (read_columns(log).weights / 1024).tolist() == expected


def test_other_names_are_no_weights():
    assert read_columns(WEIGHTED.rename(columns={"weight": "Weight"})).weights is None
    assert choose_columns(["who", "what", "when", "weight"]) == ("who", "what", "when", "weight", None)
    assert choose_columns(["user", "item", "ts", "event"]).event is None
    assert choose_columns(["user", "item", "ts", "eventType"], asks_for_events=True).event == "eventType"
    with pytest.raises(ValueError, match="'action' and 'behavior' may each hold the event"):
        choose_columns(["user", "item", "action", "behavior"], asks_for_events=True)


def test_sample_weight_says_the_same():
    for weights in ([0.5, 1, 0, 2], np.array([0.5, 1, 0, 2]), pd.Series([0.5, 1, 0, 2])):
        assert weights_of(AutoSeqRecRecommender(**CLOSED).fit(FRAME, sample_weight=weights)) == [0.5, 1, 0, 2]
    mask = FRAME["action"] == "buy"
    assert weights_of(AutoSeqRecRecommender(**CLOSED).fit(FRAME, sample_weight=mask)) == [0, 1, 0, 1]
    recommender = AutoSeqRecRecommender(**CLOSED).fit(FRAME, sample_weight=[1, 1, 1, 2])
    recommender.partial_update([("cid", "tea", 5)], sample_weight=[0.25]).partial_update([("cid", "jam", 6)])
    assert weights_of(recommender) == [1, 1, 1, 2, 0.25, 1]


def test_kinds_have_weights():
    recommender = AutoSeqRecRecommender(**CLOSED, event_weights=KINDS).fit(FRAME)
    assert weights_of(recommender) == [0.5, 1, 0.5, 1]
    recommender.partial_update(FRAME.assign(timestamp=9).rename(columns={"action": "event"}).head(1))
    assert weights_of(recommender)[-1] == 0.5
    numbered = FRAME.assign(action=[1, 4, 1, 4])
    assert weights_of(AutoSeqRecRecommender(**CLOSED, event_weights={1: 0.5, 4: 1}).fit(numbered)) == [0.5, 1, 0.5, 1]
    assert recommender.predict(FRAME[["user_id", "item_id"]]).shape == (4,)  # which asks for no kind


BAD_WEIGHTS = [
    (-1.0, ValueError, "'weight' holds the weight -1 in row 2: a weight is a number from 0 to 1,000,000"),
    (np.nan, ValueError, "'weight' has a missing value"),
    (np.inf, ValueError, "'weight' holds the weight inf in row 2"),
    (1e6 + 1, ValueError, r"'weight' holds the weight 1e\+06 in row 2"),
    ("much", TypeError, r"'weight' holds 'much' \(str\) in row 2"),
    (True, TypeError, r"'weight' holds True \(bool\) in row 2"),
    (10**400, ValueError, "'weight' holds the weight"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_WEIGHTS, ids=range(len(BAD_WEIGHTS)))
def test_bad_weights_are_refused_and_change_nothing(bad, error, message):
    recommender = AutoSeqRecRecommender(**CLOSED).fit(WEIGHTED)
    snapshot = recommender._serving.state.snapshot
    log = WEIGHTED.astype({"weight": object})
    log.loc[2, "weight"] = bad
    for call in (recommender.fit, recommender.partial_update, recommender.score_samples, InteractionEncoder().fit):
        with pytest.raises(error, match=message):
            call(log)
    given = [1, 1, bad, 1]
    for call in (recommender.fit, recommender.partial_update):
        with pytest.raises(error, match=message.replace("'weight'", "'sample_weight'")):
            call(FRAME, sample_weight=np.array(given, dtype=object))
    assert recommender._serving.state.snapshot is snapshot


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1, 1], ValueError, "has 2 weights for 4 events; give one for each"),
        (1.0, ValueError, "must be one-dimensional"),
        ([[1], [1], [1], [1]], ValueError, "must be one-dimensional"),
        (np.ma.MaskedArray([1, 1, 1, 1], [0, 0, 0, 1]), ValueError, "holds masked places"),
        ([0, 0, 0, 0], ValueError, "The weights of all events are zero: there is nothing to learn"),
        (np.array(["a"] * 4), TypeError, "'sample_weight' has dtype"),
    ],
)
def test_bad_arguments_are_refused(weights, error, message):
    with pytest.raises(error, match=message):
        AutoSeqRecRecommender(**CLOSED).fit(FRAME, sample_weight=weights)


def test_weights_are_given_once():
    with pytest.raises(ValueError, match="by a column of weights and by sample_weight: give one of them"):
        AutoSeqRecRecommender(**CLOSED).fit(WEIGHTED, sample_weight=[1, 1, 1, 1])
    with pytest.raises(ValueError, match="by a column of weights and by event_weights: give one"):
        AutoSeqRecRecommender(**CLOSED, event_weights=KINDS).fit(WEIGHTED)
    with pytest.raises(ValueError, match="by event_weights and by sample_weight"):
        AutoSeqRecRecommender(**CLOSED, event_weights=KINDS).fit(FRAME, sample_weight=[1, 1, 1, 1])


def test_what_was_fitted_without_weights_takes_none_but_ones():
    recommender = AutoSeqRecRecommender(**CLOSED).fit(FRAME)
    recommender.partial_update(FRAME.assign(weight=1.0))
    for call in (recommender.partial_update, recommender.score_samples):
        with pytest.raises(ValueError, match=r"in row 0 has the weight 0.5, and the fitted log had no weights"):
            call(WEIGHTED)
    assert len(recommender._serving.state.events) == 8


def test_kinds_that_are_not_there_are_refused():
    fitted = AutoSeqRecRecommender(**CLOSED, event_weights=KINDS).fit(FRAME)
    other = FRAME.assign(action=["view", "buy", "like", "buy"])
    lacking = FRAME.assign(action=["view", None, "view", "buy"])
    for call in (fitted.fit, fitted.partial_update, fitted.score_samples, fitted.score):
        with pytest.raises(ValueError, match=r"'action' holds the kind 'like' in row 2, which has no weight.*Add it"):
            call(other)
        with pytest.raises(ValueError, match=r"'action' has a missing value \(NaN\) in row 1"):
            call(lacking)
        for log in (FRAME.drop(columns="action"), [("ann", "tea", 9, "buy")], FRAME.drop(columns="action").to_numpy()):
            with pytest.raises(ValueError, match="asks for the kind of each event, and the log has none"):
                call(log)
    assert len(fitted._serving.state.events) == 4


@pytest.mark.parametrize(
    ("event_weights", "error", "message"),
    [
        ({}, ValueError, "event_weights is empty"),
        ({"view": -1}, ValueError, r"event_weights\['view'\] is -1: a weight is a number from 0"),
        ({"view": np.nan}, ValueError, r"event_weights\['view'\] is nan"),
        ({"view": "much"}, ValueError, r"event_weights\['view'\] is 'much'"),
        ({1.5: 1}, ValueError, "has the key 1.5: kinds are strings or integers"),
        ([("view", 1)], ValueError, "event_weights"),
    ],
)
def test_weights_of_kinds_that_cannot_be_are_refused(event_weights, error, message):
    with pytest.raises(error, match=message):
        AutoSeqRecRecommender(**CLOSED, event_weights=event_weights).fit(FRAME)
    fitted = AutoSeqRecRecommender(**CLOSED).fit(FRAME).set_params(event_weights=event_weights)
    with pytest.raises((error, TypeError), match=re.sub(r"^event_weights$", "must be a dict such as", message)):
        fitted.partial_update(FRAME)


def test_named_weights_need_names():
    for call in (AutoSeqRecRecommender(**CLOSED, columns={"weight": "w"}).fit, InteractionEncoder({"weight": "w"}).fit):
        with pytest.raises(ValueError, match="names the weights 'w', and this log has no names of columns"):
            call([("ann", "tea", 1), ("ann", "jam", 2)])
        with pytest.raises(ValueError, match=r"columns names \['w'\], which the log has not"):
            call(FRAME)


def test_containers_carry_weights_and_kinds_through():
    columns = {"event": "action"}
    log = InteractionEncoder(columns).fit_transform(WEIGHTED)
    assert log.weights.tolist() == [0.5, 1, 0, 2]
    assert log.events.tolist() == FRAME["action"].tolist()
    part = log[[3, 0]]
    assert (part.weights.tolist(), part.events.tolist()) == ([2, 0.5], ["buy", "view"])
    (train, test), (earlier, later) = (
        next(TemporalSplit(1, test_size=1).split(log)),
        temporal_train_test_split(log, test_size=1),
    )
    assert log[test].weights.tolist() == later.weights.tolist() == [2]
    assert log[train].events.tolist() == earlier.events.tolist()
    assert InteractionEncoder().fit_transform(log).weights.tolist() == [0.5, 1, 0, 2]
    matrices = SequenceMatrixTransformer().fit_transform(log)
    assert matrices.weights.tolist() == [0.5, 1, 0, 2]
    with pytest.raises(ValueError, match="users, items, times, weights and events must have one entry per row"):
        Interactions(log.users, log.items, log.times, log.user_ids, log.item_ids, weights=np.ones(3))
    with pytest.raises(ValueError, match="'weights' holds the weight -1 in row 0"):
        Interactions(log.users, log.items, log.times, log.user_ids, log.item_ids, weights=-np.ones(4))


def test_matrices_are_weighted():
    user_items = UserItemTransformer().fit_transform(WEIGHTED).toarray()
    assert user_items.tolist() == [[0.5, 1], [0, 2]]
    transitions = ItemTransitionTransformer(transition_window=1).fit_transform(WEIGHTED).toarray()
    assert transitions.tolist() == [[0, 3], [0, 0]]


@pytest.mark.parametrize("event_weights", [None, {"view": 1, "buy": 1}, {"view": 0.25, "buy": 1}])
def test_every_spelling_is_the_same_model(event_weights):
    log = WEIGHTED if event_weights is None else FRAME
    bare = AutoSeqRecRecommender(**CLOSED, event_weights=event_weights).fit(log)
    for transformer in (
        InteractionEncoder({"event": "action"}),
        SequenceMatrixTransformer(columns={"event": "action"}),
    ):
        other = AutoSeqRecRecommender(**CLOSED, event_weights=event_weights).fit(transformer.fit_transform(log))
        counts, expected = (each._serving.state.merged().counts for each in (other, bare))
        assert (counts.transitions != expected.transitions).nnz == 0
        assert counts.weights.tolist() == expected.weights.tolist()


def test_files_say_what_events_count(tmp_path):
    WEIGHTED.to_csv(tmp_path / "log.csv", index=False)
    WEIGHTED.to_json(tmp_path / "log.jsonl", orient="records", lines=True)
    WEIGHTED.to_parquet(tmp_path / "log.parquet")
    for name in ("log.csv", "log.jsonl", "log.parquet"):
        log = load_interactions(tmp_path / name)
        assert log.weights.tolist() == [0.5, 1, 0, 2]
        assert log.events is None
        assert load_interactions(tmp_path / name, events=True).events.tolist() == FRAME["action"].tolist()
        named = load_interactions(
            tmp_path / name, columns={"weight": "timestamp", "event": "item_id", "item": "action"}
        )
        assert (named.weights.tolist(), named.events.tolist()) == ([1, 2, 3, 4], FRAME["item_id"].tolist())
    (tmp_path / "odd.csv").write_text("user;item;weight\nann;tea;0,5\nbob;tea;much\n")
    with pytest.raises(ValueError, match="'weight' holds 'much' in row 1, and weights are numbers"):
        load_interactions(tmp_path / "odd.csv", sep=";", decimal=",")
    (tmp_path / "odd.csv").write_text("user;item;weight\nann;tea;0,5\nbob;tea;2\n")
    assert load_interactions(tmp_path / "odd.csv", sep=";", decimal=",").weights.tolist() == [0.5, 2]
    with pytest.raises(ValueError, match="no column of kinds of events"):
        load_interactions(tmp_path / "odd.csv", sep=";", decimal=",", events=True)


@pytest.mark.parametrize("baseline", [EASERecommender(), ItemKNNRecommender()])
def test_a_baseline_says_that_it_knows_of_no_weights(baseline):
    with pytest.raises(ValueError, match=r"Recommender counts all events alike, and that in row 0 has the weight 0.5"):
        baseline.fit(WEIGHTED)
    baseline.fit(FRAME.assign(weight=1))
    for call in (baseline.partial_update, baseline.score_samples):
        with pytest.raises(ValueError, match="counts all events alike"):
            call(WEIGHTED)
