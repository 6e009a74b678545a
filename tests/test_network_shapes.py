"""Networks of other shapes, as a study puts them in place: they are what they say, in training and in answers."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skautoseqrec import PAPER_PARAMS, AutoSeqRecRecommender
from skautoseqrec._counts.histories import Histories
from skautoseqrec._data.weights import WEIGHT_UNIT
from skautoseqrec._fitting import learner
from skautoseqrec._network.heads import HEADS, MultinomialHeads
from skautoseqrec._network.inputs import gather_rows, item_sequences, unit_rows
from skautoseqrec._network.module import AutoSeqRecModule
from skautoseqrec._training.batches import Batch
from skautoseqrec._training.objectives import OBJECTIVES, MultinomialObjective
from skautoseqrec.datasets import make_interactions
from skautoseqrec.preprocessing import InteractionEncoder, ItemTransitionTransformer, UserItemTransformer

STUDIES = Path(__file__).parents[1] / "benchmarks" / "studies"
if not STUDIES.is_dir():
    pytest.skip("the studies are part of a checkout, not of the package", allow_module_level=True)
sys.path[:0] = [str(STUDIES), str(STUDIES.parent)]

import attention_encoder  # noqa: E402
import deeper_network  # noqa: E402
import network_shape  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # toy logs are short
TOY = make_interactions(n_users=40, n_items=20, n_events=380, random_state=0)
LOG = InteractionEncoder().fit_transform(TOY)
FOLD = network_shape.Fold(LOG[:300], LOG[300:])
ALL_ROWS = {row.name: row for group in network_shape.ROWS.values() for row in group()}
NEURAL = {"collaborative": 1.0, "one_hop": 1.0, "two_hop": 1.0}
QUICK = {"n_components": 4, "max_iter": 2, "early_stopping": False, "random_state": 0}


def fitted(**parameters):
    """Return a small recommender that scores by its network alone."""
    return AutoSeqRecRecommender(**{"blend": NEURAL, **QUICK, **parameters}).fit(LOG)


def scores_of(recommender, users):
    """Return the score of every item for some users, in the order of the weights."""
    ids = recommender.item_ids_
    items, scores = recommender.predict_topk(users, k=len(ids), exclude_seen=False, return_scores=True)
    codes = np.argsort(ids)[np.searchsorted(np.sort(ids), np.asarray(items))]
    return np.take_along_axis(np.asarray(scores), np.argsort(codes, 1), 1)


@pytest.mark.parametrize("group", network_shape.ROWS)
def test_every_row_of_a_group_is_printed(group, tmp_path, monkeypatch, capsys):
    path = tmp_path / "toy.csv"
    np.savetxt(path, TOY, fmt="%d", delimiter=",", header="user_id,item_id,timestamp", comments="")
    arguments = ["--data", path, "--rows", group, "--seeds", 0, "--max-iter", 1, "--components", 4]
    monkeypatch.setattr(sys, "argv", ["network_shape.py", *map(str, arguments)])
    network_shape.main()
    lines = capsys.readouterr().out.splitlines()
    names = [row.name for row in network_shape.ROWS[group]()]
    assert [line[:34].strip() for line in lines[-len(names) :]] == names
    assert all(len(line[34:].split()) == 5 for line in lines[-len(names) :])
    assert "CPU seconds" in lines[-len(names) - 1]


def test_training_has_the_patience_that_is_asked_for(monkeypatch):
    patience = []

    class Told(AutoSeqRecRecommender):
        def fit(self, X, y=None):
            patience.append(self.n_iter_no_change)
            return super().fit(X)

    monkeypatch.setattr(network_shape, "AutoSeqRecRecommender", Told)
    for arguments in ([], ["--patience", "7"]):
        argv = ["study.py", "--seeds", "0", "--max-iter", "1", "--components", "4", *arguments]
        monkeypatch.setattr(sys, "argv", argv)
        network_shape.add(
            network_shape.Table(["", "", "", "", "", ""]),
            ALL_ROWS["activation=relu"],
            FOLD,
            network_shape.parse_options(),
        )
    assert patience == [AutoSeqRecRecommender().n_iter_no_change, 7]


def test_what_was_put_in_place_is_taken_away():
    tables = [network_shape.ACTIVATIONS, network_shape.ARRAY_ACTIVATIONS, network_shape.HISTORY_ENCODERS]
    before = [dict(table) for table in (*tables, HEADS, OBJECTIVES)]
    for row in ALL_ROWS.values():
        with row.shape():
            pass
    assert [dict(table) for table in (*tables, HEADS, OBJECTIVES)] == before
    assert learner.AutoSeqRecModule is AutoSeqRecModule
    assert HEADS["multinomial"] is MultinomialHeads
    assert OBJECTIVES["multinomial"] is MultinomialObjective


@pytest.mark.parametrize("name", ALL_ROWS)
def test_a_user_alone_has_the_scores_of_one_among_many(name):
    row = ALL_ROWS[name]
    with row.shape():
        recommender = fitted(**{**row.parameters, **QUICK, "blend": NEURAL})
        users = recommender.user_ids_
        together = scores_of(recommender, users)
        alone = np.concatenate([scores_of(recommender, users[[place]]) for place in range(len(users))])
    assert together.std() > 1e-4
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", network_shape.OTHER_ACTIVATIONS)
def test_another_activation_has_both_forms_and_is_no_other(name):
    values = np.linspace(-3, 3, 25, dtype=np.float32)
    slow = {
        "gelu": [value * 0.5 * (1 + float(torch.erf(torch.tensor(value / 2**0.5)))) for value in values],
        "elu": [value if value > 0 else np.exp(value) - 1 for value in values],
        "leaky relu": [value if value > 0 else 0.01 * value for value in values],
    }
    with network_shape.activation(name):
        of_tensor = network_shape.ACTIVATIONS["relu"](torch.from_numpy(values)).numpy()
        of_array = network_shape.ARRAY_ACTIVATIONS["relu"](values.copy())
    np.testing.assert_allclose(of_tensor, slow[name], atol=1e-6)
    np.testing.assert_allclose(of_array, slow[name], atol=1e-6)


def test_an_encoder_with_other_blocks_has_them():
    with network_shape.blocks(3):
        module = fitted(history_encoder="residual", blend={"collaborative": 1.0}).module_
    first, second, _ = (block[0].weight for block in module.history.blocks)
    assert not (first == second).all()


@pytest.mark.parametrize("published", [False, True])
def test_a_network_of_depth_one_is_the_usual_one(published):
    parameters = {**(PAPER_PARAMS if published else {}), **QUICK}
    usual = fitted(**parameters)
    with deeper_network.depth(1, 1):
        same = fitted(**parameters)
    users = usual.user_ids_
    np.testing.assert_array_equal(scores_of(same, users), scores_of(usual, users))


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("part", ["collaborative", "one_hop"])
@pytest.mark.parametrize("depths", [(1, 3), (3, 1), (2, 2)])
def test_deeper_networks_answer_with_what_they_train(published, part, depths):
    """Every layer is passed in training and in answers, and in the same order."""
    parameters = {**(PAPER_PARAMS if published else {}), "history_encoder": "shared", "context_size": 1}
    parameters |= {"history_decay": 1.0, "blend": {part: 1.0}, "learning_rate": 0.01, **QUICK, "n_components": 12}
    with deeper_network.depth(*depths):
        recommender = fitted(**parameters)
        module, heads = recommender.module_, HEADS[recommender.objective]()
        rows, decoder = rows_shown(recommender, part)
        batch = Batch(decoder, rows, rows)
        dropout = dict.fromkeys(("encoder", *deeper_network.DECODERS), 0.5)  # of which nothing is left in answers
        objective = OBJECTIVES[recommender.objective]()
        logits = objective.logits(module, module.weights(decoder), batch, dropout)
        trained = (heads.OUTPUTS[decoder](logits) if published else logits).numpy()
        answered = scores_of(recommender, recommender.user_ids_)
    layers = [*module.encoder_layers, *module.decoder_layers[decoder]]
    assert len(layers) == depths[0] + depths[1] - 2
    hidden = rows.to_dense(module.n_items) @ module.encoder_weight + module.encoder_bias
    for layer in layers:
        hidden = hidden.clamp_min(0) @ layer.weight.T + layer.bias
    last = module.decoder(decoder)
    outputs = hidden.clamp_min(0) @ last.weight.T + last.bias
    expected = (heads.OUTPUTS[decoder](outputs) if published else outputs).numpy()
    assert expected.std(0).max() > 1e-4  # users differ
    np.testing.assert_allclose(trained, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answered, expected, rtol=1e-4, atol=1e-5)


def rows_shown(recommender, part):
    """Return what a decoder is shown of every user in turn, and the decoder."""
    if part == "collaborative":
        matrix, decoder = UserItemTransformer().fit_transform(LOG), "collaborative"
    else:
        names = ("transition_window", "transition_decay")
        settings = {name: recommender.get_params()[name] for name in names}
        newest = [LOG.items[LOG.users == user][-1] for user in range(len(LOG.user_ids))]
        matrix, decoder = ItemTransitionTransformer(**settings).fit_transform(LOG)[newest], "source"
    rows = gather_rows(matrix.tocsr(), np.arange(matrix.shape[0]))
    return (rows if recommender.objective == "paper" else unit_rows(rows)), decoder


def attend_slowly(encoder, vectors, weights):
    """Return one encoded history, oldest place first, by the words of the encoder's docstring."""
    hidden = [
        vector if weight > 0 else torch.zeros_like(vector) for vector, weight in zip(vectors, weights, strict=True)
    ]
    for block in encoder.blocks:
        normed = [block.norm(vector) for vector in hidden]
        hidden = [
            vector + block.from_heads(torch.cat([head(block, normed, weights, place, h) for h in range(4)]))
            for place, vector in enumerate(hidden)
        ]
        hidden = [vector + block.feed_forward(vector) for vector in hidden]
    return encoder.norm(hidden[-1])


def head(block, normed, weights, place, number):
    """Return what one head reads at one place."""
    width = len(normed[0]) // 4
    own = slice(number * width, (number + 1) * width)
    query = block.to_queries(normed[place])[own]
    logits, values = [], []
    for other in range(place + 1):
        if weights[other] > 0 or other == place:
            key, value = block.to_keys_and_values(normed[other]).chunk(2)
            penalty = (0.0, 0.01, 0.05, 0.2)[number] * (place - other)
            counts = math.log(weights[other]) if weights[other] > 0 else 0.0
            logits.append(query @ key[own] / width**0.5 - penalty + counts)
            values.append(value[own])
    shares = torch.stack(logits).softmax(0)
    return sum(share * value for share, value in zip(shares, values, strict=True))


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1000),
    lengths=st.lists(st.integers(0, 7), min_size=1, max_size=3),
    counts=st.lists(st.sampled_from([0, WEIGHT_UNIT // 2, WEIGHT_UNIT, 3 * WEIGHT_UNIT]), min_size=21, max_size=21),
)
def test_attention_reads_as_its_words_say(seed, lengths, counts):
    """In training, in batches of answers, and in answers to one; items 6 and 7 have no weights."""
    torch.manual_seed(seed)
    encoder = attention_encoder.AttentionEncoder(8, 0.5).eval().requires_grad_(False)
    weight, n_events = 3 * torch.randn(6, 8), sum(lengths)
    for layer in encoder.modules():  # attention that is sharp, so that a wrong key is seen
        if isinstance(layer, torch.nn.Linear):
            layer.weight.mul_(3)
    items = np.random.default_rng(seed).integers(8, size=n_events)
    histories = Histories.of_lengths(items, np.array(lengths), weights=np.array(counts[:n_events], dtype=np.int64))
    reader = encoder.reader(weight)
    read, trained = reader.encode(histories), None
    if (items < 6).all():  # training shows no others
        trained = encoder(item_sequences(histories, encoder.LENGTH), weight)
    for row, (start, end) in enumerate(zip(histories.starts, histories.ends, strict=True)):
        of_row = histories.weights[start:end] / WEIGHT_UNIT
        shown = items[start:end]
        alone = reader.encode_one(shown, of_row.astype(np.float32))
        vectors = [weight[item] if item < 6 else torch.zeros(8) for item in shown] or [torch.zeros(8)]
        seen = np.where(shown < 6, of_row, 0.0) if len(shown) else [0.0]
        expected = attend_slowly(encoder, vectors, seen)
        for found in (read[row], torch.from_numpy(alone), *([] if trained is None else [trained[row]])):
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_attention_reads_the_newest_items_only():
    torch.manual_seed(0)
    encoder = attention_encoder.AttentionEncoder(8, 0.0).eval().requires_grad_(False)
    items = np.random.default_rng(0).integers(9, size=encoder.LENGTH + 5)
    reader = encoder.reader(torch.randn(9, 8))
    np.testing.assert_array_equal(reader.encode_one(items, None), reader.encode_one(items[5:], None))
    assert not np.allclose(reader.encode_one(items, None), reader.encode_one(items[6:], None))


def test_attention_needs_a_width_for_each_head(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["network_shape.py", "--components", "6"])
    with pytest.raises(SystemExit):
        network_shape.parse_options()
    assert "--components: attention has 4 heads and needs a multiple, not 6." in capsys.readouterr().err
