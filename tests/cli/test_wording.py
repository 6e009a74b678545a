"""Messages name options where the package names parameters: nobody can write Python into a command."""

import re

import pytest
from messages import messages

from skautoseqrec._cli.wording import in_options

#: Rooms whose messages a command can meet, and what none of its options reaches.
ROOMS = ("_data", "_counts", "_answers", "_fit_settings", "datasets/_files", "datasets/_titles", "model_selection")
OUT_OF_REACH = ("on_unknown=", "output=", "by='embeddings'", "history_encoder=", "objective=", "cv=")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("columns={'user': 'who', 'item': '...'}, or", "--user who --item ..., or"),
        ("it: columns={'time': ...}.", "it: --time ...."),
        ("""columns={'user': "it's {mine}"}.""", """--user 'it'"'"'s {mine}'."""),
        ("the names of the columns, names=('user', 'item', ...).", "the names of the columns, --names user,item,...."),
        ("skip_missing=True leaves such rows out.", "--skip-missing leaves such rows out."),
        ("fit with exclude_seen=False: it", "fit --include-seen: it"),
        ("set exclude_seen=False: it", "--include-seen: it"),
        ("time_format='%m/%d/%Y %H:%M' reads", "--time-format '%m/%d/%Y %H:%M' reads"),
        ("take ties='together'.", "take --ties 'together'."),
        ("event_weights or judge asks for", "--event-weights or --judge asks for"),
        ("for n_splits=2 and 9 events", "for --folds 2 and 9 events"),
        ("nothing to train on with test_size=0.5.", "nothing to train on with --test-size 0.5."),
        ("is not clear: name them, item=..., title=... .", "is not clear: name them item_id and title in the file."),
        ("nothing to say here.", "nothing to say here."),
    ],
)
def test_parameters_become_options(message, expected):
    assert in_options(message) == expected


def test_no_message_that_a_command_can_meet_speaks_python():
    met = {place: text.replace("…", "'x'") for place, text in messages() if place.startswith(ROOMS)}
    assert len(met) > 100
    spoken = {place: in_options(text.replace("columns='x'", "columns={'user': 'x'}")) for place, text in met.items()}
    python = {place: text for place, text in spoken.items() if re.search(r"\w=[\w'\"{(\[]", text)}
    assert {place: text for place, text in python.items() if not any(name in text for name in OUT_OF_REACH)} == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user_id;item_id\n1;2\n", "say what stands between fields, --sep ';'."),
        ("user_id\titem_id\n1\t2\n", r"say what stands between fields, --sep '\t'."),
        ("bought thing,user_id\n1,2\n", "Name them: --user user_id --item 'bought thing', or rename them"),
    ],
)
def test_an_error_names_the_option_that_would_do(cli, tmp_path, text, message):
    log = tmp_path / "log.csv"
    log.write_text(text, encoding="utf-8")
    code, _, err = cli("fit", log, "-o", tmp_path / "model", "--fast")
    assert code == 1
    assert message in err
