from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from studio.errors import UnreadablePicture
from studio.imaging.pictures.opening import open_picture
from tests.support.pictures import photo, save_bomb, save_deep_rgb, save_photo
from tests.support.properties import PATIENT, examples

MOST = 1_000_000


def refusal(file: Path, most: int = MOST) -> UnreadablePicture:
    with pytest.raises(UnreadablePicture) as caught:
        open_picture(file, most)
    for locale in ("en", "zh-CN"):
        assert caught.value.explain(locale)
    return caught.value


def test_a_plain_photo_is_taken_as_it_is(tmp_path: Path) -> None:
    opened = open_picture(save_photo(tmp_path / "a.png"), MOST)
    assert (opened.original, opened.notice, opened.alpha) == (True, None, None)
    np.testing.assert_array_equal(opened.pixels, photo(24, 32))


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.png"
    text.write_text("not a picture at all")
    empty = tmp_path / "empty.png"
    empty.touch()
    script = tmp_path / "drawing.eps"
    script.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert refusal(text).code == refusal(script).code == "picture.unknown"
    assert refusal(empty).code == "picture.empty"
    assert refusal(tmp_path / "gone.png").code == refusal(tmp_path).code == "picture.missing"


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "gif", "tiff", "bmp"])
def test_a_cut_off_file_is_refused(tmp_path: Path, kind: str) -> None:
    file = save_photo(tmp_path / f"a.{kind}", 200, 200)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert refusal(file).code in ("picture.damaged", "picture.unknown")


@settings(max_examples=examples(150), suppress_health_check=[*PATIENT, HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(["png", "jpg", "webp", "gif", "tiff"]), at=st.floats(0, 1), flip=st.integers(1, 255))
def test_no_damage_is_a_crash(tmp_path: Path, kind: str, at: float, flip: int) -> None:
    content = bytearray(save_photo(tmp_path / f"a.{kind}").read_bytes())
    content[int(at * (len(content) - 1))] ^= flip
    file = tmp_path / f"damaged.{kind}"
    file.write_bytes(content)
    with suppress(UnreadablePicture):
        assert open_picture(file, MOST).pixels.ndim == 3


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    assert refusal(save_bomb(tmp_path / "bomb.png")).code == "picture.bomb"
    large = refusal(save_bomb(tmp_path / "large.png", 8100))
    assert "65.6 million" in large.text()
    long = tmp_path / "long.png"
    Image.new("RGB", (70_000, 1)).save(long)
    assert refusal(long).code == "picture.too_long"


def test_one_pixel_is_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "dot.png"
    Image.new("RGB", (1, 1), (200, 100, 50)).save(file)
    opened = open_picture(file, MOST)
    assert opened.pixels.tolist() == [[[200, 100, 50]]]
    assert opened.notice == "imaging.notice.tiny"


def test_print_colours_become_screen_colours(tmp_path: Path) -> None:
    file = tmp_path / "print.jpg"
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(file)
    opened = open_picture(file, MOST)
    red, green, blue = opened.pixels[16, 16]
    assert red > 200
    assert max(green, blue) < 60
    assert (opened.notice, opened.original) == ("imaging.notice.cmyk", False)


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.fromarray(np.tile(np.arange(256, dtype=np.uint16) * 257, (16, 1))).save(grey)
    opened = open_picture(grey, MOST)
    assert opened.pixels[3, :, 1].tolist() == list(range(256))
    assert opened.notice == "imaging.notice.eight_bit"
    colours = open_picture(save_deep_rgb(tmp_path / "rgb.png", photo(20, 20)), MOST)
    np.testing.assert_array_equal(colours.pixels, photo(20, 20))
    assert colours.notice == "imaging.notice.eight_bit"


@pytest.mark.parametrize("kind", ["I", "F"])
def test_scientific_greys_are_shown_in_full_range(tmp_path: Path, kind: str) -> None:
    values = np.linspace(0, 1, 400).reshape(20, 20)
    array = values.astype(np.float32) if kind == "F" else (values * 65_535).astype(np.int32)
    file = tmp_path / "field.tiff"
    Image.fromarray(array).save(file)
    pixels = open_picture(file, MOST).pixels
    assert (pixels.min(), pixels.max()) == (0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "PA"])
def test_every_common_mode_is_read(tmp_path: Path, mode: str) -> None:
    file = tmp_path / ("a.tiff" if mode == "PA" else "a.png")
    source = Image.fromarray(photo(24, 32)).convert("RGB")
    image = source.convert("RGBA").convert(mode) if mode in ("LA", "RGBA") else source.convert(mode.replace("A", ""))
    image.save(file)
    assert open_picture(file, MOST).pixels.shape == (24, 32, 3)


def test_transparency_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((250, 10, 10, 255), (0, 0, 16, 32))
    image.save(file)
    opened = open_picture(file, MOST)
    assert opened.alpha is not None
    assert np.asarray(opened.alpha)[0, [0, 31]].tolist() == [255, 0]
    # The hidden black must not darken the edge when it is enlarged.
    assert opened.pixels[:, :, 0].min() > 240


def test_a_transparent_palette_colour_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.gif"
    image = Image.new("P", (32, 32), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (0, 0, 16, 32))
    image.save(file, transparency=1)
    alpha = open_picture(file, MOST).alpha
    assert alpha is not None
    assert np.asarray(alpha)[0, [0, 31]].tolist() == [0, 255]


def test_an_opaque_alpha_channel_is_none(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.fromarray(photo(24, 32)).convert("RGBA").save(file)
    assert open_picture(file, MOST).alpha is None


def test_the_first_frame_of_an_animation_is_used(tmp_path: Path) -> None:
    file = tmp_path / "a.gif"
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=100)
    opened = open_picture(file, MOST)
    assert opened.pixels[5, 5].tolist() == [255, 0, 0]
    assert (opened.notice, opened.original) == ("imaging.notice.first_frame", False)


def test_a_turned_photo_is_turned_back(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    image = Image.new("RGB", (40, 20), "black")
    image.paste("white", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(file, exif=exif, quality=95)
    opened = open_picture(file, MOST)
    assert opened.image.size == (20, 40)
    assert opened.pixels[2, 10].min() > 200
    assert not opened.original


def test_colours_follow_the_embedded_profile(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    Image.new("RGB", (20, 20), (120, 120, 120)).save(file, icc_profile=linear.tobytes())
    # A profile for other colours than the picture's cannot be applied and does not stand in the way.
    assert open_picture(file, MOST).pixels[0, 0].tolist() == [120, 120, 120]
    Image.new("RGB", (20, 20), (120, 120, 120)).save(file, icc_profile=b"damaged")
    assert open_picture(file, MOST).pixels[0, 0].tolist() == [120, 120, 120]
    Image.new("RGB", (20, 20), (120, 130, 140)).save(
        file, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    assert open_picture(file, MOST).pixels[0, 0].tolist() == [120, 130, 140]


def test_a_lab_picture_is_converted(tmp_path: Path) -> None:
    lab = ImageCms.profileToProfile(
        Image.new("RGB", (20, 20), (200, 40, 40)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    file = tmp_path / "a.tiff"
    lab.save(file)
    np.testing.assert_allclose(open_picture(file, MOST).pixels[0, 0], (200, 40, 40), atol=6)


def test_generation_settings_are_found(tmp_path: Path) -> None:
    chunks = PngInfo()
    chunks.add_text("parameters", "猫\nSteps: 3")
    stream = BytesIO()
    Image.new("RGB", (20, 20)).save(stream, "PNG", pnginfo=chunks)
    file = tmp_path / "a.png"
    file.write_bytes(stream.getvalue())
    assert open_picture(file, MOST).infotext == "猫\nSteps: 3"
