import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import InvalidRequest, TooMuch
from studio.identity.audit import Audit, Entry
from studio.identity.belongings import Belongings
from studio.identity.identity import Identity, Visit, expect_reachable
from studio.identity.limits import Allowance, Limits
from studio.identity.owners import LOCAL, guest, user
from studio.identity.turns import Turns
from studio.identity.windows import Window
from studio.settings import Settings

OWNERS = st.sampled_from("abcd")


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0, 20)), max_size=40))
def test_a_window_never_holds_more_than_its_limit_and_its_wait_is_true(takes: list[tuple[int, float]]) -> None:
    now, taken = [0.0], []
    window = Window(10, 60, lambda: now[0])
    for amount, pause in takes:
        now[0] += pause
        wait = window.take("a", amount)
        if wait:
            assert window.wait("a", amount) == wait
            now[0] += wait + 1e-6  # a float may round the end of the span away
            assert window.take("a", amount) == 0
        taken.append((now[0], amount))
        assert sum(size for at, size in taken if at > now[0] - 60 + 1e-6) <= 10


@given(st.lists(OWNERS, min_size=1, max_size=60), st.integers(1, 3))
def test_turns_go_round_and_keep_each_owners_order(arrivals: list[str], most: int) -> None:
    turns, waiting = Turns(most), list(enumerate(arrivals))
    served: list[tuple[int, str]] = []
    while waiting:
        place = turns.pick([owner for _, owner in waiting])
        assert place is not None
        served.append(waiting.pop(place))
    for owner in set(arrivals):
        numbers = [number for number, each in served if each == owner]
        assert numbers == sorted(numbers)
    others = Counter(arrivals)
    for place, (_, owner) in enumerate(served[1:], 1):
        # Nobody is served twice in a row while another still waits.
        if served[place - 1][1] == owner:
            assert all(each == owner for _, each in served[place:])
    assert Counter(owner for _, owner in served) == others


def test_one_with_as_many_jobs_under_way_as_one_may_have_waits_for_them() -> None:
    assert Turns(2).pick(["a", "a", "b"], ["a", "a"]) == 2
    assert Turns(2).pick(["a"], ["a", "a"]) is None
    assert Turns(None).pick(["a"], ["a", "a"]) == 0


def test_limits_hold_for_all_but_the_local_person_and_say_when_to_come_back() -> None:
    limits = Limits(Allowance(running=1, waiting=2, requests=3, uploaded=100, made=50), queue_length=4)
    mei, passing = user("mei"), guest("x")
    for _ in range(3):
        limits.request(mei, "1.2.3.4")
    with pytest.raises(TooMuch) as caught:
        limits.request(mei, "1.2.3.4")
    assert 1 <= int(str(caught.value.details["seconds"])) <= 60
    for number in range(12):
        limits.request(guest(str(number)), "9.9.9.9")
    with pytest.raises(TooMuch):
        limits.request(passing, "9.9.9.9")
    limits.upload(mei, 100)
    with pytest.raises(TooMuch):
        limits.upload(mei, 1)
    limits.ran("image", 30)
    with pytest.raises(TooMuch) as caught:
        limits.join(mei, "image", Counter({mei.id: 2}))
    assert caught.value.details["seconds"] == 30
    limits.made(mei, 51)
    with pytest.raises(TooMuch):
        limits.join(mei, "image", Counter())
    with pytest.raises(TooMuch):
        limits.join(LOCAL, "image", Counter({"x": 3, LOCAL.id: 1}))
    limits.join(LOCAL, "image", Counter({"x": 4}))
    with pytest.raises(TooMuch):
        limits.join(LOCAL, "image", Counter({"x": 16}))
    for _ in range(100):
        limits.request(LOCAL, "127.0.0.1")
        limits.upload(LOCAL, 10**12)


def test_wrong_passwords_are_bounded_and_one_address_locks_out_no_other(tmp_path: Path) -> None:
    identity = Identity(Settings(data=tmp_path, auth="users"))
    identity.accounts.add("mei", password="a long password")
    for _ in range(5):
        assert identity.sign_in("mei", "wrong password", "6.6.6.6") is None
    with pytest.raises(TooMuch):
        identity.sign_in("mei", "a long password", "6.6.6.6")
    cookie = identity.sign_in("mei", "a long password", "7.7.7.7")
    assert cookie
    found = identity.who(Visit("7.7.7.7", cookies={"studio_session": cookie}))
    assert found is not None
    assert found.owner.name == "mei"
    identity.accounts.set_password("mei", "another password")
    assert identity.who(Visit("7.7.7.7", cookies={"studio_session": cookie})) is None


def test_what_was_typed_as_a_name_and_is_none_is_not_in_the_audit(tmp_path: Path) -> None:
    identity = Identity(Settings(data=tmp_path, auth="users"))
    identity.accounts.add("mei", password="a long password")
    for name in ("a long password", "Mei"):
        assert identity.sign_in(name, "wrong password", "1.1.1.1") is None
    assert [entry.get("owner") for entry in identity.audit.entries()] == [None, "user:mei"]


def test_light_calls_of_one_owner_keep_no_other_out() -> None:
    limits = Limits(Allowance(running=1, waiting=2, requests=3, uploaded=100, made=0), queue_length=2)
    mei, tom = user("mei"), user("tom")
    limits.join(mei, "models", Counter({mei.id: 15}), light=True)
    with pytest.raises(TooMuch):
        limits.join(mei, "models", Counter({mei.id: 16}), light=True)
    limits.join(tom, "models", Counter({mei.id: 16}), light=True)


def test_a_name_in_a_header_counts_only_from_a_named_proxy(tmp_path: Path) -> None:
    identity = Identity(Settings(data=tmp_path, auth="proxy", trusted_proxies=("10.0.0.1",), admins=("mei@x.org",)))
    told = {"x-remote-user": "mei@x.org"}
    assert identity.who(Visit("1.1.1.1", told)) is None
    found = identity.who(Visit("1.1.1.1", told, through_proxy=True))
    assert found is not None
    assert found.owner.admin
    assert identity.who(Visit("1.1.1.1", {}, through_proxy=True)) is None


def test_in_an_open_studio_each_browser_is_one_owner_and_a_program_one_by_address(tmp_path: Path) -> None:
    identity = Identity(Settings(data=tmp_path, auth="open"))
    page = {"accept": "text/html"}
    first, second = (identity.who(Visit("1.1.1.1", page)) for _ in range(2))
    assert first
    assert second
    assert first.cookie
    assert first.owner.id != second.owner.id
    again = identity.who(Visit("2.2.2.2", cookies={"studio_guest": first.cookie}))
    assert again
    assert again.owner == first.owner
    assert again.cookie is None
    programs = [identity.who(Visit(address)) for address in ("1.1.1.1", "1.1.1.1", "2.2.2.2")]
    assert next(each.owner.id for each in programs if each) == programs[1].owner.id  # type: ignore[union-attr]
    assert len({each.owner.id for each in programs if each}) == 2
    assert not any(identity.controls(each.owner) for each in programs if each)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "studio.example.org"])
def test_listening_to_others_with_nobody_at_the_door_is_refused(host: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        expect_reachable(Settings(host=host, auth="none"))
    assert "STUDIO_AUTH" in caught.value.explain("zh-CN")
    expect_reachable(Settings(host=host, auth="users"))
    for loopback in ("127.0.0.1", "::1", "localhost"):
        expect_reachable(Settings(host=loopback, auth="none"))
    with pytest.raises(InvalidRequest):
        expect_reachable(Settings(host=host, auth="proxy"))
    with pytest.raises(InvalidRequest, match="Space"):
        expect_reachable(Settings(host=host, auth="huggingface"), {})
    expect_reachable(Settings(host=host, auth="huggingface"), {"SPACE_ID": "a/b", "OAUTH_CLIENT_ID": "x"})


def test_a_session_is_the_first_ones_and_a_file_everybodys_who_was_given_it(tmp_path: Path) -> None:
    belongings = Belongings(most=3)
    assert belongings.claim("s", "a")
    assert belongings.claim("s", "a")
    assert not belongings.claim("s", "b")
    file, sample = tmp_path / "x.png", tmp_path / "sample.png"
    belongings.give(file, "a")
    assert belongings.has_file(tmp_path / "y" / ".." / "x.png", "a")
    assert not belongings.has_file(file, "b")
    belongings.give(file, "b")
    assert belongings.has_file(file, "b")
    belongings.publish(sample)
    for number in range(5):
        belongings.give(tmp_path / f"{number}.png", "a")
    assert not belongings.has_file(file, "a")
    assert belongings.has_file(sample, "nobody")


def test_the_audit_is_rotated_read_in_order_and_bears_a_line_cut_short(tmp_path: Path) -> None:
    audit = Audit(tmp_path, most_bytes=400, files_kept=5)
    for number in range(12):
        audit.write(Entry("user:mei", "image", seconds=number, at=f"2026-01-{number + 1:02}"))
    assert len(list(tmp_path.glob("audit.jsonl.*"))) > 2
    with (tmp_path / "audit.jsonl").open("a") as stream:
        stream.write('{"at": "2026-0')
    assert [entry["at"] for entry in audit.entries("2026-01-03", "2026-01-06")] == [
        "2026-01-03",
        "2026-01-04",
        "2026-01-05",
    ]
    assert [entry["seconds"] for entry in audit.tail(2)] == [10, 11]
    assert all(json.loads(json.dumps(entry)) for entry in audit.entries())
