"""Which cases a command takes: a list, a share, the first few."""

import pytest

from ramify.data.case_choice import CaseChoice

CASES = [f"case_{number}" for number in range(23)]


@pytest.mark.parametrize("count", [1, 2, 10, 23])
def test_all_shares_together_are_all_cases_each_once(count):
    shares = [CaseChoice(shard=f"{number}/{count}").chosen(CASES) for number in range(1, count + 1)]
    assert sorted(case for share in shares for case in share) == sorted(CASES)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_list_share_and_limit_one_after_the_other(tmp_path):
    listed = tmp_path / "cases.txt"
    listed.write_text("case_4\n\n  case_2 \ncase_9\ncase_7\n", encoding="utf-8")
    assert CaseChoice(cases_from=listed).chosen(CASES) == ["case_2", "case_4", "case_7", "case_9"]
    assert CaseChoice(cases_from=listed, shard="2/2").chosen(CASES) == ["case_4", "case_9"]
    assert CaseChoice(cases_from=listed, shard="2/2", limit=1).chosen(CASES) == ["case_4"]
    # As editors of Windows save it.
    listed.write_text("case_4\r\ncase_2\r\n", encoding="utf-8-sig")
    assert CaseChoice(cases_from=listed).chosen(CASES) == ["case_2", "case_4"]
    assert CaseChoice(limit=99).chosen(CASES) == CaseChoice().chosen(CASES) == CASES


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3"])
def test_what_is_no_share_is_refused(shard):
    with pytest.raises(ValueError, match="expected a share such as 3/10"):
        CaseChoice(shard=shard)


def test_a_list_that_does_not_fit_is_refused(tmp_path):
    listed = tmp_path / "cases.txt"
    listed.write_text("case_4\ncase_99\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"cases.txt: case_99: no such case; there are case_0, .* and 18 more"):
        CaseChoice(cases_from=listed).chosen(CASES)
    listed.write_text("\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"cases.txt: names no case"):
        CaseChoice(cases_from=listed).chosen(CASES)
    listed.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"cases.txt: not a text file"):
        CaseChoice(cases_from=listed).chosen(CASES)
    with pytest.raises(FileNotFoundError):
        CaseChoice(cases_from=tmp_path / "gone").chosen(CASES)


def test_more_shares_than_cases_leave_one_without():
    with pytest.raises(ValueError, match="--shard 3/3: no case is left for it"):
        CaseChoice(shard="3/3").chosen(["a", "b"])
