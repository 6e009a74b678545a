"""One writer, many readers, no lock: a sample of benchmarks/reliability_threads.py."""

from concurrency import World, is_same, read_beside_writer, stress, switching_often


def test_every_answer_was_current_while_it_was_computed():
    counted, failures = stress(seconds=3, n_readers=3, n_updates=30)
    assert failures == []
    assert counted["answers"] > 10
    assert counted["updates"] >= 30


def test_an_answer_that_was_never_current_is_noticed():
    world = World(seed=1, n_updates=6)
    for answers in world.answers.values():
        assert not is_same(answers[0], answers[-1])
        answers[:] = answers[-1:] * len(answers)
    failures = []
    with switching_often(smallest_merge=8):
        read_beside_writer(world, 1, {"answers": 0, "answers during updates": 0, "updates": 0}, failures)
    assert failures
