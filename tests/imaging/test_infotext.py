from studio.imaging.infotext import format_infotext


def test_it_reads_as_users_know_it() -> None:
    text = format_infotext(
        "a cat\non a mat",
        "blurry",
        {"Steps": 20, "Sampler": "DPM++ 2M", "Schedule type": "Karras", "CFG scale": 7.0, "Seed": 5, "Size": "64x96"},
    )
    assert text == (
        "a cat\non a mat\nNegative prompt: blurry\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 64x96"
    )


def test_what_is_not_known_is_left_out() -> None:
    assert format_infotext("猫", "", {"Steps": 0, "Model hash": None, "Schedule type": ""}) == "猫\nSteps: 0"


def test_values_that_would_break_the_line_are_quoted() -> None:
    text = format_infotext("x", "", {"Model": 'a, "b": c', "Version": "猫:1", "Note": "two\nlines"})
    assert text == 'x\nModel: "a, \\"b\\": c", Version: "猫:1", Note: "two\\nlines"'
