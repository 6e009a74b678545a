"""The studies: each prints its table on a toy log, and what they compare with is what they say."""

import copy
import sys
from pathlib import Path

import numpy as np
import pytest

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import make_interactions
from skautoseqrec.ensemble import HybridRecommender
from skautoseqrec.preprocessing import InteractionEncoder

STUDIES = Path(__file__).parents[1] / "benchmarks" / "studies"
if not STUDIES.is_dir():
    pytest.skip("the studies are part of a checkout, not of the package", allow_module_level=True)
sys.path[:0] = [str(STUDIES), str(STUDIES.parent)]

import ablation  # noqa: E402
import changing_worlds  # noqa: E402
import concept_drift  # noqa: E402
import incremental  # noqa: E402
import lifting  # noqa: E402
import network_shape  # noqa: E402
import sensitivity  # noqa: E402
import sparsity  # noqa: E402
import stages  # noqa: E402
import synthetic_logs  # noqa: E402
from peers.folds import Fold  # noqa: E402
from peers.sasrec import SASRec  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # toy logs are short
QUICK = ["--seeds", "0", "--max-iter", "1"]
TOY = make_interactions(n_users=40, n_items=20, n_events=380, random_state=0)
LOG = InteractionEncoder().fit_transform(TOY)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs a study on the toy log and returns what it printed."""
    path = tmp_path / "toy.csv"
    np.savetxt(path, TOY, fmt="%d", delimiter=",", header="user_id,item_id,timestamp", comments="")

    def run(study, *options, data=True):
        arguments = ["study.py", *(["--data", str(path)] if data else []), *map(str, options)]
        monkeypatch.setattr(sys, "argv", arguments)
        assert not study.main()
        return capsys.readouterr().out

    return run


def rows_of(printed):
    """Return the numbers of each line that has some, by the words before them."""
    found = {}
    for line in printed.splitlines():
        name = line[:34].strip() if len(line) > 34 else ""
        numbers = [float(word) for word in line[34:].split() if word.replace(".", "").isdigit()]
        if name and numbers:
            found[name] = numbers
    return found


@pytest.mark.parametrize(
    ("study", "arguments", "message"),
    [
        (sensitivity, "--data nofile.csv", "--data: there is no file 'nofile.csv'"),
        (sensitivity, "--walked 0", "--walked: must be a whole number of at least 1, not '0'"),
        (sensitivity, "--walked -5", "--walked: must be a whole number of at least 1, not '-5'"),
        (sensitivity, "--max-iter 1.5", "--max-iter: must be a whole number of at least 1, not '1.5'"),
        (sensitivity, "--seeds 0 -1", "--seeds: must be a whole number of at least 0, not '-1'"),
        (sensitivity, "--settings n_layers", "--settings: invalid choice: 'n_layers'"),
        (sensitivity, "--published --settings dropout", "--settings has no meaning beside --published"),
        (sensitivity, "--published --objective closed_form", "--objective has no meaning beside --published"),
        (sensitivity, "--objective closed_form --settings dropout", "there is no dropout without a network"),
        (network_shape, "--components 0", "--components: must be a whole number of at least 1"),
        (network_shape, "--figure a.png", "unrecognized arguments: --figure"),
        (incremental, "--largest 0", "--largest: must be a whole number of at least 1"),
        (incremental, "--part valid", "unrecognized arguments: --part"),
        (concept_drift, "--walked 5", "unrecognized arguments: --walked"),
        (concept_drift, "--start 1.5", "--start: must be above 0 and at most 1, not '1.5'"),
        (concept_drift, "--start half", "--start: must be above 0 and at most 1, not 'half'"),
        (concept_drift, "--start 1", "--start must leave events for the windows"),
        (concept_drift, "--windows 0", "--windows: must be a whole number of at least 1"),
        (concept_drift, "--turn --worlds plain", "--worlds has no meaning beside --turn"),
        (changing_worlds, "--half-life 0", "--half-life: must be a whole number of at least 1, not '0'"),
        (changing_worlds, "--worlds plain", "unrecognized arguments: --worlds"),
        (sparsity, "--shares 0.5 2", "--shares: must be above 0 and at most 1, not '2'"),
        (sparsity, "--synthetic --walked 9", "--walked has no meaning beside --synthetic"),
        (lifting, "--oldest 5", "--oldest: must be a whole number of at least 100"),
        (lifting, "--judged 0", "--judged: must be a whole number of at least 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_wrong_option_is_said_in_a_line(study, arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["study.py", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        study.parse_options()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_file_that_is_no_log_is_named(tmp_path, monkeypatch):
    path = tmp_path / "notes.txt"
    path.write_text("no log\n")
    monkeypatch.setattr(sys, "argv", ["study.py", "--data", str(path)])
    with pytest.raises(SystemExit, match=r"notes\.txt cannot be read as a log: "):
        sensitivity.main()


@pytest.mark.parametrize(
    "study", [changing_worlds, concept_drift, incremental, lifting, network_shape, sensitivity, sparsity]
)
def test_every_option_of_a_study_is_read(study, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["study.py"])
    own = Path(study.__file__).read_text(encoding="utf-8")
    shared = {"trained_for(options": {"max_iter"}, "read_logs(options": {"data", "worlds", "shuffle_ties"}}
    shared["fold_of("] = {"walked", "part"}  # what common.py reads of the options
    read = set().union(*(options for call, options in shared.items() if call in own))
    assert {name for name in vars(study.parse_options()) if f"options.{name}" not in own} <= read


def test_settings_are_changed_one_by_one(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sensitivity, "VALUES", {"dropout": (0.1, 0.2), "transition_window": (1, 5)})
    printed = run(sensitivity, *QUICK, "--settings", "dropout", "--figure", tmp_path / "figure.png")
    rows = rows_of(printed)
    assert {"dropout=0.1", "dropout=0.2"} <= set(rows)
    assert rows["dropout=0.2"][:2] == rows["as it comes"][:2]
    assert (tmp_path / "figure.png").stat().st_size > 1000
    counted = rows_of(run(sensitivity, "--objective", "closed_form", "--settings", "transition_window"))
    assert {"as it comes", "transition_window=1", "transition_window=5"} <= set(counted)


def test_the_published_blend_is_weighed(run, tmp_path):
    printed = run(sensitivity, *QUICK, "--published", "--figure", tmp_path / "figure.png")
    assert "best: one_hop" in printed
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_a_blend_that_is_fitted_again_without_removing_anything_is_that_of_the_fit():
    rows = make_interactions(n_users=60, n_items=40, n_events=1200, random_state=0)
    rows[:, 2] //= 150  # whether tied rows see each other makes another blend
    parameters = {"objective": "closed_form", "gate": False}
    recommender = ablation.train(rows, 0, parameters)
    model = recommender._serving.scorer.model
    again = ablation.refit_blend(recommender, rows, model, model.heads.LEFT_OUT | {ablation.GATE}).blend.terms()
    fitted = recommender._serving.scorer.blend.terms()
    assert max(fitted.values()) > 0.5
    assert again == pytest.approx(fitted, rel=0.02, abs=0.02)


@pytest.mark.parametrize("is_eligible", [False, True])
def test_what_people_met_is_a_part_where_they_may_come_back(run, is_eligible, monkeypatch):
    size = {"n_users": 60, "n_items": 40, "n_events": 1200}
    monkeypatch.setitem(synthetic_logs.WORLDS, "plain", lambda: synthetic_logs.make_plain(**size))
    options = ["--objective", "closed_form", "--trained-without", *(["--seen-eligible"] if is_eligible else [])]
    rows = rows_of(run(ablation, *options, data=False))
    assert {"nothing", "neighbours", "trend", "gate", "context"} <= set(rows)
    assert ("repeat" in rows) == is_eligible


def test_a_log_too_short_for_a_blend_is_refused():
    short = LOG[LOG.to_columns().time_order()][:60]
    with pytest.raises(SystemExit, match=r"The log is too short: .* Give a longer one\."):
        dict(ablation.remove_parts(short, LOG, 0, {"objective": "closed_form"}))


def test_updates_change_no_weight_and_counts_are_those_of_a_rebuild(run):
    printed = run(incremental, "--updates", "100", "--max-iter", "3", "--largest", "7")
    assert "\nnetwork, max_iter=3  " in printed
    assert printed.count("the same") == 2
    assert printed.count("equal") == 2


def test_a_changed_weight_would_be_noticed():
    recommender = AutoSeqRecRecommender(n_components=2, max_iter=1, random_state=0).fit(LOG)
    before = incremental.fingerprint(recommender)
    assert incremental.fingerprint(copy.deepcopy(recommender).partial_update(TOY[:5])) == before
    recommender.module_.encoder_weight.data[0, 0] += 1e-6
    assert incremental.fingerprint(recommender) != before


def test_ageing_weights_are_compared_with_refits(run, tmp_path):
    printed = run(
        concept_drift, "--max-iter", "1", "--seeds", 0, 1, "--windows", "3", "--figure", tmp_path / "figure.png"
    )
    assert "first fit 190 events; seeds 0, 1\n" in printed
    for policy in concept_drift.POLICIES:
        assert f"\n{policy}  " in printed
    assert "correlation with the gain" in printed
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_ranks_without_updates_are_those_of_each_event_by_itself():
    log = LOG[LOG.to_columns().time_order()]
    recommender = AutoSeqRecRecommender(objective="closed_form").fit(log[:300])
    expected = [recommender.score_samples(log[row : row + 1])[0] for row in range(300, 380)]
    np.testing.assert_allclose(concept_drift.rank_without_updates(recommender, log[300:]), expected, rtol=1e-6)


def test_the_world_that_turns_has_the_same_items_and_other_users():
    _, log, best_ranks = concept_drift.turned_world(n_users=20, n_items=30, n_events=300)
    assert len(log) == len(best_ranks) == 600
    assert len(log.user_ids) == 40
    assert len(log.item_ids) == 30
    assert (np.diff(log.times) >= 0).all()


def test_changing_worlds_are_compared_with_the_best_possible(run, monkeypatch):
    monkeypatch.setattr(changing_worlds, "SIZE", {"n_users": 40, "n_items": 40, "n_events": 800})
    paces = {"drift": (0.0, 0.5), "transitions": (200,), "popularity": (400,)}
    changes = {kind: (changing_worlds.CHANGES[kind][0], of_kind) for kind, of_kind in paces.items()}
    monkeypatch.setattr(changing_worlds, "CHANGES", changes)
    printed = run(changing_worlds, "--seeds", "0", "1", "--windows", "2", data=False)
    assert printed.count("best possible MRR") == 3
    lines = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if "±" in line}
    assert set(lines) == {"0", "0.5", "200", "400"}
    for best, *reached in lines.values():
        assert 0.2 < float(best) < 1
        assert len(reached) == 3 * len(changing_worlds.POLICIES)
        assert all(0 < float(share) < 110 for share in reached[::3])


def test_events_that_hardly_fade_are_those_of_a_usual_refit():
    log = LOG[LOG.to_columns().time_order()]
    windows = concept_drift.Windows(log, np.array([200, 300, 380]))

    def make():
        return AutoSeqRecRecommender(objective="closed_form")

    usual = concept_drift.refit(make, windows).values
    np.testing.assert_allclose(changing_worlds.refit_fading(make, windows, 1e9).values, usual)
    assert not np.allclose(changing_worlds.refit_fading(make, windows, 10).values, usual)


def test_logs_are_thinned(run, tmp_path):
    printed = run(sparsity, "--shares", "0.3", "1", "--kinds", "items", "--figure", tmp_path / "figure.png")
    assert printed.count("thinned by items") == 1
    assert (tmp_path / "figure.png").stat().st_size > 1000


@pytest.mark.parametrize("kind", sparsity.KINDS)
def test_a_smaller_share_is_part_of_a_larger_one_and_the_same_events_are_walked(kind):
    whole = Fold(LOG[:300], LOG[300:])
    small, large, everything = (sparsity.thinned(whole, kind, share, 0.3, 50) for share in (0.3, 0.7, 1.0))
    sizes = [len(fold.fitted) for fold in (small, large, everything)]
    assert 0 < sizes[0] < sizes[1] < sizes[2] == 300
    assert {*map(tuple, np.asarray(small.fitted))} <= {*map(tuple, np.asarray(large.fitted))}
    np.testing.assert_array_equal(np.asarray(small.walked), np.asarray(everything.walked))
    if kind != "events":
        assert np.isin(getattr(small.walked, kind), getattr(whole.fitted, kind)).mean() > 0.9


def test_worlds_of_known_density_are_compared_with_the_best_possible(run, monkeypatch):
    monkeypatch.setattr(sparsity, "SIZES", (400,))
    monkeypatch.setattr(sparsity, "NOISES", (0.0, 0.5))
    printed = run(sparsity, "--synthetic", "--models", "popularity", "transitions", data=False)
    assert "best possible" in printed
    assert len(printed.splitlines()) == 7


def test_sasrec_stands_beside_the_recommender(run):
    printed = run(lifting, *QUICK, "--epochs", "2", "--judged", "30")
    assert {"SASRec", "closed form", "closed form and SASRec", "default and SASRec"} <= set(rows_of(printed))


def test_sasrec_as_a_part_ranks_as_sasrec_does():
    fitted, walked = LOG[:330], LOG[330:]
    settings = {"n_components": 8, "max_iter": 3, "learning_rate": 1e-2, "dropout": 0.0}
    recommender = AutoSeqRecRecommender(objective="closed_form", blend={"trend": (1.0,)}, trend_half_lives=(30.0,))
    hybrid = HybridRecommender(recommender, lifting.SASRecPart(settings), weight=1e6).fit(fitted)
    alone = SASRec(**settings).fit(fitted).score_samples(walked)
    np.testing.assert_allclose(hybrid.score_samples(walked), alone, atol=1e-9)


@pytest.mark.parametrize(
    ("owner", "name"), [stage[:2] for stage in stages.STAGES], ids=[stage[1] + stage[2] for stage in stages.STAGES]
)
def test_what_is_timed_is_still_there(owner, name):
    assert callable(getattr(owner, name))
