"""The thread that works ahead: its errors arrive, it is never far ahead, and it ends with its block."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from pipeline.prefetch import at_work, pause, prefetched


class Broken(Exception):
    pass


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "naru-prefetch"]


def test_items_come_in_order_from_another_thread() -> None:
    def work() -> Generator[tuple[int, str], None, None]:
        for n in range(50):
            yield n, threading.current_thread().name

    with prefetched(work()) as items:
        assert list(items) == [(n, "naru-prefetch") for n in range(50)]
    assert threads() == []


def test_an_error_of_the_work_is_raised_where_the_item_would_have_come() -> None:
    def work() -> Generator[int, None, None]:
        yield 1
        raise Broken

    with prefetched(work()) as items:
        assert next(items) == 1
        with pytest.raises(Broken):
            next(items)
    assert threads() == []


def test_work_is_at_most_two_items_ahead_and_one_in_hand() -> None:
    started: list[int] = []
    blocked = threading.Semaphore(0)

    def work() -> Generator[int, None, None]:
        for n in range(10):
            started.append(n)
            blocked.release()
            yield n

    with prefetched(work()) as items:
        for _ in range(3):  # two that wait, and one that finds no room
            assert blocked.acquire(timeout=60)
        assert not blocked.acquire(timeout=0.3), "a fourth was begun while none was taken"
        assert next(items) == 0
        assert blocked.acquire(timeout=60)
        assert started == [0, 1, 2, 3]


def test_two_in_a_row_work_at_once() -> None:
    """The first goes on while the second is held up: as rows come in while others are transformed."""
    second, third = threading.Event(), threading.Event()

    def numbers() -> Generator[int, None, None]:
        yield 1
        second.set()
        yield 2
        third.set()
        yield 3

    def held_up(number: int) -> int:
        assert second.wait(60)
        assert third.wait(60)
        return -number

    with prefetched(numbers()) as found, prefetched(held_up(number) for number in found) as items:
        assert list(items) == [-1, -2, -3]
    assert threads() == []


def test_two_in_a_row_pass_an_error_on() -> None:
    def work() -> Generator[int, None, None]:
        yield 1
        raise Broken

    with prefetched(work()) as found, prefetched(-number for number in found) as items:
        assert next(items) == -1
        with pytest.raises(Broken):
            next(items)
    assert threads() == []


def test_leaving_the_second_of_two_in_a_row_ends_both() -> None:
    def leave() -> None:
        with prefetched(n for n in range(1000)) as found, prefetched(-number for number in found) as items:
            next(items)
            raise Broken

    with pytest.raises(Broken):
        leave()
    assert threads() == []


def test_what_is_left_early_is_closed_in_the_thread_that_worked_on_it() -> None:
    """So one within another ends too, and a stop at once waits for neither."""
    closed: list[str] = []

    def work() -> Generator[int, None, None]:
        try:
            yield from range(1000)
        finally:
            closed.append(threading.current_thread().name)

    def nested() -> Generator[int, None, None]:
        with prefetched(work()) as found:
            yield from found

    with prefetched(nested()) as items:
        next(items)
    assert closed == ["naru-prefetch"]
    assert threads() == []


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_leaving_early_ends_the_thread(taken: int) -> None:
    def work() -> Generator[int, None, None]:
        yield from range(1000)

    def leave() -> None:
        with prefetched(work()) as items:
            for _ in range(taken):
                next(items)
            raise Broken

    with pytest.raises(Broken):
        leave()
    assert threads() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, Broken])
def test_an_error_does_not_wait_for_work_that_hangs(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("_PATIENCE_S", "_LONGER_S"):
        monkeypatch.setattr(f"pipeline.prefetch.{patience}", 0.1)
    silent = threading.Event()

    def work() -> Generator[int, None, None]:
        yield 1
        silent.wait()

    def stopped() -> None:
        with prefetched(work()) as items:
            assert next(items) == 1
            raise error

    with pytest.raises(error):
        stopped()
    (left,) = threads()
    assert at_work()
    silent.set()
    left.join()
    assert not at_work()


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_pause_ends_with_the_block_that_the_work_is_for(depth: int) -> None:
    """Even of a thread that another one waits for."""
    pausing = threading.Event()

    def work(below: int) -> Generator[int, None, None]:
        if below:
            with prefetched(work(below - 1)) as items:
                yield from items
        yield 1
        pausing.set()
        pause(600)

    def leave() -> None:
        with prefetched(work(depth)) as items:
            assert next(items) == 1
            assert pausing.wait(60)
            raise Broken

    with pytest.raises(Broken):
        leave()
    assert threads() == []


def test_a_pause_of_nobodys_work_is_one() -> None:
    started = time.monotonic()
    pause(0.05)
    assert time.monotonic() - started >= 0.05
