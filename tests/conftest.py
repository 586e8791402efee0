"""What tests of several rooms share: where the real data lies, if anywhere, and which skips are allowed."""

import fnmatch
import gc
import os
import re
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import matplotlib
import numpy as np
import pytest

from ramify.data.case_store import write_case
from ramify.preprocessing.settings import PreprocessingSettings
from tests.case_processes import cases_done_here
from tests.dask_cluster import running_cluster

# Figures are files here; a test must not need a screen.
matplotlib.use("Agg")

# A busy machine draws examples slowly; that is no fault of what is tested.
hypothesis.settings.register_profile("ramify", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("ramify")


SKIPS = Path(__file__).parents[1] / "docs" / "testing.md"
ALLOWED_SKIPS = re.findall(r"^\| `(.+?)` \|", SKIPS.read_text(encoding="utf-8"), flags=re.MULTILINE)


def pytest_configure() -> None:
    """What a script runs in the background is deaf to Ctrl-C, under nohup to a closed terminal: its tests are not."""
    for name, usual in ("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL), ("SIGTERM", signal.SIG_DFL):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded here stays to the end: to look for garbage in it, now and among all that tests make, is no use."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests come first, so that no process is left with one in the end; a random order stays what it is."""
    if not config.pluginmanager.hasplugin("randomly"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def reason_of(report: pytest.TestReport) -> str:
    """Why a test was skipped."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def is_allowed(reason: str) -> bool:
    """Whether docs/testing.md lists the reason."""
    return any(fnmatch.fnmatchcase(reason, pattern.replace("[", "[[]")) for pattern in ALLOWED_SKIPS)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A test that is skipped for a reason that nobody has written down fails the run."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    # Workers of xdist have no terminal; the process that started them has all reports.
    if terminal is None:
        return
    skipped = terminal.stats.get("skipped", [])
    if unknown := sorted({reason for report in skipped if not is_allowed(reason := reason_of(report))}):
        terminal.write_line(f"\nskipped for reasons that docs/testing.md does not list: {'; '.join(unknown)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real data sets (see docs/data.md), or skip: the environment variable RAMIFY_DATA names it."""
    given = os.environ.get("RAMIFY_DATA")
    if not given or not Path(given).is_dir():
        pytest.skip("no real data here: set RAMIFY_DATA to its folder")
    return Path(given).resolve()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The scheduler file of a Dask scheduler with two workers; of a module, since idle ones take a tenth of a core."""
    pytest.importorskip("distributed", reason="distributed is not installed: pip install distributed")
    with running_cluster(tmp_path_factory.mktemp("cluster")) as file:
        yield str(file)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes in one thread, as processes do that are started with OMP_NUM_THREADS=1: sums are the same."""
    # Most folders of tests do without torch.
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cases_in_this_process() -> Iterator[None]:
    """Let preprocess.py start no process: one starts for longer than a tiny case takes."""
    with cases_done_here():
        yield


@pytest.fixture(scope="session")
def tiny_cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four prepared cases of 16^3 voxels: a bright cross in noise, its arms two scales; one fold."""
    store = tmp_path_factory.mktemp("cases")
    settings = PreprocessingSettings().model_dump(mode="json")
    for number in range(4):
        noise = np.random.default_rng(number)
        scales = np.zeros((16, 16, 16), np.uint8)
        scales[4:6, 4 + number, :] = 1
        scales[:, 7:10, 7:10] = 2
        image = (scales > 0) + 0.3 * noise.normal(size=scales.shape)
        arrays: dict[str, Any] = {
            "image": image.astype(np.float32)[None],
            "scales": scales,
            "organ": np.ones_like(scales),
            "tubed_skeleton": (scales > 0).astype(np.uint8),
        }
        record: dict[str, Any] = {
            "patient_id": f"p{number}",
            "shape": [16, 16, 16],
            "spacing_mm": [2.0, 1.0, 1.0],
            "scales": {"thresholds_mm": [1.5]},
            "settings": settings,
        }
        write_case(store, f"case_{number}", arrays, record)
    splits = '[{"train": ["case_0", "case_1", "case_2"], "val": ["case_3"]}]'
    (store / "splits_final.json").write_text(splits, encoding="utf-8")
    return store
