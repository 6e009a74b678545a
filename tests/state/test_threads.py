"""One writer, many readers, no lock: a sample of benchmarks/reliability_threads.py."""

import time

from concurrency import World, is_same, read_beside_writer, stress, switching_often


def test_every_answer_was_current_while_it_was_computed():
    counted, failures = stress(seconds=3, n_readers=3, n_updates=30)
    assert failures == []
    assert counted["answers"] > 10
    assert counted["updates"] >= 30


class Awaited(World):
    """A world whose updates wait for a first answer, which is then one from before all of them."""

    def __init__(self, counted, **sizes):
        self.counted = counted
        super().__init__(**sizes)

    def recommender(self):
        recommender = super().recommender()
        update = recommender.partial_update

        def update_when_asked(events):
            while not self.counted["answers"]:
                time.sleep(1e-3)
            return update(events)

        recommender.partial_update = update_when_asked
        return recommender


def test_an_answer_that_was_never_current_is_noticed():
    counted = {"answers": 1, "answers during updates": 0, "updates": 0}
    world = Awaited(counted, seed=1, n_updates=6)
    counted["answers"] = 0
    for answers in world.answers.values():
        assert not is_same(answers[0], answers[-1])
        answers[:] = answers[-1:] * len(answers)
    failures = []
    with switching_often(smallest_merge=8):
        read_beside_writer(world, 1, counted, failures)
    assert failures
