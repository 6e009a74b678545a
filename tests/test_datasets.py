import datetime
import gzip

import numpy as np
import pandas as pd
import pytest

from skautoseqrec.datasets import load_interactions, make_interactions
from skautoseqrec.metrics import mean_reciprocal_rank


class TestMakeInteractions:
    def test_is_a_log_without_repeats(self):
        X = make_interactions(n_users=20, n_items=30, n_events=300, random_state=0)
        assert X.shape == (300, 3)
        assert X.dtype == np.int64
        assert len(np.unique(X[:, :2], axis=0)) == 300
        assert (np.diff(X[:, 2]) == 1).all()

    def test_the_seed_decides(self):
        first, second = (make_interactions(random_state=3) for _ in range(2))
        assert (first == second).all()
        assert (first != make_interactions(random_state=4)).any()

    def test_the_oracle_is_right_about_its_world(self):
        X, oracle = make_interactions(n_users=300, n_items=60, n_events=6000, random_state=0, return_oracle=True)
        hits = X[:, 1] == oracle.best_items
        assert (oracle.ranks >= 1).all()
        assert (hits[oracle.ranks == 1]).all()
        popularity_ranks = 1 + np.argsort(np.argsort(-np.bincount(X[:, 1])))
        assert mean_reciprocal_rank(oracle.ranks) > 1.5 * mean_reciprocal_rank(popularity_ranks[X[:, 1]])

    def test_without_noise_or_choice_every_step_is_certain(self):
        X, oracle = make_interactions(
            n_users=50, n_items=40, n_events=200, n_successors=1, noise=0, random_state=0, return_oracle=True
        )
        is_first = ~pd.Series(X[:, 0]).duplicated().to_numpy()
        assert (oracle.ranks[~is_first] == 1).mean() > 0.8  # the rest met their successor before

    def test_people_come_back_as_often_as_they_are_said_to(self):
        X = make_interactions(50, 400, 5000, return_rate=0.4, random_state=0)
        repeats = pd.DataFrame(X[:, :2]).duplicated()
        assert repeats[1000:].mean() == pytest.approx(0.4, abs=0.03)

    def test_a_basket_is_one_moment_without_repeats(self):
        X, oracle = make_interactions(50, 200, 4000, return_rate=0.5, basket_size=6, random_state=0, return_oracle=True)
        baskets = pd.DataFrame(X, columns=["user", "item", "time"]).groupby(["user", "time"])
        assert len(X) == len(oracle.ranks) == 4000
        assert baskets.size().mean() == pytest.approx(6, abs=0.3)
        assert baskets.item.nunique().equals(baskets.size())
        assert baskets.ngroups == len(np.unique(X[:, 2]))

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"n_users": 0}, "n_users must be a whole number of at least 1"),
            ({"n_items": 1}, "n_items must be a whole number of at least 2"),
            ({"n_events": 2.5}, "n_events must be a whole number"),
            ({"n_items": 5, "n_successors": 5}, "n_successors must be below n_items=5"),
            ({"n_users": 2, "n_items": 10, "n_events": 11}, "n_events=11 is above"),
            ({"noise": 2}, r"noise must lie in \[0, 1\]"),
            ({"return_rate": 1}, r"return_rate must lie in \[0, 1\)"),
            ({"basket_size": 0.5}, "basket_size must be a finite number of at least 1"),
            ({"basket_size": np.nan}, "basket_size must be a finite number of at least 1"),
        ],
    )
    def test_impossible_worlds_are_refused(self, parameters, message):
        with pytest.raises(ValueError, match=message):
            make_interactions(**parameters)


class TestLoadInteractions:
    def write(self, path, text):
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
        return path

    @pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
    def test_csv(self, tmp_path, name):
        path = self.write(tmp_path / name, "rating,item_id,user_id,timestamp\n5,007,3,10\n4,012,-4,9\n")
        log = load_interactions(str(path))
        assert log.to_columns().user_ids.tolist() == [3, -4]
        assert log.to_columns().item_ids.tolist() == ["007", "012"]
        assert log.times.tolist() == [10, 9]

    def test_columns_by_position_and_without_times(self, tmp_path):
        log = load_interactions(self.write(tmp_path / "log.csv", "who,what\nann,tea\n"))
        assert log.times is None
        assert log.to_columns().item_ids.tolist() == ["tea"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2024-03-01T12:30:00", datetime.datetime(2024, 3, 1, 12, 30)),
            ("2024-03-01 12:30", datetime.datetime(2024, 3, 1, 12, 30)),
            ("1.5", 1.5),
            ("-3", -3),
        ],
    )
    def test_times(self, tmp_path, text, expected):
        log = load_interactions(self.write(tmp_path / "log.csv", f"user_id,item_id,timestamp\n1,2,{text}\n"))
        assert log.times.tolist() == [expected]

    def test_parquet(self, tmp_path):
        frame = pd.DataFrame({"user_id": ["a", "b"], "item_id": [1, 2], "timestamp": [4, 3]})
        frame.to_parquet(tmp_path / "log.parquet")
        log = load_interactions(tmp_path / "log.parquet")
        assert log.to_columns().user_ids.tolist() == ["a", "b"]
        assert log.times.tolist() == [4, 3]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "'log.csv' is empty"),
            ("user_id,item_id\n", "holds a header and no event"),
            ("user_id,item_id\n1,2\n1,2,3\n", "Line 3 has 3 fields where the header has 2"),
            ("user_id,item_id\n1,2\n,3\n", "'user_id' has a missing value in row 1"),
            ("user_id,item_id,timestamp\n1,2,noon\n", "'timestamp' holds 'noon' in row 0"),
            ("user_id,item_id,timestamp\n1,2,2024-13-45\n", "'timestamp'.*2024-13-45"),
            ("a,b,c,d\n1,2,3,4\n", "rename them to 'user_id', 'item_id'"),
            ("a,b,1\nc,d,2\n", "begins with data.*a header line"),
            ("user_id,item_id,item_id\n1,2,3\n", "'item_id' stands more than once"),
        ],
    )
    def test_bad_files_are_refused(self, tmp_path, text, message):
        with pytest.raises((ValueError, TypeError), match=message):
            load_interactions(self.write(tmp_path / "log.csv", text))

    def test_missing_and_unknown_files(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            load_interactions(tmp_path / "nowhere.csv")
        with pytest.raises(ValueError, match=r"'log.xlsx' is of no known type: use a .csv"):
            load_interactions(tmp_path / "log.xlsx")
