from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from studio.errors import InvalidRequest, StorageFailed
from studio.identity.accounts import Accounts
from studio.identity.sessions import Sessions

PASSWORD = "a long password"


def test_a_name_and_its_password_sign_in_and_nothing_else_does(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    accounts.add("mei", "admin", PASSWORD)
    accounts.add("bot")
    owner = accounts.sign_in(" Mei ", PASSWORD)
    assert owner is not None
    assert owner.admin
    assert owner.id == "user:mei"
    assert accounts.sign_in("mei", PASSWORD + "x") is None
    assert accounts.sign_in("nobody", PASSWORD) is None
    assert accounts.sign_in("bot", "") is None
    kept = (tmp_path / "accounts.json").read_text()
    assert PASSWORD not in kept
    assert "$argon2id$" in kept
    assert (tmp_path / "accounts.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "Mei", "a b", "../x", "-x", "x" * 33, "小明", "a\n"])
def test_what_cannot_be_a_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest):
        Accounts(tmp_path).add(name, password=PASSWORD)
    assert not Accounts(tmp_path).all()


def test_a_change_by_another_process_is_seen(tmp_path: Path) -> None:
    serving, command_line = Accounts(tmp_path), Accounts(tmp_path)
    command_line.add("mei", password=PASSWORD)
    stamp = serving.stamp("mei")
    command_line.set_password("mei", PASSWORD + "!")
    assert serving.stamp("mei") not in (None, stamp)
    assert serving.sign_in("mei", PASSWORD) is None
    command_line.remove("mei")
    assert serving.owner("mei") is None


def test_a_token_holds_until_it_is_over_or_revoked(tmp_path: Path) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    accounts = Accounts(tmp_path, lambda: now[0])
    accounts.add("mei", "admin", PASSWORD)
    accounts.add("tom", password=PASSWORD)
    use, admin = accounts.issue("mei", days=10), accounts.issue("mei", "admin", days=10)
    assert use.text not in (tmp_path / "accounts.json").read_text()
    assert [accounts.by_token(each.text).admin for each in (use, admin)] == [False, True]  # type: ignore[union-attr]
    assert accounts.by_token(use.text[:-1] + ("A" if use.text[-1] != "A" else "B")) is None
    with pytest.raises(InvalidRequest):
        accounts.issue("tom", "admin")
    accounts.revoke("mei", use.id)
    assert accounts.by_token(use.text) is None
    accounts.set_role("mei", "user")
    assert not accounts.by_token(admin.text).admin  # type: ignore[union-attr]
    now[0] += timedelta(days=10)
    assert accounts.by_token(admin.text) is None


def test_a_damaged_file_is_told_and_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "accounts.json").write_text('{"mei": {"role"')
    with pytest.raises(StorageFailed):
        Accounts(tmp_path).all()
    with pytest.raises(StorageFailed):
        Accounts(tmp_path).add("tom", password=PASSWORD)
    assert (tmp_path / "accounts.json").read_text() == '{"mei": {"role"'


def test_a_cookie_of_another_kind_or_key_is_none(tmp_path: Path) -> None:
    sessions, others = Sessions(tmp_path / "a"), Sessions(tmp_path / "b")
    cookie, (mark, passing) = sessions.signed_in("mei", "1"), sessions.passing()
    assert sessions.name(cookie) == ("mei", "1")
    assert Sessions(tmp_path / "a").name(cookie) == ("mei", "1")
    assert sessions.mark(passing) == mark
    for wrong in (passing, cookie[:-2], cookie + "x", "", None):
        assert sessions.name(wrong) is None
    assert others.name(cookie) is None
    assert sessions.mark(cookie) is None
    assert (tmp_path / "a" / "session-secret").stat().st_mode & 0o077 == 0
