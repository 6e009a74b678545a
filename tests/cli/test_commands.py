"""What each command prints and saves, and how it says no."""

import csv
import io
import json

import numpy as np
import pytest
from archives import MOVIELENS_FILES

from skautoseqrec import AutoSeqRecRecommender, load_model
from skautoseqrec._cli import commands, logs, training
from skautoseqrec._cli.comparing import USUAL
from skautoseqrec.baselines import MarkovRecommender, PopularityRecommender, RandomRecommender
from skautoseqrec.datasets import load_interactions, make_interactions, make_shop_log
from skautoseqrec.metrics import mean_reciprocal_rank, ranks_from_reciprocal
from skautoseqrec.model_selection import TemporalSplit, compare

original = training.AutoSeqRecRecommender


def table(text):
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def answers(path, users):
    return load_model(path).predict_topk(users, k=5, return_scores=True)


class TestFit:
    def test_a_model_is_fitted_evaluated_and_saved(self, cli, tmp_path):
        X = make_interactions(60, 30, 900, random_state=0)
        log, path = tmp_path / "log.csv", tmp_path / "model.safetensors"
        np.savetxt(log, X, fmt="%d", delimiter=",", header="user,item,time", comments="")
        code, out, err = cli("fit", log, "-o", path, "--fast", "--test-size", "0.2", "--json", "--include-seen")
        facts = json.loads(out)
        assert code == 0
        assert facts["events"] == 900
        assert 0 < facts["mrr"] <= facts["ndcg@10"] + 0.1
        model = load_model(path)
        assert (model.objective, model.exclude_seen) == ("closed_form", False)
        assert facts["users"] == len(model.user_ids_) == len(np.unique(X[:, 0]))
        code, out, err = cli("fit", log, "-o", path, "--fast", "-q")
        assert (code, err) == (0, "")
        assert "events   900" in out
        assert (model.ties, cli("fit", log, "-o", path, "--fast", "-q", "--ties", "together")[0]) == ("auto", 0)
        assert load_model(path).ties == "together"

    def test_progress_of_a_network_goes_to_stderr(self, cli, tmp_path, monkeypatch):
        log = tmp_path / "log.csv"
        np.savetxt(log, make_interactions(20, 12, 100, random_state=0), fmt="%d", delimiter=",",
                   header="user,item,time", comments="")  # fmt: skip
        tiny = {"n_components": 4, "max_iter": 2, "early_stopping": False, "blend": {"direct": 1.0}}
        monkeypatch.setattr(training, "AutoSeqRecRecommender", lambda **given: original(**given | tiny))
        code, out, err = cli("fit", log, "-o", tmp_path / "m", "--json")
        assert code == 0
        assert json.loads(out)["events"] == 100
        assert "epoch of the whole log 2:" in err

    def test_an_interrupt_saves_nothing_though_the_fit_would_keep_its_epochs(self, cli, model, tmp_path, monkeypatch):
        before = model.read_bytes()

        def fit(self, X):
            import signal

            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                return self

        monkeypatch.setattr(original, "fit", fit)
        log = written(tmp_path / "log.csv", "user,item\n1,2\n")
        code, out, err = cli("fit", log, "-o", model)
        assert (code, out, err.strip()) == (130, "", "Interrupted; nothing was saved.")
        assert model.read_bytes() == before


class TestEvaluate:
    @pytest.mark.parametrize("as_json", [True, False])
    def test_it_ranks_as_the_model_does(self, cli, model, tmp_path, as_json):
        rows = [(1, 50, 900), (2, 10, 901), (77, 20, 902)]
        log = written(tmp_path / "log.csv", "user,item,time\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows))
        before = model.read_bytes()
        code, out, err = cli("evaluate", model, log, "-k", "3", *["--json"] * as_json)
        mrr = mean_reciprocal_rank(ranks_from_reciprocal(load_model(model).score_samples(rows)))
        assert (code, err, model.read_bytes()) == (0, "", before)
        if as_json:
            assert json.loads(out)["mrr"] == mrr
            assert set(json.loads(out)) == {"events", "mrr", "recall@3", "ndcg@3", "seconds"}
        else:
            assert f"mrr       {mrr:.4f}" in out

    def test_a_warning_is_one_line(self, cli, model, tmp_path):
        log = written(tmp_path / "log.csv", "user,item,time\n1,999,900\n1,998,901\n")
        code, _, err = cli("evaluate", model, log)
        assert code == 0
        assert err.startswith("Warning: ")
        assert err.count("\n") == 1


class TestRecommend:
    def test_a_table_with_titles(self, cli, model, tmp_path):
        ids, scores = answers(model, [1, 2])
        named, other = ids.compressed().tolist()[:2]
        titles = written(tmp_path / "titles.csv", f"item,title\n{named},A title\n")
        code, out, err = cli("recommend", model, "1", "2", "-k", "5", "--titles", titles)
        rows = table(out)
        assert (code, err) == (0, "")
        assert [int(row["item"]) for row in rows] == ids.compressed().tolist()
        assert {row["title"] for row in rows if row["item"] == str(named)} == {"A title"}
        assert {row["title"] for row in rows if row["item"] == str(other)} == {""}
        assert [row["rank"] for row in rows if row["user"] == "2"] == ["1", "2"]
        np.testing.assert_allclose([float(row["score"]) for row in rows], scores.compressed(), atol=1e-4)

    def test_a_user_who_has_seen_everything_is_noted(self, cli, model):
        items = load_model(model).item_ids_.tolist()
        recommender = load_model(model).partial_update([(1, item, 1000 + item) for item in items])
        recommender.save_model(model)
        code, out, err = cli("recommend", model, "1", "2", "--json")
        assert [bool(json.loads(line)["items"]) for line in out.splitlines()] == [False, True]
        assert (code, err) == (0, "Users who have seen or dislike all items, and got nothing: 1.\n")
        _, out, err = cli("recommend", model, "1", "--json", "--include-seen")
        assert (len(json.loads(out)["items"]), err) == (len(items), "")

    def test_a_file_of_other_titles_is_noted(self, cli, model, tmp_path):
        titles = written(tmp_path / "titles.csv", "item,title\nother,A title\n")
        code, _, err = cli("recommend", model, "1", "--titles", titles)
        assert (code, err) == (0, "No item of the model has a title in the file of titles.\n")

    def test_json_has_an_object_for_each_user_and_tells_who_is_known(self, cli, model):
        code, out, err = cli("recommend", model, "--users", "-", "--json", "--include-seen", stdin="1\n\n 900 \n")
        lines = [json.loads(line) for line in out.splitlines()]
        assert code == 0
        told = [(line["user"], line["is_known"], len(line["items"])) for line in lines]
        assert told == [(1, True, 5), (900, False, 5)]
        assert set(lines[0]["items"][0]) == {"item", "score"}
        assert "popular: 1" in err

    @pytest.mark.parametrize("as_json", [True, False])
    def test_users_come_in_any_number(self, cli, model, tmp_path, monkeypatch, as_json):
        users = [1 + place % 8 for place in range(50)]
        file = written(tmp_path / "users.txt", "\n".join(map(str, users)))
        whole = cli("recommend", model, "--users", file, *["--json"] * as_json)
        monkeypatch.setattr(commands, "USERS", 7)
        assert cli("recommend", model, "--users", file, *["--json"] * as_json) == whole
        assert whole[1].count("user\trank") == (not as_json)

    def test_ids_that_are_text_stay_as_they_are(self, cli, text_model):
        code, out, _ = cli("recommend", text_model, "01", "--json")
        assert code == 0
        assert json.loads(out)["is_known"]
        assert all(row["item"].startswith("tea ") for row in json.loads(out)["items"])

    @pytest.mark.parametrize("user", ["ann", "1_0", "1.5", ""])
    def test_an_id_of_another_kind_is_refused(self, cli, model, user):
        assert cli("recommend", model, user) == (
            1, "", f"Error: user {user!r} is no number, and the users of this model are numbers.\n",
        )  # fmt: skip


class TestUpdate:
    ROWS = [(1, 50, 900), (2, 10, 901), (77, 20, 902), (77, 60, 903), (1, 60, 904)]

    def expected(self, path):
        return load_model(path).partial_update(self.ROWS)

    def spelled(self, name):
        if name.endswith(".jsonl"):
            return "".join(
                json.dumps(dict(zip(("user", "item", "time"), row, strict=True))) + "\n" for row in self.ROWS
            )
        sep = "\t" if name.endswith(".tsv") else ","
        return f"user{sep}item{sep}time\n" + "".join(sep.join(map(str, row)) + "\n" for row in self.ROWS)

    @pytest.mark.parametrize("n_lines", [1, 2, 50_000])
    @pytest.mark.parametrize("name", ["log.csv", "log.tsv", "log.jsonl", "-.csv", "-.jsonl"])
    def test_in_pieces_or_at_once_it_is_the_same_model(self, cli, model, tmp_path, monkeypatch, name, n_lines):
        monkeypatch.setattr(logs, "LINES", n_lines)
        expected = self.expected(model)
        text = self.spelled(name)
        log, stdin = ("-", text) if name.startswith("-") else (written(tmp_path / name, text + "\n"), "")
        code, out, err = cli("update", model, log, "--json", stdin=stdin)
        assert code == 0, err
        assert json.loads(out)["events_added"] == 5
        assert err.count(" added\n") == -(-5 // n_lines)
        found = load_model(model)
        assert found.item_ids_.tolist() == expected.item_ids_.tolist()
        for users in ([1, 2, 77], [5]):
            answers = [model.predict_topk(users, return_scores=True) for model in (found, expected)]
            for one, other in zip(*answers, strict=True):
                np.testing.assert_allclose(one.filled(0), other.filled(0), rtol=1e-6)

    @pytest.mark.parametrize("names", ["person,thing,when", "thing,when,person,user"])
    def test_the_names_of_columns_that_a_model_was_fitted_with_are_known(self, cli, tmp_path, names):
        spelled = ["--user", "person", "--item", "thing", "--time", "when"]
        log = written(tmp_path / "log.csv", "person,thing,when\n" + "1,5,1\n1,6,2\n2,5,3\n2,7,4\n")
        path = tmp_path / "model"
        assert cli("fit", log, "-o", path, "--fast", "-q", *spelled)[0] == 0
        fields = {"person": "3", "thing": "5", "when": "9", "user": "4"}
        newer = written(tmp_path / "new.csv", names + "\n" + ",".join(fields[name] for name in names.split(",")) + "\n")
        assert cli("evaluate", path, newer)[0] == 0
        assert cli("update", path, newer)[0] == 0
        assert load_model(path).user_ids_.tolist() == [1, 2, 3]
        code, _, err = cli("update", path, written(tmp_path / "other.csv", "user,item,time\n8,5,10\n"))
        assert (code, "'person'" in err) == (1, True)
        assert cli("update", path, tmp_path / "other.csv", "--user", "user", "--item", "item", "--time", "time")[0] == 0

    def test_parquet(self, cli, model, tmp_path):
        import pandas as pd

        pd.DataFrame(self.ROWS, columns=["user", "item", "time"]).to_parquet(tmp_path / "log.parquet")
        assert cli("update", model, tmp_path / "log.parquet", "-q")[0] == 0
        assert 77 in load_model(model).user_ids_

    def test_ids_that_look_like_numbers_are_text_where_ids_are(self, cli, text_model, tmp_path, monkeypatch):
        monkeypatch.setattr(logs, "LINES", 2)
        log = written(tmp_path / "log.csv", "user,item,time\n7,8,900\n9,10,901\n01,tea 10,902\n")
        assert cli("update", text_model, log)[0] == 0
        assert load_model(text_model).user_ids_.tolist()[-2:] == ["7", "9"]

    @pytest.mark.parametrize("n_lines", [1, 50_000])
    def test_ids_that_look_like_fractions_stay_as_they_are_spelled(self, cli, tmp_path, monkeypatch, n_lines):
        monkeypatch.setattr(logs, "LINES", n_lines)
        log = written(tmp_path / "log.csv", "user,item,time\na,1.0,1\na,2.0,2\nb,beta,3\nb,1.0,4\n")
        assert cli("fit", log, "-o", tmp_path / "m", "--fast", "-q")[0] == 0
        newer = written(tmp_path / "newer.csv", "user,item,time\nb,2.0,5\nc,1.0,6\nc,2.0,7\n")
        code, out, _ = cli("evaluate", tmp_path / "m", newer, "--json")
        assert (code, json.loads(out)["mrr"] > 0) == (0, True)
        assert cli("update", tmp_path / "m", newer)[0] == 0
        assert load_model(tmp_path / "m").item_ids_.tolist() == ["1.0", "2.0", "beta"]

    def test_a_piece_without_a_whole_row_is_left_out_and_said(self, cli, model, tmp_path, monkeypatch):
        monkeypatch.setattr(logs, "LINES", 2)
        before = len(load_model(model)._serving.state.events)
        log = written(tmp_path / "log.csv", "user,item,time\n1,2,900\n1,3,901\n1,,902\n,3,903\n2,3,904\n")
        code, _, err = cli("update", model, log, "--skip-missing")
        assert code == 0
        assert "Lines 4 to 5 of" in err
        assert "are left out: each lacks a value" in err
        assert len(load_model(model)._serving.state.events) == before + 3
        nothing = written(tmp_path / "none.csv", "user,item,time\n1,,902\n")
        code, _, err = cli("update", model, nothing, "--skip-missing")
        assert code == 1
        assert "has no row of which nothing is missing" in err

    def test_a_quoted_field_is_not_cut_in_two(self, cli, text_model, monkeypatch):
        monkeypatch.setattr(logs, "LINES", 2)
        text = 'user,review,item,time\n01,a,tea 1,900\n01,"two\nlines",tea 2,901\n01,"x ""y""",tea 3,902\n'
        code, out, err = cli("update", text_model, "-", "--json", stdin=text)
        assert (code, json.loads(out)["events_added"]) == (0, 3)
        assert "Warning" not in err

    def test_what_cannot_be_read_changes_nothing_and_says_where(self, cli, model, tmp_path, monkeypatch):
        monkeypatch.setattr(logs, "LINES", 2)
        before = model.read_bytes()
        log = written(tmp_path / "log.csv", "user,item,time\n1,50,900\n2,50,901\n3,50,902\n4,50\n")
        code, out, err = cli("update", model, log, "-q")
        assert (code, out) == (1, "")
        assert "Line 3 has 2 fields" in err
        assert "from line 4 on)" in err
        assert err.count("\n") == 1
        assert model.read_bytes() == before
        assert cli("update", model, "-", "-q", stdin="user,item,time\n")[2] == "Error: '-' has no events.\n"

    def test_a_model_that_was_replaced_meanwhile_is_not_overwritten(self, cli, model, tmp_path, monkeypatch):
        log = written(tmp_path / "log.csv", self.spelled("log.csv"))

        def load_and_replace(path):
            loaded = load_model(path)
            loaded.save_model(path)
            return loaded

        monkeypatch.setattr(commands, "load_model", load_and_replace)
        code, out, err = cli("update", model, log, "-q")
        assert (code, out) == (1, "")
        assert "was replaced meanwhile" in err
        assert 77 not in load_model(model).user_ids_

    def test_the_updated_model_may_go_elsewhere(self, cli, model, tmp_path):
        before = model.read_bytes()
        log, output = written(tmp_path / "log.csv", self.spelled("log.csv")), tmp_path / "other"
        assert cli("update", model, log, "-o", output)[0] == 0
        assert model.read_bytes() == before
        assert 77 in load_model(output).user_ids_


class TestExplain:
    def test_parts_and_past_items(self, cli, tmp_path):
        log = make_interactions(60, 30, 900, random_state=0)
        path = tmp_path / "m"
        blend = {"direct": 1.0, "neighbours": 1.0, "trend": (0, 1, 0, 0)}
        settings = {"objective": "closed_form", "early_stopping": False, "verbose": 0}
        AutoSeqRecRecommender(blend=blend, **settings).fit(log).save_model(path)
        user, item = int(log[-1, 0]), int(log[-1, 1])
        told = load_model(path).explain([user], [item])
        titles = written(tmp_path / "t.csv", f"item,title\n{item},The one\n")
        code, out, _ = cli("explain", path, user, item, "--titles", titles, "--json")
        (reason,) = map(json.loads, out.splitlines())
        assert code == 0
        assert reason["title"] == "The one"
        assert reason["parts"] == {part: float(values[0, 0]) for part, values in told.centered.items()}
        past = [reason["past_items"][str(other)] for other in told.past_items[0] if str(other) in reason["past_items"]]
        assert sorted(past) == sorted(value for value in told.neighbours[0][:, 0].tolist() if value > 0)
        assert (reason["status"], reason["place"]) == ("seen", None)
        (row,) = table(cli("explain", path, user, item, "--titles", titles)[1])
        assert row == {"item": str(item), "title": "The one", "sentence": "Not recommended: the user has seen it."}
        rows = table(cli("explain", path, user, item, "--titles", titles, "--parts")[1])
        assert {row["kind"] for row in rows} == {"part", "past item"}
        assert {row["title"] for row in rows} == {"The one"}

    def test_what_an_item_that_was_met_twice_adds_is_summed(self, cli, tmp_path):
        rows = ["u1,a,1", "u1,b,2", "u2,a,3", "u2,c,4", "u3,a,5", "u3,c,6", "u1,a,7", "u4,a,8", "u4,b,9", "u4,a,10"]
        log = written(tmp_path / "log.csv", "\n".join(["user,item,time", *rows, ""]))
        assert cli("fit", log, "-o", tmp_path / "m", "--fast", "--include-seen", "-q")[0] == 0
        told = load_model(tmp_path / "m").explain("u1", "c")
        expected = {"a": 0.0, "b": 0.0}
        for name, value in zip(told.past_items[0], told.neighbours[0][:, 0], strict=True):
            expected[name] += float(value)
        (reason,) = map(json.loads, cli("explain", tmp_path / "m", "u1", "c", "--json")[1].splitlines())
        assert reason["past_items"] == pytest.approx({name: value for name, value in expected.items() if value > 0})

    def test_an_item_that_is_not_known_is_refused(self, cli, model):
        code, out, err = cli("explain", model, "1", "999")
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "999" in err

    def test_a_candidate_is_explained_in_titles(self, cli, model, tmp_path):
        recommender = load_model(model)
        user = recommender.user_ids_[0]
        item, last = recommender.predict_topk([user], k=1)[0, 0], recommender.explain([user], [10]).past_items[0][0]
        titles = written(tmp_path / "t.csv", f"item,title\n{item},The one\n{last},The last\n")
        (reason,) = map(json.loads, cli("explain", model, user, item, "--titles", titles, "--json")[1].splitlines())
        assert (reason["place"], reason["status"]) == (1, "candidate")
        assert "Because of 'The last'" in reason["sentence"] or "The last" in reason["sentence"]


class TestCompare:
    @pytest.fixture
    def log(self, tmp_path):
        X = make_interactions(60, 30, 900, random_state=0)
        path = tmp_path / "log.csv"
        np.savetxt(path, X, fmt="%d", delimiter=",", header="user,item,time", comments="")
        return path

    def test_the_table_is_that_of_compare(self, cli, log):
        code, out, err = cli("compare", log, "-m", "markov", "-m", "random", "-k", "5", "--folds", "2", "--json")
        assert code == 0
        assert err.count("fitted in") == 4
        records = list(map(json.loads, out.splitlines()))
        models = {"markov": MarkovRecommender(), "random": RandomRecommender(random_state=0)}
        expected = compare(
            models, load_interactions(log), cv=TemporalSplit(2, test_size=0.1), metrics=["mrr", "recall@5", "ndcg@5"],
            random_state=0,
        ).table  # fmt: skip
        assert [record["value"] for record in records] == expected["value"].tolist()
        assert [record["difference"] for record in records[:3]] == [None] * 3
        assert [record["difference"] for record in records[3:]] == expected["difference"].tolist()[3:]

    def test_the_usual_models_are_compared_quietly(self, cli, log):
        code, out, err = cli("compare", log, "-q", "--include-seen")
        rows = table(out)
        assert (code, err) == (0, "")
        assert list(dict.fromkeys(row["model"] for row in rows)) == list(USUAL)
        assert {row["difference"] for row in rows if row["model"] == "popularity"} == {""}

    def test_what_counts_all_events_alike_is_left_out_of_the_usual_models_of_a_weighted_log(self, cli, log, tmp_path):
        rows = [line.split(",") for line in log.read_text().splitlines()]
        lines = [",".join([*row, "weight" if place == 0 else str(1 + place % 2)]) for place, row in enumerate(rows)]
        weighted = written(tmp_path / "weighted.csv", "\n".join([*lines, ""]))
        code, out, err = cli("compare", weighted, "--json")
        assert code == 0
        assert {json.loads(line)["model"] for line in out.splitlines()} == {
            "popularity",
            "decayed-popularity",
            "markov",
            "fast",
        }
        assert "Left out, for they count all events alike: item-knn." in err
        code, out, err = cli("compare", weighted, "-m", "popularity", "-m", "item-knn")
        assert (code, out) == (1, "")
        assert "item-knn counts all events alike" in err

    def test_an_unknown_model_is_misuse(self, cli, log):
        code, out, err = cli("compare", log, "-m", "magic")
        assert (code, out) == (2, "")
        assert "magic" in err


class TestInfo:
    def test_what_a_model_is(self, cli, model):
        code, out, _ = cli("info", model, "--json")
        facts = json.loads(out)
        assert (code, facts["objective"], facts["users"], facts["items"]) == (0, "closed_form", 8, 5)
        assert facts["blend"]["direct"][0] == 1.0
        assert "objective     closed_form" in cli("info", model)[1]

    def test_a_file_that_is_no_model(self, cli, tmp_path):
        code, out, err = cli("info", written(tmp_path / "m", "no model"))
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith("Error: ")


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [["fit", __file__], ["nonsense"], ["info"], ["info", "/no/such/file"], ["recommend", __file__],
         ["recommend", __file__, "1", "--users", "-"], ["fit", __file__, "-o", "m", "--test-size", "1"],
         ["recommend", __file__, "1", "-k", "0"]],
    )  # fmt: skip
    def test_misuse_is_2(self, cli, arguments):
        code, out, err = cli(*arguments)
        assert (code, out) == (2, "")
        assert "Error: " in err

    @pytest.mark.parametrize("name", ["log.csv", "./link.csv", "../{folder}/log.csv", "hard.csv"])
    def test_a_model_does_not_replace_the_log_it_is_made_of(self, cli, model, tmp_path, monkeypatch, name):
        monkeypatch.chdir(tmp_path)
        log = written(tmp_path / "log.csv", "user,item,time\n1,20,900\n2,10,901\n")
        (tmp_path / "link.csv").symlink_to(log)
        (tmp_path / "hard.csv").hardlink_to(log)
        before = log.read_bytes(), model.read_bytes()
        for command in (["fit", log, "--fast"], ["update", model, log], ["update", log, log]):
            output = [] if command == ["update", log, log] else ["-o", name.format(folder=tmp_path.name)]
            code, out, err = cli(*command, *output)
            assert (code, out) == (2, "")
            assert "The model would replace the log: " in err
        assert (log.read_bytes(), model.read_bytes()) == before

    @pytest.mark.parametrize(
        ("output", "message"),
        [("nowhere/model", "There is no folder 'nowhere' for the model"), ("-", "A model cannot go to stdout")],
    )
    def test_where_a_model_cannot_go_is_said_before_anything_is_read(
        self, cli, model, tmp_path, monkeypatch, output, message
    ):
        monkeypatch.chdir(tmp_path)
        log = written(tmp_path / "log.csv", "no log\n")
        for command in (["fit", log], ["update", model, log], ["update", model, "-"]):
            code, out, err = cli(*command, "-o", output)
            assert (code, out) == (2, "")
            assert message in err
        assert not (tmp_path / "-").exists()

    @pytest.mark.parametrize("command", [[], *([name] for name in commands.commands.commands)])
    def test_help(self, cli, command):
        code, out, _ = cli(*command, "--help")
        assert code == 0
        assert out.startswith("Usage: skautoseqrec")

    def test_version(self, cli):
        assert cli("--version")[0] == 0


@pytest.mark.parametrize(
    ("log", "text", "options", "titles"),
    [
        ("ratings.csv", MOVIELENS_FILES["32m"]["ratings.csv"], [],
         ("movies.csv", MOVIELENS_FILES["32m"]["movies.csv"])),
        ("u.data", MOVIELENS_FILES["100k"]["u.data"], ["--sep", "tab", "--names", "user,item,rating,timestamp"],
         ("u.item", MOVIELENS_FILES["100k"]["u.item"])),
        ("ratings.dat", MOVIELENS_FILES["1m"]["ratings.dat"], ["--sep", "::", "--names", "user,item,rating,timestamp"],
         ("movies.dat", MOVIELENS_FILES["1m"]["movies.dat"])),
        ("retail.csv",
         "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
         "1,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850,UK\n1,71053,LAMP,6,12/1/2010 8:26,2.55,17850,UK\n"
         "2,85123A,HOLDER,6,12/1/2010 9:26,2.55,,UK\n3,22139,\xa3 BOX,6,12/2/2010 9:26,2.55,13047,UK\n",
         ["--encoding", "latin-1", "--time-format", "%m/%d/%Y %H:%M", "--skip-missing"], None),
    ],
    ids=["ratings.csv", "u.data", "ratings.dat", "retail.csv"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_from_a_file_as_it_comes_to_a_titled_list_in_two_commands(cli, tmp_path, log, text, options, titles):
    log = tmp_path / log
    log.write_bytes(text.encode("utf-8" if titles and titles[0] == "movies.csv" else "latin-1"))
    table_of_titles = log
    if titles is not None:
        table_of_titles = tmp_path / titles[0]
        table_of_titles.write_bytes(titles[1].encode("utf-8" if titles[0] == "movies.csv" else "latin-1"))
    code, out, err = cli("fit", log, "-o", tmp_path / "m", "--fast", *options)
    assert code == 0, err
    user = load_model(tmp_path / "m").user_ids_[0]
    code, out, err = cli("recommend", tmp_path / "m", user, "--titles", table_of_titles, "--include-seen")
    assert (code, err) == (0, "")
    assert len(table(out)) >= 2
    assert all(row["title"] for row in table(out))


class TestKinds:
    @pytest.fixture
    def shop(self, tmp_path):
        log = make_shop_log(n_users=40, n_items=15, n_purchases=4, n_views=2, random_state=0)
        rows = zip(log.users, log.items, log.times, log.events, strict=True)
        lines = [",".join(map(str, row)) for row in rows]
        for name, part in (("past.csv", lines[:350]), ("newer.csv", lines[350:])):
            written(tmp_path / name, "\n".join(["user,item,time,what", *part]))
        return tmp_path

    def test_kinds_weigh_and_are_judged(self, cli, shop):
        path, form = shop / "m", ("--event", "what", "--json")
        fast = ("--fast", "-q", "--include-seen", "--event-weights", "view=.1,buy=1")
        code, out, err = cli("fit", shop / "past.csv", "-o", path, *fast, *form, "--test-size", ".2", "--judge", "buy")
        assert code == 0, err
        assert json.loads(out)["mrr"] > 0
        assert 0 < json.loads(out)["judged"] < 70
        assert load_model(path).event_weights == {"view": 0.1, "buy": 1.0}
        figures = {}
        for kind in ("buy", "view"):
            code, out, err = cli("evaluate", path, shop / "newer.csv", "--judge", kind, *form)
            assert code == 0, err
            figures[kind] = json.loads(out)["mrr"]
        assert len(set(figures.values())) == 2
        assert cli("update", path, shop / "newer.csv")[0] == 0
        events = load_model(path)._serving.state.events
        assert set(events.weights(350, len(events)).tolist()) == {102, 1024}
        assert cli("info", path)[1].count("buy") == 1
        code, out, err = cli("update", path, written(shop / "kindless.csv", "user,item,time\n1,2,3\n"))
        assert code == 1
        assert "'what'" in err

    def test_kinds_are_compared(self, cli, shop):
        models = ("-m", "popularity", "-m", "fast", "--include-seen", "-q", "--json")
        weighed = ("--event", "what", "--event-weights", "view=0,buy=1", "--judge", "buy")
        log = shop / "past.csv"
        code, out, err = cli("compare", log, *models, *weighed)
        assert code == 0, err
        records = [record for record in map(json.loads, out.splitlines()) if record["metric"] == "mrr"]
        events = load_interactions(log, columns={"event": "what"})
        ours = AutoSeqRecRecommender(
            objective="closed_form", event_weights={"view": 0, "buy": 1}, exclude_seen=False, random_state=0, verbose=0
        )
        both = {"popularity": PopularityRecommender(exclude_seen=False), "fast": ours}
        expected = compare(both, events, metrics="mrr", judge="buy", random_state=0).table
        assert [record["value"] for record in records] == expected["value"].tolist()

    def test_a_kind_that_never_occurs_is_refused_before_the_fit(self, cli, shop, monkeypatch):
        monkeypatch.setattr(original, "fit", lambda *_: pytest.fail("fitted"))
        options = ("--event", "what", "--test-size", ".2", "--judge", "purchase")
        code, _, err = cli("fit", shop / "past.csv", "-o", shop / "m", "--fast", "-q", *options)
        assert code == 1
        assert "no event of the kind 'purchase'" in err

    def test_a_column_of_weights_may_have_any_name(self, cli, tmp_path):
        log = written(tmp_path / "log.csv", "user,item,time,much\n1,2,1,.5\n1,3,2,2\n2,2,3,1\n")
        assert cli("fit", log, "-o", tmp_path / "m", "--fast", "-q", "--weight", "much")[0] == 0
        assert load_model(tmp_path / "m")._serving.state.events.weights(0, 3).tolist() == [512, 2048, 1024]

    def test_numbers_may_be_kinds(self, cli, tmp_path):
        log = written(tmp_path / "log.csv", "user,item,time,event\n1,2,1,1\n1,3,2,4\n2,2,3,1\n")
        assert cli("fit", log, "-o", tmp_path / "m", "--fast", "-q", "--event-weights", "1=.5,4=2")[0] == 0
        assert load_model(tmp_path / "m").event_weights == {1: 0.5, 4: 2.0}

    def test_kinds_that_look_like_numbers_are_text_where_kinds_are(self, cli, tmp_path):
        log = written(tmp_path / "log.csv", "user,item,time,event\n1,2,1,1\n1,3,2,buy\n2,2,3,1\n")
        assert cli("fit", log, "-o", tmp_path / "m", "--fast", "-q", "--event-weights", "1=.5,buy=2")[0] == 0
        newer = written(tmp_path / "newer.csv", "user,item,time,event\n2,3,4,1\n")
        assert cli("update", tmp_path / "m", newer)[0] == 0
        assert load_model(tmp_path / "m")._serving.state.events.weights(0, 4).tolist() == [512, 2048, 512, 512]

    @pytest.mark.parametrize(
        ("options", "code", "message"),
        [
            (("--event-weights", "view=1,view=2,buy=1"), 1, "--event-weights gives 'view' two weights"),
            (("--event-weights", "view"), 1, "'view' is no kind of events with its weight"),
            (("--event-weights", "view=much"), 1, "'view=much' is no kind of events"),
            (("--event-weights", "view=1_0"), 1, "'view=1_0' is no kind of events"),
            (("--event-weights", "view=1"), 1, "holds the kind 'buy'"),
            (("--judge", "buy"), 2, "--judge says what is evaluated: give --test-size, too"),
        ],
    )
    def test_what_cannot_be_is_said(self, cli, shop, options, code, message):
        result = cli("fit", shop / "past.csv", "-o", shop / "m", "--fast", "-q", "--event", "what", *options)
        assert result[0] == code
        assert message in result[2]
