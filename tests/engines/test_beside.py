import pytest

from studio.engines.text import Beside


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_a_page_on_this_machine_counts_while_it_is_shown_something(host: str) -> None:
    beside = Beside()
    assert not beside.busy
    with beside.shown(host):
        assert beside.busy
        with beside.shown(host):
            assert beside.busy
        assert beside.busy
    assert not beside.busy


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::1", "", None, "testclient"])
def test_pages_elsewhere_do_not(host: str | None) -> None:
    beside = Beside()
    with beside.shown(host):
        assert not beside.busy


def test_a_run_that_breaks_off_no_longer_counts() -> None:
    beside = Beside()
    with pytest.raises(RuntimeError), beside.shown("127.0.0.1"):
        raise RuntimeError
    assert not beside.busy
