"""The designer's commands."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from studio.cli.console import Json, Model, Output, kept, last, opened, read, reported
from studio.cli.notations import axis, control_unit
from studio.cli.terminal import Terminal
from studio.imaging.drawing.requests import Drawn, PictureRequest, default
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest
from studio.imaging.infotext.text import read_infotext
from studio.imaging.pictures.storage import copied
from studio.imaging.plots.plotter import PlotRequest, Plotted
from studio.imaging.reuse import picture_text
from studio.messages import message
from studio.settings import Settings
from studio.studio import Studio


def image(
    prompt: str,
    negative_prompt: str = default("negative_prompt"),
    width: int | None = None,
    height: int | None = None,
    steps: int | None = None,
    guidance_scale: float | None = None,
    seed: int = default("seed"),
    model: Model = None,
    format: Annotated[str, typer.Option(help="The kind of file: png, jpeg or webp.")] = default("format"),
    style: Annotated[list[str] | None, typer.Option(help="A style by its id or name; may be given again.")] = None,
    clip_skip: Annotated[int | None, typer.Option(help="The text encoder's layer, counted from its end.")] = None,
    sampler: Annotated[str | None, typer.Option(help="Such as Euler a or DPM++ 2M.")] = None,
    schedule_type: Annotated[str | None, typer.Option(help="Karras or Exponential.")] = None,
    count: Annotated[int, typer.Option(help="How many pictures, each with the next seed.")] = default("count"),
    batch_size: Annotated[int, typer.Option(help="How many of them are drawn at the same time.")] = default(
        "batch_size"
    ),
    fast: Annotated[bool, typer.Option("--fast", help="About six steps, with the model's LCM adapter.")] = default(
        "fast"
    ),
    variation_seed: Annotated[int, typer.Option(help="Where variations lead; -1 takes a new one.")] = default(
        "variation_seed"
    ),
    variation_strength: Annotated[float, typer.Option(help="How far towards it, up to 1.")] = default(
        "variation_strength"
    ),
    hires_scale: Annotated[float | None, typer.Option(help="Draw again, this many times larger.")] = None,
    hires_upscaler: Annotated[str, typer.Option(help="latent, or an upscaler from `studio models`.")] = default(
        "hires_upscaler"
    ),
    hires_steps: Annotated[int, typer.Option(help="Steps of that second pass; 0 takes as many.")] = default(
        "hires_steps"
    ),
    hires_strength: Annotated[float, typer.Option(help="How far it goes from the first, up to 1.")] = default(
        "hires_strength"
    ),
    image: Annotated[Path | None, typer.Option(help="A picture to begin from.")] = None,
    strength: Annotated[float, typer.Option(help="How far to go from that picture, up to 1.")] = default("strength"),
    resize_mode: Annotated[str, typer.Option(help="How it is brought to size: stretch, crop or pad.")] = default(
        "resize_mode"
    ),
    mask: Annotated[Path | None, typer.Option(help="Where it is repainted: white, as large as the picture.")] = None,
    mask_blur: Annotated[
        int, typer.Option(help="Pixels over which the repainted part goes over into the rest.")
    ] = default("mask_blur"),
    inpaint_area: Annotated[str, typer.Option(help="What is drawn at full size: picture or masked.")] = default(
        "inpaint_area"
    ),
    inpaint_padding: Annotated[int, typer.Option(help="Pixels seen around the masked part.")] = default(
        "inpaint_padding"
    ),
    inpaint_fill: Annotated[str, typer.Option(help="What the masked part begins as: original or noise.")] = default(
        "inpaint_fill"
    ),
    control: Annotated[
        list[str] | None,
        typer.Option(help="A ControlNet and its settings: 'ID, image=FILE, annotator=canny'; may be given again."),
    ] = None,
    x: Annotated[str | None, typer.Option(help="Plot: what varies across, such as 'steps=8, 16'.")] = None,
    y: Annotated[str | None, typer.Option(help="Plot: what varies down, such as 'sampler=Euler a, DDIM'.")] = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Draw a picture from a prompt, or from another picture, and print its path; with --x, a plot of many."""
    fields = {name: value for name, value in locals().items() if name in PictureRequest.model_fields}
    terminal = Terminal(json=as_json)
    with opened(terminal) as studio:
        units = [control_unit(each) for each in control or ()]
        request = PictureRequest.of(**fields, styles=style or [], controls=units)
        if x is not None or y is not None:
            axes = {name: axis(text) for name, text in (("x", x), ("y", y)) if text is not None}
            _plot(terminal, studio, PlotRequest.of(picture=request, **axes), output)
            return
        drawn = last(terminal, kept(terminal, studio, request, studio.illustrator.draw(request)), Drawn)
        for key in drawn.notices:
            terminal.err.print(message(key, terminal.locale, refused=drawn.refused), markup=False)
        files = [str(file) for file in (copied(drawn.files, output) if output else drawn.files)]
        answer = {"files": files, "seed": drawn.seed, "infotext": drawn.infotext, "infotexts": drawn.infotexts}
        sys.stdout.write((json.dumps(answer, ensure_ascii=False) if as_json else "\n".join(files)) + "\n")


def _plot(terminal: Terminal, studio: Studio, request: PlotRequest, output: Path | None) -> None:
    done = last(terminal, kept(terminal, studio, request, studio.plotter.draw(request)), Plotted)
    if done.notice:
        terminal.err.print(message(done.notice, terminal.locale), markup=False)
    file = str(copied([done.file], output)[0] if output else done.file)
    told = {name: getattr(done, name) for name in ("width", "height", "infotext", "done", "total")}
    cells = [[cell and str(cell) for cell in row] for row in done.cells]
    answer = json.dumps({"file": file, "cells": cells, **told}, ensure_ascii=False)
    sys.stdout.write((answer if terminal.json else file) + "\n")


def infotext(
    file: Annotated[str, typer.Argument(help="A picture; - reads an infotext from stdin.")],
    as_json: Json = False,
) -> None:
    """Print how a picture was made, from the settings it carries."""
    terminal = Terminal(json=as_json)
    with reported(terminal):
        text = read(file) if file == "-" else picture_text(Path(file), Settings.read().max_pixels)
        told = read_infotext(text).plain()
        sys.stdout.write((json.dumps(told, ensure_ascii=False) if as_json else text.rstrip()) + "\n")


def upscale(file: Path, model: Model = None, output: Output = None, as_json: Json = False) -> None:
    """Enlarge a picture with Real-ESRGAN and print the path of the result."""
    terminal = Terminal(json=as_json)
    with opened(terminal) as studio:
        request = EnlargeRequest.of(file=file, model=model)
        done = last(terminal, kept(terminal, studio, request, studio.enlarger.enlarge(request)), Enlarged)
        result = str(copied([done.file], output)[0] if output else done.file)
        answer = json.dumps({"file": result, "width": done.width, "height": done.height}, ensure_ascii=False)
        sys.stdout.write((answer if as_json else result) + "\n")
