"""The next case is read while one is at work: one ahead and no more, and what is wrong with it costs it alone."""

import gc
import os
import threading
import weakref

import pytest
import SimpleITK as sitk

from ramify.data.itk import quiet_itk
from ramify.data.reading_ahead import read_ahead

PATIENCE = 30
"""Seconds after which a test gives up on a thread."""


class Read:
    """What a case is read as."""


def test_one_case_is_read_ahead_and_no_more():
    began, ends = list[str](), {case: threading.Event() for case in "abcd"}

    def read(case: str) -> str:
        began.append(case)
        ends[case].set()
        return case.upper()

    for case, reading in read_ahead("abcd", read):
        assert reading() == case.upper()
        after = chr(ord(case) + 1)
        if after in ends:
            assert ends[after].wait(PATIENCE), "the next one is read meanwhile"
        assert began == [*"abcd"][: "abcd".index(case) + 2]


@pytest.mark.parametrize("cases", ["a", "abc"])
def test_nothing_is_read_ahead_where_it_is_not_to_be(cases):
    threads = set()
    for place, (_, reading) in enumerate(
        read_ahead(cases, lambda _: threads.add(threading.current_thread()), ahead=False)
    ):
        assert len(threads) == (place > 0)
        reading()
    assert threads == {threading.current_thread()}


def test_what_is_wrong_with_a_case_costs_it_alone():
    def read(case: str) -> str:
        if case == "b":
            raise OSError("b is damaged")
        return case

    found = []
    for case, reading in read_ahead("abc", read):
        try:
            found.append(reading())
        except OSError as error:
            found.append(f"{case}: {error}")
    assert found == ["a", "b: b is damaged", "c"]


def test_a_case_that_found_no_memory_beside_another_is_read_again_alone():
    tries = list[str]()

    def read(case: str) -> str:
        tries.append(case)
        if case == "b" and tries.count("b") == 1:
            raise MemoryError
        return case

    assert [reading() for _, reading in read_ahead("ab", read)] == ["a", "b"]
    assert tries == ["a", "b", "b"]


def test_a_case_that_is_done_with_is_let_go():
    kept = list["weakref.ref[Read]"]()

    def read(_: str) -> Read:
        found = Read()
        kept.append(weakref.ref(found))
        return found

    for place, (_, reading) in enumerate(read_ahead("abcd", read)):
        reading()
        gc.collect()
        assert all(before() is None for before in kept[:place])


def test_who_stops_early_goes_on_without_the_next_case():
    goes_on, ended = threading.Event(), list[str]()

    def read(case: str) -> str:
        assert case == "a" or goes_on.wait(PATIENCE)
        ended.append(case)
        return case

    cases = read_ahead("ab", read)
    assert next(cases)[1]() == "a"
    cases.close()
    assert ended == ["a"]
    goes_on.set()


def test_what_is_said_while_another_thread_reads_is_not_swallowed(capfd):
    reads, said = threading.Event(), threading.Event()

    def read() -> None:
        with quiet_itk():
            reads.set()
            assert said.wait(PATIENCE)

    thread = threading.Thread(target=read)
    thread.start()
    assert reads.wait(PATIENCE)
    os.write(2, b"error: case_1: no such file\n")
    said.set()
    thread.join()
    assert "case_1" in capfd.readouterr().err
    assert sitk.ProcessObject.GetGlobalWarningDisplay()
