"""Order of trials and slots: random, and the same again from the stored seed."""

from collections import Counter

from listening import planning
from listening.models import Session


def order_of(session):
    """(position, clip, conditions by slot) of each stored trial."""
    return [
        (trial.position, trial.clip_id, tuple(trial.ratings.order_by("slot").values_list("condition", flat=True)))
        for trial in session.trials.all()
    ]


def test_what_a_rater_gets_follows_from_the_stored_seed(walker):
    walker.leave()
    session = Session.objects.get(pk=walker.session.pk)
    planned = planning.plan_of(session)
    assert order_of(session) == [(each.position, each.clip, each.conditions) for each in planned]


def test_a_seed_means_the_same_order_for_ever():
    """Stored seeds outlive Python's versions: this order was drawn once and must not move."""
    planned = planning.plan([11, 12, 13], [1, 2, 3, 4], seed=4711)
    assert [(each.position, each.training, each.clip, each.conditions) for each in planned] == [
        (0, True, 11, (3, 4, 1, 2)),
        (1, False, 12, (1, 2, 3, 4)),
        (2, False, 11, (3, 1, 4, 2)),
        (3, False, 13, (3, 1, 2, 4)),
    ]


def test_every_clip_comes_once_and_every_condition_in_every_trial():
    for seed in range(50):
        training, *trials = planning.plan([1, 2, 3], [7, 8, 9], seed)
        assert training.training
        assert sorted(trial.clip for trial in trials) == [1, 2, 3]
        assert all(sorted(trial.conditions) == [7, 8, 9] for trial in [training, *trials])
        assert [trial.position for trial in trials] == [1, 2, 3]


def test_over_many_raters_every_order_is_as_likely_as_another():
    plans = [planning.plan([1, 2, 3], [7, 8, 9], seed) for seed in range(3000)]
    orders = Counter(tuple(trial.clip for trial in trials) for _, *trials in plans)
    slots = Counter(trials[1].conditions for _, *trials in plans)
    training = Counter(training.clip for training, *_ in plans)
    # 3000 draws: 500 ± 20 of each of six orders, 1000 ± 26 of each clip; six standard deviations
    assert len(orders) == len(slots) == 6
    assert all(380 < count < 620 for count in (*orders.values(), *slots.values()))
    assert all(845 < count < 1155 for count in training.values())


def test_raters_get_different_seeds(arrive):
    for _ in range(5):
        arrive().leave()
    assert len(set(Session.objects.values_list("seed", flat=True))) == 5


def test_the_seed_is_on_no_page(walker):
    seed = str(walker.session.seed)
    walker.to_end()
    assert not any(seed.encode() in answer.content for answer in walker.seen)
