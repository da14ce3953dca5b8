import io
import zlib
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from studio.errors import InvalidRequest, UnreadablePicture
from studio.imaging.infotext.carriers import Format, save
from studio.imaging.infotext.exif import comment_text
from studio.imaging.infotext.text import format_infotext
from studio.imaging.pictures.opening import open_picture
from studio.imaging.reuse import picture_text

MOST_PIXELS = 10_000
INFOTEXT = format_infotext("一只猫, café 🐈", "dog", {"Steps": 4, "Seed": 3, "Size": "64x64"})
PICTURE = Image.linear_gradient("L").resize((64, 64)).convert("RGB")


def png(file: Path, **texts: str) -> Path:
    chunks = PngInfo()
    for key, text in texts.items():
        chunks.add_text(key, text)
    PICTURE.save(file, pnginfo=chunks)
    return file


def jpeg(file: Path, comment: bytes) -> Path:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    PICTURE.save(file, exif=exif.tobytes())
    return file


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_every_format_carries_its_infotext_and_shows_the_picture(kind: Format, tmp_path: Path) -> None:
    file = tmp_path / "picture"
    with file.open("wb") as stream:
        assert save(PICTURE, stream, kind, INFOTEXT)
    assert picture_text(file, MOST_PIXELS) == INFOTEXT
    with Image.open(file) as image:
        assert image.format == kind.upper()
        assert image.size == (64, 64)
        assert abs(image.convert("L").getpixel((32, 32)) - PICTURE.convert("L").getpixel((32, 32))) < 8


@pytest.mark.parametrize("compressed", [False, True])
def test_international_chunks_are_read(compressed: bool, tmp_path: Path) -> None:
    chunks = PngInfo()
    chunks.add_itxt("parameters", INFOTEXT, zip=compressed)
    PICTURE.save(tmp_path / "x.png", pnginfo=chunks)
    assert picture_text(tmp_path / "x.png", MOST_PIXELS) == INFOTEXT


def test_a_chunk_behind_the_pixels_is_read(tmp_path: Path) -> None:
    plain = png(tmp_path / "plain.png").read_bytes()
    body = b"tEXt" + b"parameters\0a cat"
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    end = plain.rindex(b"IEND") - 4
    (tmp_path / "late.png").write_bytes(plain[:end] + chunk + plain[end:])
    assert picture_text(tmp_path / "late.png", MOST_PIXELS) == "a cat"


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + INFOTEXT.encode("utf-16-be"),
        b"UNICODE\0" + INFOTEXT.encode("utf-16-le"),
        b"UNICODE\0" + INFOTEXT.encode("utf-16"),
        b"\0" * 8 + INFOTEXT.encode(),
    ],
    ids=["as A1111 writes it", "the other byte order", "with a mark", "no encoding named"],
)
def test_user_comments_of_any_writer_are_read(comment: bytes, tmp_path: Path) -> None:
    assert picture_text(jpeg(tmp_path / "x.jpg", comment), MOST_PIXELS) == INFOTEXT


@pytest.mark.parametrize("comment", [None, b"", b"UNICODE\0", b"UNICODE\0\xd8", b"ASCII\0\0\0\xff\0", 7, b"\xff" * 100])
def test_damaged_comments_are_no_error(comment: object) -> None:
    assert isinstance(comment_text(comment), str)


def test_a_jpeg_whose_settings_do_not_fit_keeps_the_picture() -> None:
    latin, chinese = io.BytesIO(), io.BytesIO()
    assert save(PICTURE, latin, "jpeg", "a cat, " * 5_000)
    assert not save(PICTURE, chinese, "jpeg", "猫" * 40_000)
    assert Image.open(chinese).size == (64, 64)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({}, "carries no settings"),
        ({"prompt": '{"3": {"class_type": "KSampler"}}'}, "ComfyUI"),
        ({"workflow": "{}"}, "ComfyUI"),
        ({"invokeai_metadata": "{}"}, "InvokeAI"),
        ({"Software": "NovelAI", "Comment": "{}"}, "NovelAI"),
    ],
)
def test_a_picture_without_settings_of_this_kind_is_answered_in_words(
    texts: dict[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        picture_text(png(tmp_path / "x.png", **texts), MOST_PIXELS)
    assert words in caught.value.text("en")
    assert caught.value.explain("zh-CN")


def test_a_chunk_that_unpacks_to_far_too_much_is_refused(tmp_path: Path) -> None:
    chunks = PngInfo()
    chunks.add_text("parameters", "a" * 50_000_000, zip=True)
    PICTURE.save(tmp_path / "bomb.png", pnginfo=chunks)
    with pytest.raises(UnreadablePicture):
        picture_text(tmp_path / "bomb.png", MOST_PIXELS)


def test_settings_longer_than_any_prompt_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="500000 characters"):
        picture_text(png(tmp_path / "long.png", parameters="a" * 900_000), MOST_PIXELS)


def test_a_jpeg_hands_its_settings_on_when_it_is_opened_to_be_worked_on(tmp_path: Path) -> None:
    with (tmp_path / "x.jpg").open("wb") as stream:
        save(PICTURE, stream, "jpeg", INFOTEXT)
    assert open_picture(tmp_path / "x.jpg", MOST_PIXELS).infotext == INFOTEXT


def test_a_file_that_is_no_picture_or_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("Steps: 20, Sampler: Euler, Seed: 3")
    with pytest.raises(UnreadablePicture, match="not a picture"):
        picture_text(tmp_path / "text.png", MOST_PIXELS)
    with pytest.raises(UnreadablePicture, match="accepted"):
        picture_text(png(tmp_path / "x.png", parameters="a"), 100)
