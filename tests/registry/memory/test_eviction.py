from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.registry import ModelId
from studio.registry.memory.eviction import Occupant, plan
from studio.registry.models.usage import Usage

GB = 10**9
HOUR = 3600.0
occupants = st.lists(
    st.builds(
        Occupant,
        id=st.integers(0, 10_000).map(lambda number: ModelId(f"m{number}")),
        nbytes=st.integers(0, 50),
        last_used=st.floats(0, 10_000),
        in_use=st.booleans(),
        reload_seconds=st.floats(0, 100),
        returns=st.floats(0, 50),
        period=st.sampled_from([0.0, 60.0, 1000.0]),
    ),
    unique_by=lambda occupant: occupant.id,
    max_size=10,
)
needs = st.integers(0, 200)
budgets = st.integers(-50, 300)
clocks = st.floats(0, 20_000)


def idle(
    name: str,
    gigabytes: float,
    *,
    seconds: float = 4.0,
    returns: float = 1.0,
    last_used: float = 0.0,
    period: float = 0.0,
    in_use: bool = False,
) -> Occupant:
    return Occupant(ModelId(name), int(gigabytes * GB), last_used, in_use, seconds, returns, period)


def held(models: list[Occupant]) -> int:
    return sum(model.nbytes for model in models)


def make_room(models: list[Occupant], gigabytes: float, now: float = 0.0) -> set[str]:
    """Who leaves when a device that these fill to the last byte must take `gigabytes` more."""
    victims = plan(models, int(gigabytes * GB), held(models), now)
    assert victims is not None
    return set(victims)


@given(occupants, needs, budgets, clocks)
def test_a_plan_makes_room_from_idle_models_only_and_nobody_leaves_in_vain(
    models: list[Occupant], need: int, budget: int, now: float
) -> None:
    victims = plan(models, need, budget, now)
    if victims is None:
        return
    by_id = {model.id: model for model in models}
    left = held(models) - sum(by_id[victim].nbytes for victim in victims)
    assert not any(by_id[victim].in_use for victim in victims)
    assert len(set(victims)) == len(victims)
    assert not victims or left + need <= budget
    assert all(left + by_id[victim].nbytes + need > budget for victim in victims)


@given(occupants, needs, budgets, clocks)
def test_there_is_no_plan_only_where_even_all_idle_models_leave_too_little_room(
    models: list[Occupant], need: int, budget: int, now: float
) -> None:
    in_use = sum(model.nbytes for model in models if model.in_use)
    assert (plan(models, need, budget, now) is None) == (in_use + need > budget)


@given(occupants, needs, budgets, clocks)
def test_who_leaves_costs_least_of_all_who_could(models: list[Occupant], need: int, budget: int, now: float) -> None:
    victims = plan(models, need, budget, now)
    if not victims:
        return
    free = budget - held(models)
    others = [model for model in models if not model.in_use]
    enough = (
        chosen
        for count in range(1, len(others) + 1)
        for chosen in combinations(others, count)
        if free + sum(model.nbytes for model in chosen) >= need
    )

    def price(chosen: tuple[Occupant, ...]) -> tuple[int, int]:
        return sum(model.loss(now) for model in chosen), sum(model.nbytes for model in chosen)

    assert price(tuple(model for model in models if model.id in victims)) == min(map(price, enough))


@given(occupants, needs, budgets, clocks, st.randoms(use_true_random=False))
def test_the_order_in_which_residents_are_listed_decides_nothing(
    models: list[Occupant], need: int, budget: int, now: float, random: Random
) -> None:
    shuffled = list(models)
    random.shuffle(shuffled)
    assert plan(shuffled, need, budget, now) == plan(models, need, budget, now)


@given(st.integers(40, 100), st.integers(1, 1000), st.randoms(use_true_random=False))
def test_among_a_hundred_models_too_nobody_leaves_in_vain(count: int, share: int, random: Random) -> None:
    draw = random.randint
    models = [idle(f"m{n}", draw(1, 8000) / 1000, seconds=draw(1, 200) / 10, returns=draw(0, 9)) for n in range(count)]
    need = max(1, held(models) * share // 1000)
    victims = plan(models, need, held(models))
    assert victims is not None
    freed = {model.id: model.nbytes for model in models if model.id in victims}
    assert sum(freed.values()) >= need
    assert all(sum(freed.values()) - nbytes < need for nbytes in freed.values())


def test_nobody_leaves_while_there_is_room() -> None:
    assert plan([idle("a", 3), idle("b", 4)], 1 * GB, 8 * GB) == ()
    assert plan([idle("a", 3)], 0, 3 * GB) == ()
    assert plan([], 0, 0) == ()


def test_a_budget_lowered_below_what_is_held_is_met_again_though_nothing_is_asked_for() -> None:
    assert plan([idle("a", 3), idle("b", 4, returns=9)], 0, 5 * GB) == ("a",)


def test_a_budget_below_zero_can_never_be_met() -> None:
    assert plan([idle("a", 3)], 0, -1) is None
    assert plan([], 1, -1) is None


def test_a_model_in_use_stays_though_it_would_be_the_cheapest_to_bring_back() -> None:
    assert make_room([idle("writing", 4, seconds=0.1, in_use=True), idle("resting", 4, seconds=60)], 2) == {"resting"}
    assert plan([idle("writing", 4, in_use=True)], 2 * GB, 4 * GB) is None


def test_the_model_that_is_quick_to_bring_back_leaves_rather_than_the_one_everyone_returns_to() -> None:
    assert make_room([idle("everyone's", 4, returns=9), idle("quick", 4, seconds=1)], 2) == {"quick"}


def test_a_big_one_that_nobody_asked_for_in_hours_leaves_instead_of_three_small_busy_ones() -> None:
    busy = [idle(name, 1, seconds=1, returns=6, last_used=3 * HOUR) for name in ("canny", "depth", "pose")]
    assert make_room([idle("big", 7, seconds=10, returns=3), *busy], 3, now=3 * HOUR + 60) == {"big"}


def test_of_two_alike_the_one_used_longer_ago_leaves() -> None:
    assert make_room([idle("new", 4, last_used=900), idle("old", 4, last_used=100)], 2, now=1000) == {"old"}


def test_of_two_that_are_missed_alike_the_smaller_one_leaves() -> None:
    assert make_room([idle("large", 7), idle("small", 3)], 2) == {"small"}


def test_two_cheap_ones_leave_together_rather_than_one_dear_one() -> None:
    cheap = [idle("a", 2, seconds=1), idle("b", 2, seconds=1)]
    assert make_room([*cheap, idle("dear", 4, seconds=9)], 4) == {"a", "b"}


def test_in_a_round_of_models_the_one_that_was_just_used_leaves_because_its_turn_is_farthest_off() -> None:
    ring = [idle(f"m{turn}", 4, returns=20, last_used=100.0 + 20 * turn, period=80) for turn in range(4)]
    assert make_room(ring, 2, now=165) == {"m3"}


def test_a_regular_model_that_did_not_come_back_in_its_time_has_no_privilege() -> None:
    models = [idle("gone", 4, returns=2, period=60), idle("wanted", 4, returns=5, last_used=300)]
    assert make_room(models, 2, now=310) == {"gone"}


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -1.0])
def test_a_nonsensical_measurement_does_not_stop_a_plan(nonsense: float) -> None:
    broken = Occupant(ModelId("broken"), 4 * GB, 0.0, False, nonsense, nonsense, nonsense)
    assert len(make_room([broken, idle("sound", 4)], 2, now=10)) == 1
    assert len(make_room([broken, idle("sound", 4)], 6, now=10)) == 2


def used(*times: float) -> Usage:
    usage = Usage()
    for time in times:
        usage.use(time, back=True)
    return usage


def test_ten_pictures_in_a_row_count_as_one_return() -> None:
    usage = used(0.0)
    for second in range(10):
        usage.use(second * 0.01, back=False)
    assert usage.returns == pytest.approx(1, abs=0.001)
    assert usage.last_used == pytest.approx(0.09)


def test_a_return_of_long_ago_counts_less_than_one_of_now() -> None:
    assert 1 < used(0, 2 * HOUR).returns < used(2 * HOUR - 60, 2 * HOUR).returns < 2


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), max_size=50))
def test_returns_are_never_negative_nor_more_than_were_made(uses: list[tuple[float, bool]]) -> None:
    usage = Usage()
    for elapsed, back in uses:
        usage.use(usage.last_used + elapsed, back=back)
    assert 0 <= usage.returns <= sum(back for _, back in uses)
    assert usage.period >= 0


def test_a_clock_that_steps_back_does_no_harm() -> None:
    usage = used(100.0, 40.0)
    assert usage.returns == 2
    assert usage.last_used == 40.0


def test_a_model_that_comes_back_like_clockwork_is_expected_on_time() -> None:
    assert used(*(60.0 * turn for turn in range(6))).period == pytest.approx(60)


def test_a_model_that_comes_back_at_random_is_not_expected_at_any_time() -> None:
    assert used(0, 5, 300, 310, 900, 903, 2000).period == 0


def test_two_meetings_do_not_make_a_habit() -> None:
    assert used(0, 60, 120).period == 0


def test_a_habit_that_ends_is_forgotten() -> None:
    usage = used(*(60.0 * turn for turn in range(6)))
    usage.use(300 + 900, back=True)
    assert usage.period == 0
