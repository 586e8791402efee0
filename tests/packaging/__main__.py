"""Build wheel and sdist, install the wheel where there is nothing else of ours, and use all of it: `make package`.

    python -m tests.packaging

The wheel is built from the sdist, and installed in an environment of its own outside the checkout, with the versions of
requirements.txt. There `calls.py` imports and calls it, and the commands take phantoms from preprocessing to a
comparison. Prints a line a step, and ends with an error at the first that fails.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ramify.command_line.program import COMMANDS
from tests.packaging.building import ROOT, build, unpacked

CALLS = Path(__file__).with_name("calls.py")
TERMINATED = 128 + signal.SIGTERM
TINY_PHANTOMS = ("--phantom.cases", "4", "--phantom.size", "32", "32", "32", "--phantom.spacing-mm", "4", "4", "4")
TINY_NETWORK = ("--model.levels", "2", "--model.base-channels", "4", "--loading.patch-size", "16", "16", "16")


class Installed:
    """An environment that holds the wheel, and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.programs, self.folder = folder / "environment" / "bin", folder / "work"
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", folder / "environment"], check=True)
        # Nothing of the checkout is to be found by another way than the wheel.
        self.environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(self, program: str, *words: str | Path, code: int = 0) -> str:
        """Run a program of the environment, and return what it prints."""
        began = time.monotonic()
        line = [str(self.programs / program), *map(str, words)]
        done = subprocess.run(line, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        shown = " ".join([program, *map(str, words)])
        if done.returncode != code:
            raise RuntimeError(f"{shown} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        print(f"{time.monotonic() - began:6.1f} s  {shown[:100]}", flush=True)
        return done.stdout

    def stop(self, *words: str | Path, after: str) -> None:
        """Start `ramify WORDS`, end it with SIGTERM when a file is there, and see that it ends as it should."""
        line = [str(self.programs / "ramify"), *map(str, words)]
        log = self.folder / "stopped.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(line, cwd=self.folder, env=self.environment, stdout=stream, stderr=stream)
        while process.poll() is None and not (self.folder / after).exists():
            time.sleep(0.1)
        process.terminate()
        code, said = process.wait(), log.read_text(encoding="utf-8", errors="replace").strip()
        if code != TERMINATED:
            raise RuntimeError(f"ramify {words[0]} ended with {code} at SIGTERM: {said[-2000:]}")
        print(f"          ramify {words[0]} at SIGTERM: {code}, {said.splitlines()[-1]}", flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ramify-packaging-") as name:
        folder = Path(name)
        tree = unpacked(build(ROOT, "sdist", folder / "sdist"), folder / "tree")
        wheel = build(tree, "wheel", folder / "wheel")
        shutil.rmtree(folder / "tree")
        print(f"built     {wheel.name}, {wheel.stat().st_size // 1024} KiB", flush=True)

        installed = Installed(folder)
        installed.run("pip", "install", "--quiet", wheel, "--constraint", ROOT / "requirements.txt")
        shutil.copy(CALLS, installed.folder)
        print(installed.run("python", "calls.py"), end="")
        try_commands(installed)
    print("an installed copy does what the checkout does")
    return 0


def try_commands(installed: Installed) -> None:
    """Every command's --help, and a study on phantoms that is small beyond any use."""
    for name in COMMANDS:
        assert installed.run("ramify", name, "--help").startswith(f"usage: ramify {name} ")
    installed.run("ramify", "train", "--config", "configs/demo.yml", code=2)

    preparing = ("preprocess", "--config", "configs/preprocessing/demo.yaml", *TINY_PHANTOMS, "--workers", "2")
    installed.run("ramify", *preparing, "--output", "cases")
    training = ("train", "--config", "configs/demo.yaml", *TINY_NETWORK, "--cases", "cases", "--loading.workers", "2")
    installed.run("ramify", *training, "--output", "run", "--train.epochs", "1")
    installed.stop(*training, "--output", "stopped", "--train.epochs", "1000", after="stopped/fold_0/history.csv")
    installed.run("ramify", "predict", "--checkpoint", "run", "--input", "raw/images", "--output", "masks")
    # A bundle names the versions of nibabel and pytorch-ignite, which are installed by those who want one.
    installed.run("ramify", "export", "--checkpoint", "run", "--bundle", "bundle", code=2)
    for scores in ("one", "other"):
        masks = ("--prediction", "masks", "--truth", "raw/vessels", "--output", scores)
        installed.run("ramify", "evaluate", *masks, "--report", f"{scores}.html", "--workers", "2")
    installed.run("ramify", "compare", "--results", "a=one", "b=other", "--output", "comparison")

    for made in ("cases/splits_final.json", "run/fold_0/checkpoints/final.pt", "comparison/comparison.json"):
        assert (installed.folder / made).is_file(), made
    assert "ramify evaluate --prediction masks" in (installed.folder / "one.html").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
