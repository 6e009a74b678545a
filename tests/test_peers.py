"""The rivals of the benchmarks: their replay is the package's own walk, and each finds what a small world holds."""

import copy
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import consecutive_logs

from skautoseqrec import Interactions
from skautoseqrec.baselines import DecayedPopularityRecommender, MarkovRecommender
from skautoseqrec.preprocessing import InteractionEncoder

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are part of a checkout, not of the package", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

import compare  # noqa: E402
from peers import measuring, serving  # noqa: E402
from peers.choosing import best_of, candidates  # noqa: E402
from peers.cope import CoPE  # noqa: E402
from peers.folds import judged_fold, valid_and_test  # noqa: E402
from peers.markov import Markov  # noqa: E402
from peers.popularity import DecayedPopularity  # noqa: E402
from peers.registry import BASKET_RIVALS, RIVALS, Rival  # noqa: E402
from peers.training import Trained, judge_epochs  # noqa: E402

PAIRS = [
    (Markov(3, 0.7, 2, 0.5), MarkovRecommender(3, 0.7, context_size=2, context_decay=0.5)),
    (DecayedPopularity(3), DecayedPopularityRecommender(3)),
]


@pytest.mark.parametrize(("peer", "ours"), PAIRS)
@settings(max_examples=40)
@given(consecutive_logs(2), st.sampled_from(["row", "together"]), st.booleans())
def test_a_rival_in_the_replay_ranks_as_the_same_model_of_the_package(peer, ours, parts, ties, exclude_seen):
    encoded = InteractionEncoder().fit_transform([*parts[0], *parts[1]])
    past, newer = encoded[: len(parts[0])], encoded[len(parts[0]) :]
    peer.exclude_seen = ours.exclude_seen = exclude_seen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = ours.fit(parts[0]).score_samples(parts[1], ties=ties)
    np.testing.assert_allclose(peer.fit(past).score_samples(newer, ties), expected, rtol=1e-12)


def test_other_ties_than_row_and_together_are_refused():
    with pytest.raises(ValueError, match="'row' or 'together', not 'none'"):
        Markov().fit(cycle()).score_samples(cycle(), "none")


def log_of(rows):
    """Return rows of user and item as a log, one every ten seconds."""
    users, items = np.array(rows).T
    return Interactions(users, items, 10 * np.arange(len(rows)), np.arange(users.max() + 1), np.arange(items.max() + 1))


def cycle(n_users=20, n_items=10, n_events=500):
    """Return a log of users who go round: i + 1 follows i, whoever it is."""
    rng = np.random.default_rng(0)
    at, rows = rng.integers(n_items, size=n_users), []
    for user in rng.integers(n_users, size=n_events):
        rows.append((user, at[user]))
        at[user] = (at[user] + 1) % n_items
    return log_of(rows)


def camps(n_users=40, n_items=40, n_each=15):
    """Return a log of users who take even items, or odd ones, each once and in any order."""
    rng = np.random.default_rng(0)
    left = [rng.permutation(np.arange(user % 2, n_items, 2)).tolist() for user in range(n_users)]
    return log_of([(user, left[user].pop()) for user in rng.permutation(np.repeat(np.arange(n_users), n_each))])


WALKERS = {
    "markov": {},
    "markov-own": {"own_share": 0.1},
    "jodie": {"n_components": 16, "n_windows": 20, "max_iter": 4, "learning_rate": 1e-2},
    "gru4rec": {"n_components": 16, "max_iter": 25, "learning_rate": 1e-2, "dropout": 0.0},
    "sasrec": {"n_components": 16, "max_iter": 15, "learning_rate": 1e-2, "dropout": 0.0},
    "skrecsys-hstu": {"n_components": 16, "n_iterations": 60, "learning_rate": 1e-2, "dropout": 0.0, "length": 30},
    "rectools-sasrec": {"n_components": 16, "max_iter": 30, "learning_rate": 1e-2, "dropout": 0.0, "batch_size": 8},
}
CAMPERS = {
    "ease": {},
    "neighbours": {"kind": "tfidf"},
    "freegem": {"decay": 0, "n_components": 2, "short_share": 0.5, "alpha": 1},
    "freegem-future": {"decay": 0, "n_components": 2},
    "als": {"n_components": 2},
    "bpr": {"n_components": 8},
    "skrecsys-ease": {"regularization": 100},
    "skrecsys-rp3beta": {},
    "rectools-ease": {"regularization": 100},
    "rectools-neighbours": {},
    "lightgcn": {"n_components": 16, "max_iter": 20, "learning_rate": 1e-2},
    "cope": {"n_components": 8, "n_train_steps": 20, "max_iter": 12, "learning_rate": 1e-2, "weight_decay": 0.0},
}


def make(name, values, exclude_seen):
    library = RIVALS[name].module.split("_")[0]
    if library in ("implicit", "skrecsys", "rectools"):
        pytest.importorskip(library)
    return RIVALS[name].make(values, 0, exclude_seen)


@pytest.mark.parametrize("name", WALKERS)
def test_a_rival_that_reads_the_order_of_items_learns_what_follows(name):
    log = cycle()
    ranks = 1 / make(name, WALKERS[name], exclude_seen=False).fit(log[:440]).score_samples(log[440:])
    assert (ranks <= 1.5).mean() >= 0.9


@pytest.mark.parametrize("name", CAMPERS)
def test_a_rival_that_reads_who_has_what_learns_who_is_alike(name):
    log = camps()
    ranks = 1 / make(name, CAMPERS[name], exclude_seen=True).fit(log[:500]).score_samples(log[500:])
    # There are 20 items of the own camp, of which half have been seen: by chance 15 would be before the right one.
    assert (ranks <= 12).mean() >= 0.9


@pytest.mark.parametrize("name", ["own-recent", *BASKET_RIVALS])
def test_a_rival_for_those_who_come_back_ranks_the_own_item_first(name):
    rows = [(user, user) for _ in range(5) for user in range(8)]
    log = log_of(rows)
    values = RIVALS[name].make({}, 0, exclude_seen=False).fit(log[:32]).score_samples(log[32:], "together")
    assert (values == 1).all()


def test_every_rival_is_tried_on_a_world():
    assert {*WALKERS, *CAMPERS, "own-recent", *BASKET_RIVALS} | {
        "decayed-popularity",  # as in the package, above
        "ease-100",
        "neighbours-100",
    } == set(RIVALS)


@pytest.mark.parametrize("name", ["jodie", "cope", "lightgcn"])
def test_what_a_copy_learns_in_its_walk_stays_with_the_copy(name):
    log = camps()
    model = make(name, {**(WALKERS | CAMPERS)[name], "max_iter": 1}, exclude_seen=True).fit(log[:560])
    first, second = (model.judged().score_samples(log[560:]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (copy.deepcopy(model).score_samples(log[560:]) > 0).all()


@pytest.mark.parametrize("name", ["jodie", "cope"])
def test_an_event_of_the_walk_moves_its_user_and_its_item_and_nobody_else(name):
    log = camps()
    model = make(name, {**(WALKERS | CAMPERS)[name], "max_iter": 1}, exclude_seen=True).fit(log[:500])
    first, second = ((int(log.users[row]), int(log.items[row]), 5010.0) for row in (501, 502))
    model.advance([first])
    before = states_of(model)
    model.advance([second])
    moved = np.flatnonzero((states_of(model) != before).any(axis=1))
    assert moved.tolist() == [second[0], model.n_users + second[1]]


def states_of(model):
    """Return the states of users, and then of items, (n_users + n_items, n_components)."""
    if isinstance(model, CoPE):
        return model.states.detach().numpy().copy()
    states = [*model.user_states, *model.item_states[: model.n_items]]
    return np.stack([np.zeros(model.n_components) if state is None else state.detach().numpy() for state in states])


def test_item_weights_are_made_anew_when_it_is_time():
    log = camps()
    static, renewed = (
        RIVALS["ease"].make({"refit_every": every}, 0, exclude_seen=True).fit(log[:500]) for every in (None, 10)
    )
    weights = renewed.weights
    for model in (static, renewed):
        model.score_samples(log[500:])
    np.testing.assert_array_equal(static.weights, weights)
    assert not np.array_equal(renewed.weights, weights)


@pytest.mark.parametrize("ties", ["row", "together"])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("skrecsys-hstu", {"n_iterations": 1, "length": 10}),
        ("rectools-sasrec", {"max_iter": 1}),
        ("rectools-ease", {"refit_every": 7, "decay": 0.5}),
        ("rectools-neighbours", {"refit_every": 7, "decay": 0.5}),
    ],
)
def test_answers_to_many_questions_are_those_to_each(name, values, ties):
    log = camps()
    log = Interactions(log.users, log.items, log.times // 50, log.user_ids, log.item_ids)
    one_by_one, in_blocks = (make(name, values, exclude_seen=True) for _ in range(2))
    one_by_one.block_size, in_blocks.block_size = 1, 16
    first, second = (model.fit(log[:570]).score_samples(log[570:], ties) for model in (one_by_one, in_blocks))
    np.testing.assert_allclose(first, second, rtol=1e-12)


def test_items_that_a_library_did_not_train_on_score_as_the_lowest_one_does():
    """RecTools trains on the newest items of each user: here the first five of one are in nobody's."""
    rows = [(0, item, item) for item in range(12)] + [(1, item, 20 + item) for item in range(6, 12)]
    log = InteractionEncoder().fit_transform(rows)
    model = make("rectools-sasrec", {"max_iter": 2, "length": 6, "n_components": 8}, exclude_seen=True).fit(log)
    (scores,) = model.answers([np.arange(6, 12)])
    assert (scores[:5] == scores.min()).all()
    assert len(set(scores[6:].tolist())) == 6


@pytest.mark.parametrize(("name", "is_read_by_rows"), [("skrecsys-ease", False), ("rectools-ease", True)])
@pytest.mark.parametrize("decay", [0.5, 1.0])
def test_ease_of_another_library_is_ours(name, is_read_by_rows, decay):
    log, values = camps(), {"regularization": 10.0, "decay": decay}
    ours, theirs = (make(each, values, exclude_seen=True).fit(log[:500]) for each in ("ease", name))
    if is_read_by_rows:
        ours.weights = ours.weights.T
    np.testing.assert_allclose(theirs.score_samples(log[500:]), ours.score_samples(log[500:]), rtol=1e-12)


class Peaked(Trained):
    """Knows the next item of a cycle after its third epoch only."""

    def build(self):
        self.n_trained = 0

    def train_epoch(self):
        self.n_trained += 1

    def scores(self, user, time):
        scores = np.zeros(self.n_items)
        scores[(self.histories[user][-1] + self.n_trained - 2) % self.n_items] = 1
        return scores


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ({}, (3, 7, "patience")),
        ({"most_epochs": 4}, (3, 4, "most epochs")),
        ({"most_seconds": 0.0}, (1, 1, "budget")),
    ],
)
def test_epochs_are_chosen_on_later_events_and_within_the_budget(limits, found):
    log = cycle()
    limits = {"patience": 4, "most_seconds": 60.0, "most_epochs": 100, **limits}

    def make_peaked(max_iter):
        return Peaked(max_iter, 0, exclude_seen=False)

    judged = judge_epochs(make_peaked, log[:440], log[440:], "row", **limits)
    assert (judged.max_iter, judged.n_trained, judged.reason) == found
    assert (judged.values.mean() == 1) == (judged.max_iter == 3)


def test_the_budget_of_settings_is_kept_and_the_starts_come_first():
    rival = Rival(
        "markov", "Markov", {"window": (1, 2, 3, 4), "decay": (0.1, 0.2, 0.3)}, ({"window": 4, "decay": 0.3},)
    )

    def search(n_settings):
        tried = []
        for number, point in enumerate(candidates(rival, n_settings, 0, tried)):
            tried.append((-abs(point["window"] - 2), point))
            assert number < 12
        return tried

    assert len(search(12)) == len(search(100)) == 12
    few = search(6)
    assert few == search(6)
    assert few[0][1] == {"window": 4, "decay": 0.3}
    assert len(few) == len({json.dumps(point) for _, point in few}) == 6
    assert best_of(few) == max(few, key=lambda each: each[0])[1]


def test_valid_events_are_those_before_the_test_part_and_never_of_it():
    log = cycle()
    (_, test), judged = valid_and_test(log), judged_fold(log, 20)
    assert judged.walked.times.tolist() == log.times[430:450].tolist()
    assert judged.fitted.times.tolist() == log.times[:430].tolist()
    assert test.fitted.times.tolist() == log.times[:450].tolist()


def test_comments_do_not_make_another_version_of_the_code_and_statements_do(tmp_path):
    first, second, third = (tmp_path / f"{number}.py" for number in range(3))
    first.write_text('"""Old."""\nx = 1  # one\n', encoding="utf-8")
    second.write_text('"""New words."""\n\nx = 1\n', encoding="utf-8")
    third.write_text('"""Old."""\nx = 2  # one\n', encoding="utf-8")
    read = [measuring._without_words(file.read_text(encoding="utf-8")) for file in (first, second, third)]
    assert read[0] == read[1] != read[2]
    assert {file.stem for file in measuring._files_of(RIVALS["sasrec"].path, set())} == {
        "sasrec",
        "sequences",
        "training",
        "replay",
    }


def test_what_a_service_pays_for_is_the_best_of_what_was_not_seen():
    log = log_of([(1, 40), (2, 10), (2, 10), (2, 20), (2, 30), (2, 30), (2, 30)])
    popular = DecayedPopularity(half_life=1e6).fit(log)
    assert log.item_ids[serving._recommend(popular, (0, 0, 100.0))][:3].tolist() == [30, 10, 20]
    costs = serving.time_single(popular, log)
    assert costs.keys() == {"answer_seconds", "event_seconds"}
    assert popular.n_events == 2 * len(log)


def test_dates_are_the_same_times_in_a_walk_and_in_a_service(monkeypatch):
    dates = np.arange(5).astype("datetime64[D]")
    log = InteractionEncoder().fit_transform([*zip("abbab", "xyzxy", dates, strict=True)])
    popular, told = DecayedPopularity(half_life=3), []
    monkeypatch.setattr(popular, "let_in", lambda user, item, time: told.append(time))
    popular.fit(log)
    serving.time_single(popular, log)
    assert told[:5] == told[5:]
    assert all(isinstance(time, int) for time in told)


@pytest.fixture
def table(tmp_path, monkeypatch, capsys):
    """Return a function that prints the table of a small log, with a cache of its own."""
    log = cycle(n_events=300)
    file = tmp_path / "cycle.csv"
    rows = zip(log.users.tolist(), log.items.tolist(), log.times.tolist(), strict=True)
    file.write_text("user_id,item_id,timestamp\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows), encoding="utf-8")

    def print_table(*options):
        order = ["compare.py", "--data", str(file), "--cache", str(tmp_path / "cache"), "--seen-eligible", *options]
        monkeypatch.setattr(sys, "argv", order)
        status = compare.main()
        return status, capsys.readouterr().out

    return print_table


def test_a_table_is_printed_again_from_its_cache_without_running_anything(table, monkeypatch):
    chosen = ["--models", "markov", "--settings", "1", "--tests", "20"]
    status, first = table(*chosen)
    assert status == 0
    assert "20 test events" in first
    assert "window 5, decay 0.7" in first
    assert not [line for line in first.splitlines() if line.startswith("markov") and " - " in line]  # all has a cost

    def refuse(*arguments, **options):
        raise AssertionError("nothing may be run")

    monkeypatch.setattr(measuring.subprocess, "run", refuse)
    assert table(*chosen)[1].splitlines()[1:] == first.splitlines()[1:]
    again = table(*chosen, "--cached")[1]
    figures = [line for line in first.splitlines() if line.startswith("markov")]
    assert [line for line in again.splitlines() if line.startswith("markov")] == figures
    assert "Nothing has been measured" in table("--models", "ease", "--cached")[1]


def test_a_model_that_fails_is_named_and_the_others_are_printed(table, monkeypatch):
    def run_here(order, **options):
        if '"ease"' in order[3]:
            return subprocess.CompletedProcess(order, 1, stderr=b"no luck")
        monkeypatch.setattr(sys, "argv", order[2:])
        measuring.main()
        return subprocess.CompletedProcess(order, 0)

    monkeypatch.setattr(measuring.subprocess, "run", run_here)
    status, text = table("--models", "ease", "decayed-popularity", "--settings", "1")
    assert status == 1
    assert "ease failed:\nno luck" in text
    assert any(line.startswith("decayed-popularity") for line in text.splitlines())
