from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shared.clock import RehearsalClock, SystemClock, clock_from
from shared.errors import SettingError

THEN = datetime(2020, 10, 12, 1, tzinfo=UTC)
SOON = timedelta(minutes=5)


@pytest.fixture
def path(tmp_path):
    RehearsalClock(tmp_path / "clock.json").set(THEN)
    return tmp_path / "clock.json"


def test_system_is_real_time_in_utc():
    before = datetime.now(UTC)
    clock = clock_from("system")
    assert isinstance(clock, SystemClock)
    assert clock.kind == "system"
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().tzinfo is UTC


def test_a_rehearsal_clock_goes_on_from_where_it_was_set(path):
    clock = clock_from(str(path))
    assert clock.kind == "rehearsal"
    first, second = clock.now(), clock.now()
    assert THEN <= first <= second < THEN + SOON
    assert first.tzinfo is UTC


def test_moving_it_moves_every_instance_that_follows_the_file(path):
    mine, theirs = clock_from(str(path)), clock_from(str(path))
    for days in (400, 1, 3_000, -2_000):
        instant = THEN + timedelta(days=days)
        mine.set(instant)
        assert instant <= theirs.now() < instant + SOON
        assert instant <= mine.now() < instant + SOON


def test_many_moves_in_a_row_leave_the_last_one(path):
    mine, theirs = clock_from(str(path)), clock_from(str(path))
    for days in range(200):
        mine.set(THEN + timedelta(days=days))
        assert theirs.now() >= THEN + timedelta(days=days)


def test_it_is_never_seen_half_written(path):
    mine, theirs = clock_from(str(path)), clock_from(str(path))
    with ThreadPoolExecutor(2) as pool:
        moves = pool.submit(lambda: [mine.set(THEN + timedelta(days=n)) for n in range(300)])
        while not moves.done():
            assert theirs.now() >= THEN
    assert len(moves.result()) == 300


def test_an_instant_with_another_offset_is_the_same_instant(path):
    clock = clock_from(str(path))
    clock.set(datetime.fromisoformat("2021-01-01T00:00:00+08:00"))
    instant = datetime(2020, 12, 31, 16, tzinfo=UTC)
    assert instant <= clock.now() < instant + SOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbled",
        "[]",
        "12",
        "null",
        "{}",
        '{"offset": 1}',
        '{"offset_seconds": "1"}',
        '{"offset_seconds": null}',
        '{"offset_seconds": NaN}',
        '{"offset_seconds": Infinity}',
        '{"offset_seconds": 1e300}',
        '{"offset_seconds": -1e12}',
        "\x00",
    ],
)
def test_a_garbled_file_is_a_setting_error_in_one_line(tmp_path, text):
    path = tmp_path / "clock.json"
    path.write_text(text)
    with pytest.raises(SettingError) as refusal:
        clock_from(str(path))
    assert refusal.value.detail.startswith(f"LAUREL_CLOCK: '{path}' is neither 'system' nor a")
    assert '{"offset_seconds": 0}' in refusal.value.detail
    assert "\n" not in refusal.value.detail


@pytest.mark.parametrize("setting", ["", "sytem", "missing/clock.json", "."])
def test_a_file_that_is_not_there_is_a_setting_error(tmp_path, monkeypatch, setting):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match="LAUREL_CLOCK: "):
        clock_from(setting)


def test_bytes_that_are_no_text_are_a_setting_error(tmp_path):
    path = tmp_path / "clock.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match="LAUREL_CLOCK: "):
        clock_from(str(path))
