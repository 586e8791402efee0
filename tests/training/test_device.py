"""The precision a network is trained and used in is one its device has."""

from types import SimpleNamespace

import pytest
import torch

from ramify.training.device import choose_precision, choose_prediction_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("capability", "expected"), [((7, 5), torch.float16), ((8, 0), torch.bfloat16)], ids=["Turing", "Ampere"]
)
def test_auto_takes_no_bfloat16_that_is_emulated(monkeypatch, capability, expected):
    properties = SimpleNamespace(major=capability[0], minor=capability[1])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda _: True)
    assert choose_precision("auto", GPU) is expected
    # What is asked for by name is what is taken, emulated or not.
    assert choose_precision("bfloat16", GPU) is torch.bfloat16


def test_a_cpu_trains_in_float32_unless_told_and_never_in_float16():
    assert choose_precision("auto", CPU) is torch.float32
    assert choose_precision("bfloat16", CPU) is torch.bfloat16
    with pytest.raises(ValueError, match=r"float16 needs a GPU; on the CPU use --train.precision bfloat16 or float32"):
        choose_precision("float16", CPU)


def test_what_was_trained_in_float16_predicts_on_a_cpu_and_says_in_what(capsys):
    assert choose_prediction_precision("float16", CPU) is torch.float32
    assert capsys.readouterr().err.splitlines() == [
        "warning: trained in float16, which needs a GPU: predicting in float32 on the CPU"
    ]
    assert choose_prediction_precision("bfloat16", CPU) is torch.bfloat16
    assert choose_prediction_precision("float16", GPU) is torch.float16
    assert capsys.readouterr().err == ""
