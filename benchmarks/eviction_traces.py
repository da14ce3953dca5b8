"""Who asks for which models when: made-up working days, drawn from a seed, for `benchmarks.eviction`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

GIB = 2**30


@dataclass(frozen=True)
class Model:
    """What a model costs."""

    nbytes: int
    reload_seconds: float


@dataclass(frozen=True)
class Request:
    """The models that one request needs at once."""

    at: float
    """Seconds since the trace began."""
    models: tuple[str, ...]


def _model(gib: float, seconds: float) -> Model:
    return Model(round(gib * GIB), seconds)


# Language models in 4 bits (the largest in 16), pictures in 16 bits; read from an SSD and built: about 0.5 s and
# 0.7 s a GiB for language models, 1.3 s a GiB for diffusion models, which are built of several parts.
MODELS: Mapping[str, Model] = {
    "smollm2": _model(0.5, 0.6),
    "qwen3-4b": _model(4.5, 3.5),
    "coder-7b": _model(6.5, 5.0),
    "qwen-7b": _model(15.5, 14.0),
    "sd-1.5": _model(2.7, 4.0),
    "sd-turbo": _model(2.6, 3.8),
    "sdxl": _model(7.0, 9.5),
    "canny": _model(0.72, 0.9),
    "depth": _model(0.72, 0.9),
    "openpose": _model(0.72, 0.9),
    "union": _model(2.5, 2.6),
    "depth-annotator": _model(1.3, 2.2),
    "upscaler": _model(0.07, 0.5),
}


def _pick(random: Random, odds: Mapping[str, float]) -> str:
    return random.choices(list(odds), list(odds.values()))[0]


def writer(random: Random) -> Iterator[Request]:
    """One writer: articles section by section, a picture for every third, now and then a piece of code."""
    now = 0.0
    for _ in range(60):
        now += random.expovariate(1 / 120)
        yield Request(now, ("qwen3-4b",))
        for _ in range(random.randint(2, 6)):
            now += random.expovariate(1 / 25)
            yield Request(now, ("qwen3-4b",))
        if random.random() < 0.35:
            now += random.expovariate(1 / 60)
            yield Request(now, (_pick(random, {"sd-1.5": 2, "sdxl": 3}),))
            if random.random() < 0.6:
                now += 20
                yield Request(now, ("upscaler",))
        if random.random() < 0.15:
            now += 30
            yield Request(now, ("coder-7b",))


def designer(random: Random) -> Iterator[Request]:
    """A designer who switches between three models and enlarges every fourth picture."""
    now, model = 0.0, "sd-1.5"
    for _ in range(250):
        now += random.expovariate(1 / 30)
        if random.random() < 0.3:
            model = random.choice(["sd-1.5", "sdxl", "sd-turbo"])
        yield Request(now, (model,))
        if random.random() < 0.25:
            now += 8
            yield Request(now, ("upscaler",))


def team(random: Random) -> Iterator[Request]:
    """A team of writers, developers and designers, independent of each other."""
    odds = {"qwen3-4b": 5, "smollm2": 2, "coder-7b": 3, "sd-1.5": 3, "sdxl": 2, "upscaler": 2, "qwen-7b": 1}
    now = 0.0
    for _ in range(400):
        now += random.expovariate(1 / 15)
        yield Request(now, (_pick(random, odds),))


def control(random: Random) -> Iterator[Request]:
    """ControlNets: a base and a ControlNet at once, annotators and upscalers between them."""
    now = 0.0
    for _ in range(250):
        now += random.expovariate(1 / 25)
        if random.random() < 0.2:
            yield Request(now, ("sdxl", "union"))
            continue
        if random.random() < 0.15:
            yield Request(now, ("qwen3-4b",))
            continue
        steering = _pick(random, {"canny": 4, "depth": 3, "openpose": 2})
        if steering == "depth":
            yield Request(now, ("depth-annotator",))
            now += 2
        yield Request(now, ("sd-1.5", steering))
        if random.random() < 0.3:
            now += 5
            yield Request(now, ("upscaler",))


def adversarial(random: Random) -> Iterator[Request]:
    """A batch job that goes round a ring of models slightly too large to stay, the worst case of recency."""
    ring = ["qwen3-4b", "sd-1.5", "sd-turbo", "coder-7b", "sdxl"]
    random.shuffle(ring)
    now = 0.0
    for step in range(150):
        now += random.uniform(12, 28)
        yield Request(now, (ring[step % len(ring)],))
        if step % 3 == 0:
            now += 3
            yield Request(now, ("canny",))
        if step % 7 == 0:
            now += 3
            yield Request(now, ("depth-annotator",))


def handover(random: Random) -> Iterator[Request]:
    """Pictures in the morning, text in the afternoon: the worst case of frequency."""
    morning = {"sd-1.5": 3, "sdxl": 4, "canny": 2, "upscaler": 2, "qwen3-4b": 1}
    afternoon = {"qwen3-4b": 5, "coder-7b": 4, "smollm2": 2, "sd-1.5": 1}
    now = 0.0
    for odds in (morning, afternoon):
        for _ in range(200):
            now += random.expovariate(1 / 30)
            yield Request(now, (_pick(random, odds),))


TRACES: Mapping[str, Callable[[Random], Iterator[Request]]] = {
    "writer": writer,
    "designer": designer,
    "team": team,
    "control": control,
    "adversarial": adversarial,
    "handover": handover,
}


def trace(name: str, seed: int, budget: int) -> list[Request]:
    """The requests of one trace, less those that could not be served within `budget` bytes by any policy."""
    requests = TRACES[name](Random(f"{name}, day {seed}"))
    return [request for request in requests if sum(MODELS[model].nbytes for model in request.models) <= budget]
