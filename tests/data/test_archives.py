import bz2
import errno
import gzip
import io
import lzma
import os
import tarfile
import zipfile

import pytest

from ramify.data.archives import unpack

CONTENT = {"case/PATIENT_DICOM/image_0": b"first" * 50, "case/other": b"second"}
PACK = {"": lambda content: content, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def tar(members):
    """A tar of {name: content}; a TarInfo in place of a name is taken as it is."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = member.size or len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def unpacked(archive, target, wanted=lambda parts: True):
    target.mkdir()
    unpack(archive, target, wanted)
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}


@pytest.mark.parametrize("packing", PACK)
def test_a_tar_is_known_by_how_it_begins(tmp_path, packing):
    (tmp_path / "a.tar").write_bytes(PACK[packing](tar(CONTENT)))
    assert unpacked(tmp_path / "a.tar", tmp_path / "all") == CONTENT
    assert list(unpacked(tmp_path / "a.tar", tmp_path / "some", lambda parts: "other" in parts)) == ["case/other"]


def test_a_full_disk_is_told_with_the_remedy(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a.tar").write_bytes(tar(CONTENT))
    monkeypatch.setattr("ramify.data.archives._unpack_tar", full)
    with pytest.raises(OSError, match=r"a\.tar: cannot be unpacked to .* \(No space left on device\); free .* TMPDIR"):
        unpacked(tmp_path / "a.tar", tmp_path / "all")


def test_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in CONTENT.items():
            archive.writestr(name, content)
    assert unpacked(tmp_path / "a.zip", tmp_path / "all") == CONTENT


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("wanted", [True, False], ids=["wanted", "passed over"])
def test_a_tar_that_unpacks_to_more_than_allowed_is_refused(tmp_path, monkeypatch, packing, wanted):
    monkeypatch.setenv("RAMIFY_UNPACK_LIMIT_GB", "0.001")
    (tmp_path / "bomb.tar").write_bytes(PACK[packing](tar({"zeros": bytes(2_000_000), "more": b"x"})))
    with pytest.raises(ValueError, match=r"bomb\.tar: unpacks to .* RAMIFY_UNPACK_LIMIT_GB to more"):
        unpacked(tmp_path / "bomb.tar", tmp_path / "out", lambda parts: wanted)
    assert not list((tmp_path / "out").iterdir())


def test_a_zip_that_unpacks_to_more_than_allowed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("RAMIFY_UNPACK_LIMIT_GB", "0.001")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"zeros{number}", bytes(600_000))
    with pytest.raises(ValueError, match=r"bomb\.zip: unpacks to"):
        unpacked(tmp_path / "bomb.zip", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_header_of_gigabytes_is_not_taken_into_memory(tmp_path):
    member = tarfile.TarInfo("name")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 5_000_000_000
    header = member.tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "bomb.tar").write_bytes(header + bytes(1024))
    with pytest.raises(ValueError, match=r"bomb\.tar: damaged archive \(a header of"):
        unpacked(tmp_path / "bomb.tar", tmp_path / "out")


def test_nothing_is_written_outside_and_links_are_passed_over(tmp_path):
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    (tmp_path / "links.tar").write_bytes(tar({link: b"", "link/inside": b"x"}))
    unpacked(tmp_path / "links.tar", tmp_path / "links")
    assert not (tmp_path / "inside").exists()
    (tmp_path / "up.tar").write_bytes(tar({"../outside": b"x"}))
    with pytest.raises(ValueError, match=r"up\.tar: damaged archive \(.*outside"):
        unpacked(tmp_path / "up.tar", tmp_path / "up")
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as archive:
        archive.writestr("../outside", "x")
    unpacked(tmp_path / "up.zip", tmp_path / "zip")
    assert not (tmp_path / "outside").exists()


def test_a_damaged_archive_is_one_line(tmp_path):
    whole = lzma.compress(tar(CONTENT))
    for name, content in (
        ("cut.tar.xz", whole[: len(whole) // 2]),
        ("text.tar.gz", b"no archive at all"),
        ("text.zip", b"none"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}: damaged archive") as caught:
            unpacked(tmp_path / name, tmp_path / f"out-{name}")
        assert "\n" not in str(caught.value)
