"""What Ramify did not write, it never deletes or replaces."""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ramify.data.case_store import prepare_store, write_case
from ramify.disk import own_files
from ramify.disk.atomic_files import write_whole
from ramify.disk.ledger import ledger_of
from ramify.disk.outputs import Outputs, give_up
from ramify.disk.own_files import own, remove
from ramify.disk.part_files import part_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def another_process(monkeypatch):
    """What this process remembers is gone, as in another one: the ledger alone knows."""

    def forget() -> None:
        monkeypatch.setattr(own_files, "_written", {})
        monkeypatch.setattr(own_files, "_single", {})

    return forget


@pytest.fixture
def owned(tmp_path, another_process) -> Path:
    """A folder of predictions with one file, a.txt, of another process."""
    folder = tmp_path / "owned"
    Outputs().claim_folder(folder, "predictions")
    write_whole(folder / "a.txt", "ours")
    another_process()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".ramify")


def test_a_missing_and_an_empty_folder_are_taken_and_marked(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").write_bytes(b"junk")
    for name in ("missing", "empty"):
        Outputs().claim_folder(tmp_path / name, "predictions")
        head = (tmp_path / name / ".ramify").read_text(encoding="utf-8").splitlines()[0]
        assert json.loads(head)["ramify"] == "predictions"


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK])
def test_a_disk_without_hard_links_will_do(tmp_path, monkeypatch, number):
    def link(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    Outputs().claim_folder(tmp_path / "out", "predictions")
    write_whole(tmp_path / "out" / "a.txt", "one")
    Outputs().claim_folder(tmp_path / "out", "predictions", ["a.txt"])
    assert names(tmp_path / "out") == ["a.txt"]


def test_a_folder_with_anything_else_is_refused_by_name(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes\.txt.*empty or a new folder"):
        Outputs().claim_folder(tmp_path, "predictions")
    assert names(tmp_path) == ["notes.txt"]
    assert not (tmp_path / ".ramify").exists()


def test_a_folder_of_another_kind_is_refused(owned):
    with pytest.raises(ValueError, match="holds predictions of Ramify, not scores"):
        Outputs(replace=True).claim_folder(owned, "scores")


@pytest.mark.parametrize("way", ["itself", "dots", "link"])
def test_an_input_folder_is_refused_however_it_is_named(owned, tmp_path, way):
    (tmp_path / "link").symlink_to(owned)
    output = {"itself": owned, "dots": owned / ".." / "owned", "link": tmp_path / "link"}[way]
    with pytest.raises(ValueError, match="holds what this call reads"):
        Outputs(owned).claim_folder(output, "predictions")
    Outputs(owned).claim_folder(owned / "inner", "predictions")


def test_a_file_that_is_read_is_refused_by_hard_link_too(owned, tmp_path):
    os.link(owned / "a.txt", tmp_path / "elsewhere.txt")
    for given in (owned / "a.txt", tmp_path / "elsewhere.txt"):
        with pytest.raises(ValueError, match="is what this call reads"):
            Outputs(given).claim_folder(owned, "predictions", ["a.txt"])


def test_ramifys_own_file_is_replaced_without_a_word(owned):
    Outputs().claim_folder(owned, "predictions", ["a.txt"])
    write_whole(owned / "a.txt", "newer")
    assert (owned / "a.txt").read_text(encoding="utf-8") == "newer"


@pytest.mark.parametrize("change", ["edited", "another", "link", "same_size"])
def test_the_users_file_in_ramifys_folder_is_refused_and_stays(owned, tmp_path, change):
    name = "b.txt" if change == "another" else "a.txt"
    if change == "link":
        (tmp_path / "target").write_text("ours", encoding="utf-8")
        (owned / name).unlink()
        (owned / name).symlink_to(tmp_path / "target")
    else:
        before = (owned / "a.txt").stat()
        (owned / name).write_text("mine" if change == "same_size" else "corrected", encoding="utf-8")
        os.utime(owned / name, ns=(before.st_atime_ns, before.st_mtime_ns))
    kept = (owned / name).read_bytes()
    with pytest.raises(ValueError, match=name):
        Outputs().claim_folder(owned, "predictions", [name])
    with pytest.raises(ValueError, match=name):
        write_whole(owned / name, "new")
    assert not remove(owned / name)
    assert (owned / name).read_bytes() == kept
    assert names(owned) == sorted({"a.txt", name})


def test_replace_keeps_the_users_file_under_another_name(owned, another_process):
    for number in (1, 2):
        (owned / "a.txt").write_text(f"mine {number}", encoding="utf-8")
        Outputs(replace=True).claim_folder(owned, "predictions", ["a.txt"])
        another_process()
        write_whole(owned / "a.txt", "new")
        assert (owned / f"a.txt.backup-{number}").read_text(encoding="utf-8") == f"mine {number}"
    assert (owned / "a.txt").read_text(encoding="utf-8") == "new"


def test_replace_is_a_leave_for_what_was_there_then(owned):
    (owned / "a.txt").write_text("mine", encoding="utf-8")
    Outputs(replace=True).claim_folder(owned, "predictions", ["a.txt"])
    (owned / "a.txt").write_text("mine again", encoding="utf-8")
    with pytest.raises(ValueError, match="changed since"):
        write_whole(owned / "a.txt", "new")


def test_replace_writes_into_a_folder_of_the_users_and_loses_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "b.txt").write_text("mine", encoding="utf-8")
    Outputs(replace=True).claim_folder(tmp_path, "predictions", ["a.txt"])
    write_whole(tmp_path / "a.txt", "new")
    assert names(tmp_path) == ["a.txt", "a.txt.backup-1", "b.txt"]


def test_one_call_does_not_write_a_file_twice(tmp_path):
    with pytest.raises(ValueError, match="twice"):
        Outputs().claim_folder(tmp_path / "out", "predictions", ["a.txt", "a.txt"])
    outputs = Outputs()
    outputs.claim_folder(tmp_path / "scores", "scores", ["metrics.csv"])
    with pytest.raises(ValueError, match="twice"):
        outputs.claim_file(tmp_path / "scores" / ".." / "scores" / "metrics.csv", "report")


def test_names_that_differ_in_case_meet_where_the_disk_folds_it(tmp_path, monkeypatch):
    Outputs().claim_folder(tmp_path / "apart", "exports", ["A", "a"])
    monkeypatch.setattr("ramify.disk.outputs._folds_case", lambda folder: True)
    with pytest.raises(ValueError, match="twice"):
        Outputs().claim_folder(tmp_path / "out", "exports", ["A", "a"])


def test_a_single_file_leaves_its_folder_the_users(tmp_path, another_process):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    for content in ("first", "second"):
        another_process()
        Outputs().claim_file(tmp_path / "report.html", "report")
        write_whole(tmp_path / "report.html", content)
    with pytest.raises(ValueError, match="holds what Ramify did not write"):
        Outputs().claim_folder(tmp_path, "scores")
    for name in ("notes.txt", "report.html"):
        another_process()
        (tmp_path / name).write_text("changed", encoding="utf-8")
        with pytest.raises(ValueError, match="not written by Ramify"):
            Outputs().claim_file(tmp_path / name, "report")


def test_a_report_does_not_take_the_place_of_another_file_of_ramifys(owned):
    with pytest.raises(ValueError, match="not written by Ramify"):
        Outputs().claim_file(owned / "a.txt", "report")


def test_without_a_mark_what_the_process_itself_wrote_is_its_own(tmp_path, another_process):
    for content in ("one", "two"):
        write_whole(tmp_path / "a.txt", content)
    another_process()
    Outputs()
    with pytest.raises(ValueError, match="not written by Ramify"):
        write_whole(tmp_path / "a.txt", "three")


def test_a_program_that_is_no_script_replaces_its_own_files(tmp_path, owned, monkeypatch, another_process):
    (tmp_path / "labels.txt").write_text("drawn", encoding="utf-8")
    another_process()
    monkeypatch.setattr(own_files, "_commands", [])
    write_whole(tmp_path / "labels.txt", "corrected")
    assert (tmp_path / "labels.txt").read_text(encoding="utf-8") == "corrected"
    # What lies in a folder of Ramify's is safe from it all the same, and so is what a link leads to.
    (owned / "a.txt").write_text("the user's", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to(tmp_path / "labels.txt")
    for path in (owned / "a.txt", tmp_path / "link.txt"):
        with pytest.raises(ValueError, match=r"not written by Ramify|a link or folder"):
            write_whole(path, "again")


def test_a_log_grows_and_stays_ramifys(owned, another_process):
    for line in ("one\n", "two\n"):
        another_process()
        own(owned / "log.txt")
        with (owned / "log.txt").open("a", encoding="utf-8") as stream:
            stream.write(line)
    (owned / "other.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.txt"):
        own(owned / "other.txt")


def test_a_kill_between_ledger_and_rename_leaves_both_contents_known(owned, monkeypatch, another_process):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_whole(owned / "a.txt", "never seen")
    another_process()
    Outputs().claim_folder(owned, "predictions", ["a.txt"])
    write_whole(owned / "a.txt", "newer")


def test_the_ledger_is_compacted_and_known_to_who_had_read_it(owned, another_process):
    for number in range(20):
        write_whole(owned / "a.txt", str(number))
    before = (owned / ".ramify").stat().st_size
    Outputs().claim_folder(owned, "predictions")
    assert (owned / ".ramify").stat().st_size < before / 4
    another_process()
    write_whole(owned / "a.txt", "after")


def test_processes_write_into_one_folder_at_once(owned, another_process):
    program = (
        "import sys; from pathlib import Path; from ramify.disk.atomic_files import write_whole\n"
        "for n in range(30): write_whole(Path(sys.argv[1]) / f'{sys.argv[2]}_{n}.txt', sys.argv[2])"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(owned), str(number)], cwd=ROOT) for number in range(3)
    ]
    while any(process.poll() is None for process in running):
        Outputs().claim_folder(owned, "predictions")
        time.sleep(0.05)
    assert not any(process.returncode for process in running)
    Outputs().claim_folder(owned, "predictions", [f"{number}_{n}.txt" for number in range(3) for n in range(30)])


@pytest.fixture(scope="module")
def part_of_a_killed_writer() -> str:
    """The name of what a process was writing that is no more."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from ramify.disk.part_files import part_of; from pathlib import Path; print(part_of(Path('x')))",
        ],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    ).stdout.strip()


def test_what_a_killed_writer_left_goes_when_the_folder_is_claimed(owned, part_of_a_killed_writer):
    (owned / "inner").mkdir()
    (owned / "inner" / part_of_a_killed_writer).write_bytes(b"half")
    mine = part_of(owned / "x")
    mine.write_bytes(b"at work")
    Outputs().claim_folder(owned, "predictions")
    assert names(owned) == sorted(["a.txt", "inner", mine.name])
    assert not names(owned / "inner")


@pytest.mark.parametrize("comes_to_something", [True, False])
def test_what_a_process_of_the_call_left_that_was_killed_goes_when_the_call_ends(
    tmp_path, part_of_a_killed_writer, comes_to_something
):
    with Outputs() as outputs:
        outputs.claim_folder(tmp_path / "masks", "predictions")
        (tmp_path / "masks" / part_of_a_killed_writer).write_bytes(b"half")
        if comes_to_something:
            write_whole(tmp_path / "masks" / "a.txt", "whole")
    assert [path.name for path in tmp_path.rglob("[!.]*")] == ["masks", "a.txt"] * comes_to_something
    assert not [*tmp_path.rglob(part_of_a_killed_writer)]


@pytest.mark.parametrize("content", ["my settings\n", ""])
def test_a_mark_that_is_none_of_ours_is_refused(tmp_path, content):
    (tmp_path / ".ramify").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"\.ramify: not a mark"):
        Outputs().claim_folder(tmp_path, "scores")


def test_a_folder_without_a_file_is_given_up_and_one_with_a_file_is_not(owned, tmp_path):
    Outputs().claim_folder(tmp_path / "empty", "cases")
    give_up(tmp_path / "empty")
    give_up(owned)
    assert not (tmp_path / "empty").exists()
    assert ledger_of(owned) is not None


def test_what_was_made_for_nothing_is_given_up_and_what_was_there_is_not(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    with Outputs() as outputs:
        outputs.claim_folder(tmp_path / "new" / "deep" / "scores", "scores")
        outputs.claim_folder(tmp_path / "mine", "exports")
        outputs.claim_file(tmp_path / "kept" / "page.html", "report")
        outputs.claim_file(tmp_path / "new" / "pages" / "page.html", "report")
    assert sorted(tmp_path.rglob("*")) == before

    with Outputs() as outputs:
        outputs.claim_folder(tmp_path / "new" / "deep" / "scores", "scores")
        outputs.claim_file(tmp_path / "kept" / "page.html", "report")
        write_whole(tmp_path / "kept" / "page.html", "ours")
    with Outputs() as outputs:  # of an earlier call: another process may be about to write there
        outputs.claim_folder(tmp_path / "new" / "deep" / "other", "scores")
        write_whole(tmp_path / "new" / "deep" / "other" / "a.txt", "ours")
    with Outputs() as outputs:
        outputs.claim_folder(tmp_path / "new" / "deep" / "other", "scores")
    assert names(tmp_path / "new" / "deep") == ["other"]
    assert ledger_of(tmp_path / "kept") is not None


def test_the_users_file_in_a_cases_folder_survives_when_the_case_is_made_anew(tmp_path, another_process):
    Outputs().claim_folder(tmp_path / "store", "cases")
    prepare_store(tmp_path / "store", {})
    write_case(tmp_path / "store", "a", {"x": np.zeros(3)}, {})
    (tmp_path / "store" / "a" / "notes.txt").write_text("mine", encoding="utf-8")
    another_process()
    write_case(tmp_path / "store", "a", {"y": np.ones(3)}, {})
    assert names(tmp_path / "store" / "a") == ["case.json", "notes.txt", "y.npy"]
    assert names(tmp_path / "store") == ["a", "dataset.json"]


def test_a_folder_of_the_users_that_is_called_like_a_case_is_no_case_to_replace(tmp_path):
    for name in ("notes.txt", "case.json"):
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=r"case\.json.*not written by Ramify"):
        write_case(tmp_path, "a", {"x": np.zeros(3)}, {})
    assert names(tmp_path / "a") == ["case.json", "notes.txt"]
    assert names(tmp_path) == ["a"]


def test_a_file_that_another_process_replaces_meanwhile_is_still_ramifys(owned, monkeypatch):
    told = own_files.fingerprint

    def replaced_just_before(path: Path) -> str:
        monkeypatch.setattr(own_files, "fingerprint", told)
        write_whole(owned / "a.txt", "by another process")
        monkeypatch.setattr(own_files, "_written", {})
        return told(path)

    monkeypatch.setattr(own_files, "fingerprint", replaced_just_before)
    assert own_files.standing_of(owned / "a.txt", "") == "ours"
