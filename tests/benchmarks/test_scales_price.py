"""The price of the scales: every form is a step, and has its row."""

import pytest

from benchmarks import scales_price


def test_every_form_has_a_row_of_multiples_of_the_binary_step(monkeypatch, capsys):
    few = ("binary", "every scale", "half the resolution and channels, in turn")
    monkeypatch.setattr(scales_price, "FORMS", {name: scales_price.FORMS[name] for name in few})
    scales_price.main(["--side", "16", "--batch", "1", "--levels", "2", "--rounds", "1"])
    rows = [line.split("|")[1:3] for line in capsys.readouterr().out.splitlines() if line.startswith("|")][2:]
    assert [name.strip() for name, _ in rows] == list(few)
    assert float(rows[0][1]) == 1.0
    assert all(float(times) > 0 for _, times in rows)


@pytest.mark.parametrize("name", scales_price.FORMS)
def test_every_form_is_a_network_and_a_loss(name):
    form = scales_price.FORMS[name]
    scales_price.LossSettings.model_validate(form.loss)
    assert (scales_price.parameters_of(form, 3) > scales_price.parameters_of(scales_price.FORMS["binary"], 3)) == (
        name != "binary"
    )
