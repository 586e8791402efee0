"""The model of memory beside a measured step, and the table of plans, at tiny sizes."""

import pytest

from benchmarks import planned_machines, planning


def test_every_step_has_its_row(in_this_process, monkeypatch, capsys):
    in_this_process(planning)
    monkeypatch.setattr("sys.argv", ["planning", "--quick"])
    planning.main()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[1:-1]] == ["resunet", "unet"]
    case = planning.QUICK[0]
    assert planning.estimated(case, "cuda") < planning.estimated(case, "cpu")


def test_a_plan_a_machine(tiny_cases):
    rows = list(planned_machines.rows(tiny_cases))
    assert [row.split(" | ")[2] for row in rows] == ["2 cores, 4 GB", "11 GB", "24 GB", "80 GB"]
    assert all("16 x 16 x 16 of 2 x 1 x 1 mm" in row for row in rows)


def test_a_network_that_is_not_planned_is_refused(tiny_cases):
    with pytest.raises(ValueError, match="network fcn cannot be planned"):
        list(planned_machines.rows(tiny_cases, "fcn"))
