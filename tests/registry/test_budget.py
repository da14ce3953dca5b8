from hypothesis import given
from hypothesis import strategies as st

from studio.registry.budget import Resident, plan
from studio.registry.spec import ModelId

residents = st.lists(
    st.builds(
        Resident,
        id=st.integers(0, 10_000).map(lambda number: ModelId(f"m{number}")),
        nbytes=st.integers(0, 50),
        last_used=st.floats(0, 100),
        in_use=st.booleans(),
    ),
    unique_by=lambda resident: resident.id,
    max_size=12,
)


@given(residents, st.integers(0, 200), st.integers(0, 200))
def test_a_plan_makes_room_from_idle_models_only_and_never_more_than_it_must(
    held: list[Resident], need: int, budget: int
) -> None:
    victims = plan(held, need, budget)
    idle = {resident.id: resident for resident in held if not resident.in_use}
    pinned = sum(resident.nbytes for resident in held if resident.in_use)
    if victims is None:
        assert pinned + need > budget
        return
    assert set(victims) <= idle.keys()
    left = sum(resident.nbytes for resident in held if resident.id not in victims)
    assert left + need <= budget
    if victims:
        assert left + idle[victims[-1]].nbytes + need > budget


@given(residents, st.integers(0, 200), st.integers(0, 200))
def test_the_least_recently_used_go_first(held: list[Resident], need: int, budget: int) -> None:
    victims = plan(held, need, budget) or ()
    times = {resident.id: resident.last_used for resident in held}
    spared = [r.last_used for r in held if not r.in_use and r.id not in victims]
    assert all(times[victim] <= min(spared, default=times[victim]) for victim in victims)
