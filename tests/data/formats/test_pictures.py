import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from ramify.data.files import read_label_map, read_mask, read_volume

GREY = np.random.default_rng(0).integers(0, 256, (12, 17)).astype(np.uint8)
MASK = GREY > 128
COLOURS = np.stack([GREY, GREY // 2, 255 - GREY], axis=-1)
MANY_GREYS = GREY.astype(np.uint16) * 200 + 7


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "pgm"])
def test_grey_masks_and_labels_come_back_as_written(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(GREY).save(path)
    volume = read_volume(path)
    assert np.array_equal(volume.array, GREY)
    assert volume.array.dtype == np.uint8
    assert volume.spacing_mm == (1.0, 1.0)
    for inside in (1, 255):
        Image.fromarray(MASK.astype(np.uint8) * np.uint8(inside)).save(path)
        assert np.array_equal(read_mask(path).array, MASK)
    Image.fromarray(GREY % 5).save(path)
    assert np.array_equal(read_label_map(path).array, GREY % 5)


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp"])
def test_one_bit(tmp_path, suffix):
    Image.fromarray(MASK).save(tmp_path / f"a.{suffix}")
    assert np.array_equal(read_mask(tmp_path / f"a.{suffix}").array, MASK)


@pytest.mark.parametrize("suffix", ["png", "pgm"])
def test_sixteen_bits_stay_sixteen(tmp_path, suffix):
    Image.fromarray(MANY_GREYS).save(tmp_path / f"a.{suffix}")
    assert np.array_equal(read_volume(tmp_path / f"a.{suffix}").array, MANY_GREYS)


def write_png(path, bits, kind, rows):
    """A PNG of any depth, from rows of packed bytes."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = len(rows), len(rows[0]) * 8 // (bits * {0: 1, 2: 3, 4: 2, 6: 4}[kind])
    packed = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def test_labels_of_few_bits_are_not_stretched(tmp_path):
    write_png(tmp_path / "two.png", 2, 0, [[0b00011011], [0b11100100]])
    assert read_label_map(tmp_path / "two.png").array.tolist() == [[0, 1, 2, 3], [3, 2, 1, 0]]
    (tmp_path / "a.pgm").write_bytes(b"P5\n# by hand\n4 2\n3\n" + bytes([0, 1, 2, 3, 3, 2, 1, 0]))
    assert read_label_map(tmp_path / "a.pgm").array.tolist() == [[0, 1, 2, 3], [3, 2, 1, 0]]
    (tmp_path / "b.pgm").write_bytes(b"P2\n4 1\n4095\n0 1 17 4095")
    assert read_volume(tmp_path / "b.pgm").array.tolist() == [[0, 1, 17, 4095]]


def test_colours_of_sixteen_bits_are_refused_and_not_shortened(tmp_path):
    for kind, rows in ((2, [[1, 2, 3, 4, 5, 6]]), (4, [[1, 2, 255, 255]])):
        write_png(tmp_path / "deep.png", 16, kind, rows)
        with pytest.raises(ValueError, match=r"deep\.png: colours of 16 bits"):
            read_volume(tmp_path / "deep.png", channel="red")
    (tmp_path / "deep.ppm").write_bytes(b"P6\n1 1\n65535\n" + bytes([1, 2, 3, 4, 5, 6]))
    with pytest.raises(ValueError, match=r"deep\.ppm: colours of 16 bits"):
        read_volume(tmp_path / "deep.ppm", channel="red")


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm"])
def test_a_colour_is_chosen(tmp_path, suffix):
    path = tmp_path / f"eye.{suffix}"
    Image.fromarray(COLOURS).save(path)
    assert np.array_equal(read_volume(path, channel="green").array, GREY // 2)
    with pytest.raises(ValueError, match="choose with --channels"):
        read_volume(path)
    with pytest.raises(ValueError, match=r"in colour .* where a mask is expected"):
        read_mask(path)
    Image.fromarray(np.repeat(GREY[..., None], 3, axis=-1)).save(path)
    assert np.array_equal(read_volume(path).array, GREY)


def test_a_palette_gives_greys_colours_or_labels(tmp_path):
    path = tmp_path / "a.gif"
    picture = Image.fromarray(GREY % 3, mode="L").convert("P")
    picture.putpalette([4, 2, 4, 252, 254, 252, 0, 19, 0])
    picture.save(path, optimize=False)
    with pytest.raises(ValueError, match="choose with --channels"):
        read_volume(path)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(path)
    assert np.array_equal(read_label_map(path).array, GREY % 3)
    assert np.array_equal(read_volume(path, channel="red").array, (GREY % 3 == 1) * 255)
    picture.putpalette([255, 255, 0, 0, 0, 0, 0, 255, 0])
    picture.save(path)
    with pytest.raises(ValueError, match="first colour of its palette is not the darkest"):
        read_label_map(path)


def test_jpeg_is_no_form_for_masks(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(GREY).save(path)
    assert read_volume(path).shape == GREY.shape
    Image.fromarray(MASK.astype(np.uint8) * 255).save(path)
    with pytest.raises(ValueError, match=r"neither 0 nor 255: JPEG blurs .* save the mask as PNG"):
        read_mask(path)
    Image.fromarray(np.full((16, 16), 255, np.uint8)).save(path)
    assert read_mask(path).array.all()


def test_only_opaque_pictures(tmp_path):
    path = tmp_path / "a.png"
    alpha = np.full_like(GREY, 255)
    for colours, mode, channel in ((GREY[..., None], "LA", None), (COLOURS, "RGBA", "red")):
        Image.fromarray(np.dstack([colours, alpha]), mode=mode).save(path)
        assert np.array_equal(read_volume(path, channel=channel).array, GREY)
        alpha[3, 4] = 9
        Image.fromarray(np.dstack([colours, alpha]), mode=mode).save(path)
        with pytest.raises(ValueError, match=r"a\.png: partly transparent"):
            read_volume(path, channel="red")
        alpha[3, 4] = 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_they_are_looked_at(tmp_path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    shown = np.zeros((16, 24), np.uint8)
    shown[:8, :8] = 255
    Image.fromarray(shown).save(tmp_path / "a.png", exif=exif)
    volume = read_volume(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        theirs = np.asarray(ImageOps.exif_transpose(picture))
    assert np.array_equal(volume.array, theirs)
    assert volume.notes == (() if orientation == 1 else ("turned as its EXIF orientation says",))


def test_what_is_not_one_whole_picture_is_refused(tmp_path):
    one, two = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    one.save(tmp_path / "moving.gif", save_all=True, append_images=[two])
    with pytest.raises(ValueError, match="2 pictures in one file"):
        read_volume(tmp_path / "moving.gif")
    Image.fromarray(COLOURS).convert("CMYK").save(tmp_path / "print.jpg")
    with pytest.raises(ValueError, match="colours stored as CMYK"):
        read_volume(tmp_path / "print.jpg")
    one.save(tmp_path / "whole.png")
    content = bytearray((tmp_path / "whole.png").read_bytes())
    (tmp_path / "short.png").write_bytes(content[: len(content) // 2])
    content[-30] ^= 1
    (tmp_path / "flipped.png").write_bytes(content)
    for name in ("short.png", "flipped.png"):
        with pytest.raises(ValueError, match=f"{name}: damaged or not a .png file"):
            read_volume(tmp_path / name)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    Image.fromarray(np.zeros((500, 500), np.uint8)).save(tmp_path / "bomb.png")
    monkeypatch.setenv("RAMIFY_UNPACK_LIMIT_GB", "0.0005")
    with pytest.raises(ValueError, match=r"bomb\.png: unpacks to .* set RAMIFY_UNPACK_LIMIT_GB to more"):
        read_volume(tmp_path / "bomb.png")
    monkeypatch.setenv("RAMIFY_UNPACK_LIMIT_GB", "much")
    with pytest.raises(ValueError, match="RAMIFY_UNPACK_LIMIT_GB: expected a number of gigabytes"):
        read_volume(tmp_path / "bomb.png")
