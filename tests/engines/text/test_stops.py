from hypothesis import given
from hypothesis import strategies as st

from studio.engines.text.stops import StopFilter

LETTERS = st.text("ab\n", max_size=8)


@given(st.lists(LETTERS, max_size=12), st.lists(LETTERS, max_size=3))
def test_however_the_pieces_break_the_text_ends_before_the_first_stop(pieces: list[str], stops: list[str]) -> None:
    filtered = StopFilter(stops)
    shown = "".join(filtered.push(piece) for piece in pieces)
    shown += filtered.flush()
    whole = "".join(pieces)
    found = [at for stop in stops if stop and (at := whole.find(stop)) >= 0]
    # Which of two stops is met first may depend on the breaks, never whether one shows.
    assert whole.startswith(shown)
    assert filtered.stopped == bool(found)
    if not found:
        assert shown == whole
    assert not any(stop in shown for stop in stops if stop)


def test_text_that_cannot_begin_a_stop_is_shown_at_once() -> None:
    filtered = StopFilter(("\n\n",))
    assert filtered.push("one") == "one"
    assert filtered.push(" two\n") == " two"
    assert filtered.push("three") == "\nthree"
