from hypothesis import given
from hypothesis import strategies as st

from studio.hosting.gpu_seconds import LEAST, MOST, bounded, drawing, enlarging, portions, starting, writing

SIZES = st.integers(0, 10**11)
SIDES = st.integers(64, 4096)


@given(st.integers(1, 150), SIDES, SIDES, SIZES, SIZES)
def test_every_request_asks_for_a_time_that_is_granted(steps: int, width: int, height: int, a: int, b: int) -> None:
    asked = bounded((starting(a), drawing(steps, width * height, b)))
    assert isinstance(asked, int)
    assert LEAST <= asked <= MOST


@given(st.integers(1, 149), SIDES, SIZES)
def test_more_work_never_asks_for_less(steps: int, side: int, nbytes: int) -> None:
    here = drawing(steps, side * side, nbytes)
    assert here <= drawing(steps + 1, side * side, nbytes)
    assert here <= drawing(steps, side * (side + 8), nbytes)
    assert here <= drawing(steps, side * side, nbytes + 10**9)
    assert writing(steps, nbytes) <= writing(steps + 1, nbytes)
    assert enlarging(steps) <= enlarging(steps + 1)


def test_ordinary_requests_fit_into_the_most_there_is() -> None:
    # Stable Diffusion XL at its own size and an 8B model's section, beside 24 GB of residents.
    assert bounded((starting(24 * 10**9), drawing(30, 1024 * 1024, 7 * 10**9))) < MOST
    assert bounded((starting(24 * 10**9), writing(600, 16 * 10**9))) < MOST


@given(st.integers(1, 100), st.integers(1, 16), st.floats(8, 100), st.floats(0.01, 200))
def test_many_pictures_are_portioned_so_that_no_time_overruns(
    count: int, together: int, start: float, each: float
) -> None:
    counts = portions(count, together, start, each)
    assert sum(counts) == count
    assert all(number == 1 or start + number * each <= MOST + 1e-6 for number in counts)
    assert all(number % together == 0 or number < together for number in counts[:-1])
