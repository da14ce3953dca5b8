"""What a section says with numbers: each quantity, and what the clause that it stands in is about."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from studio.writing.checking.claims.bounds import bounded, rough
from studio.writing.checking.claims.prose import LONGEST, Prose
from studio.writing.checking.claims.quantities import Quantity, quantities
from studio.writing.checking.claims.vocabulary import Quality, qualities, stem, terms
from studio.writing.requests import Language

MOST: Final = 80
"""Statements read of a section; what holds more numbers than that is a table."""
LISTED: Final = 12
"""Quantities of a sentence; what has more is a list, of which each says something else."""
BREAK: Final = re.compile(r",(?!\d)|[;!?，；！？。…()（）]|\s[-–—]\s|—")
ASIDE: Final = re.compile(r"[(（][^()（）\n]{1,30}[)）]")
ONWARD: Final = re.compile(
    r"\b(?:and|but|or|which|while|because|so|that|then|although|though|who|than|plus|since)\b", re.IGNORECASE
)
"""What ends the words behind a quantity that belong to it."""
NEXT: Final = re.compile(
    r"\b(?:in|with|for|from|at|on|and|to|by|or|but|plus|then|per|while)\b|[和与及跟、:：]", re.IGNORECASE
)
"""What ends them where another quantity follows."""
JOINED: Final = re.compile(r"\b(?:and|but|then|which|so|because|while)\b", re.IGNORECASE)
ADJUNCT: Final = re.compile(
    r"\s*(?:(?:and|but|or)\s)?"
    r"(?:(?:in|during|for|at|on|with|when|if|unless|while|once|until|by|from|under|as|after|before|whether|"
    r"unlike|given|where|among|especially|particularly)\b|在|当|对|如果|若|要是|假如|除非|夏|冬|春|秋|等|一旦|只要)"
    r"|[^\n]{1,20}(?:时|后|前|里|上|的话|之间|来说)\s*$",
    re.IGNORECASE,
)
"""A clause that says when, where or for what another one holds."""
UNSURE: Final = re.compile(
    r"\b(?:example|instance|e\.g|suppose|imagine|let's say|instead of|rather than|used to|previously|formerly|"
    r"originally|in the past|even|some(?! \d)|others|sometimes|occasionally|rarely|exception|unlike|compared|versus|"
    r"whereas|another|extra|additional|remaining|rest|myth|i|my|me|said|says|depending|varies|varied|"
    r"increased?|increases|decreased?|rose|fell|drop(?:s|ped)?|reduced?|reduces)\b"
    r"|例如|比如|譬如|假设|假如|而不是|曾经|以前|过去|原来|有时|偶尔|有些|有的|甚至|即使|哪怕|另外|额外|剩下|其余|再[加等放]"
    r"|我(?!们)|增加了|减少了|提高了|降低了|下降|上升|上涨|减少到|增加到|相比|不同|取决",
    re.IGNORECASE,
)
"""What makes a number one of an example, a change, a habit of someone or the past: it need not hold elsewhere."""
EVERY: Final = re.compile(r"(?:\bevery(?: other)?|每隔?|隔)\s?$", re.IGNORECASE)
RATE: Final = re.compile(
    r"\b(?:per|each|every)\s(?P<per>[a-z]{3,12})\b|/\s?(?P<slash>[a-z]{1,8})\b"
    r"|\b(?P<ly>dai|night|week|month|year|hour)ly\b"
    r"|(?<!for)(?<!in)(?<!is)\san?\s(?P<a>second|minute|hour|day|night|week|month|year)\b"
    r"|每一?(?P<han>个月|分钟|小时|[^\W\d_a-z\s一二三四五六七八九十几个])"
    r"|[一1]\s?(?P<one>[天日周年])(?=[\s要只有吃喂浇喝\d一二两三四五六七八九十]{0,4}$)",
    re.IGNORECASE,
)
PERIODS: Final = {
    **{"dai": "day", "天": "day", "日": "day", "晚": "night", "周": "week", "年": "year", "月": "month"},
    **{"个月": "month", "分钟": "minute", "小时": "hour", "秒": "second"},
    **{name: name for name in ("second", "minute", "hour", "day", "night", "week", "month", "year")},
}
YEAR: Final = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
WISH: Final = re.compile(
    r"\bif (?:(?:you|they|it) )?(?:need|can|want|like|prefer|wish|possible|necessary)\w*", re.IGNORECASE
)
"""An "if" that makes no case of its own."""
LINKED: Final = re.compile(r"\s?[a-z]{0,10}\s?[(（][^()（）]*")
IMPLIED: Final = {
    **dict.fromkeys(("euro", "dollar", "sterling", "yuan"), "price"),
    **dict.fromkeys(("gram", "ounce"), "weight"),
}
"""What the unit says already."""
PRONOUN: Final = re.compile(r"\b(?:it|they|them|this|these|those|its|their)\b|它|他们|这|该", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Statement:
    """A quantity, and what it is said of."""

    section: int
    amount: Quantity
    """Its place is that in the section's prose; "at least" leaves it without an upper end."""
    clause: tuple[int, int]
    rough: bool
    """Whether it is only about so many."""
    topic: frozenset[str]
    """Of its clause."""
    near: frozenset[str]
    """Of what the clause leans on: the clauses before it, and where it says "it" the sentence before."""
    head: str
    """What the sentence first speaks of."""
    heading: frozenset[str]
    """Of the part of the section that it stands in."""
    strict: frozenset[Quality]
    """Qualities that a statement about the same thing names too."""
    loose: frozenset[Quality]
    """Qualities of which it names no other ones."""
    every: bool
    rate: str
    """Of which period or thing, as in litres a day."""


class _Sentence:
    """A sentence with quantities, and the one before it."""

    def __init__(self, said: str, amounts: list[Quantity], before: str, subject: str) -> None:
        self._said, self._amounts, self._before, self._subject = said, amounts, before, subject
        ends = [0, *(place for span in self._breaks() for place in span), len(said)]
        self._clauses = list(zip(ends[::2], ends[1::2], strict=True))
        self._adjuncts = [at for at, (start, end) in enumerate(self._clauses) if ADJUNCT.match(said[start:end])]
        self._filled = [self._at(amount) for amount in amounts]

    def statements(self, section: int, heading: frozenset[str]) -> Iterator[Statement]:
        """What it says of each quantity."""
        for at, amount in enumerate(self._amounts):
            start, end = self._core(at)
            core, before = self._words(start, end), self._said[:end]
            meant = bounded(self._said, start, end, amount)
            if meant is None or UNSURE.search(before):
                continue
            adjuncts, near = self._around(at)
            said_again = PRONOUN.search(core)
            if said_again:
                near = f"{self._before}; {near}"
            topic = terms(f"{core}; {adjuncts}")
            strict, loose = qualities(WISH.sub("", f"{core}; {adjuncts}"))
            head = (self._subject if said_again else "") or next(iter(terms(self._main(end))), "")
            every = EVERY.search(self._said, start, amount.start) is not None
            rate = "" if every else _rate(self._said[start:end], amount.start - start, amount.kind)
            yield Statement(
                section=section,
                amount=meant,
                clause=self._clauses[self._filled[at]],
                rough=rough(self._said, amount),
                topic=frozenset(topic) - {amount.kind[1:], IMPLIED.get(amount.kind, ""), rate},
                near=frozenset((*terms(near), head)) - {""},
                head=head,
                heading=heading,
                strict=strict | {("year", year) for year in YEAR.findall(self._said)},
                loose=loose,
                every=every,
                rate=rate,
            )

    def _breaks(self) -> Iterator[tuple[int, int]]:
        """The marks between clauses: none within a quantity, or around one that says another again."""
        spans = [(amount.start, amount.end) for amount in self._amounts]
        asides = [aside.span() for aside in ASIDE.finditer(self._said)]
        whole = [(a, b) for a, b in asides if any(a < start and end <= b for start, end in spans)]
        for found in BREAK.finditer(self._said):
            if not any(start <= found.start() < end for start, end in spans + whole):
                yield found.span()

    def _at(self, amount: Quantity) -> int:
        """Which clause a quantity stands in."""
        return next(at for at, (_, end) in enumerate(self._clauses) if amount.start < end)

    def _core(self, at: int) -> tuple[int, int]:
        """The part of its clause that belongs to a quantity rather than to those beside it."""
        amount = self._amounts[at]
        if at and self._linked(at):
            return self._core(at - 1)
        start, end = self._clauses[self._filled[at]]
        if at and self._amounts[at - 1].end > start:
            start = self._turn(self._amounts[at - 1].end, amount.start)
        beyond = next((i for i in range(at + 1, len(self._amounts)) if not self._linked(i)), None)
        if beyond is not None and self._amounts[beyond].start < end:
            end = self._turn(self._amounts[beyond - 1].end, self._amounts[beyond].start)
        if onward := ONWARD.search(self._said, amount.end, end):
            end = onward.start()
        for joint in JOINED.finditer(self._said, start, amount.start):
            if len(terms(self._said[joint.end() : amount.start])) > 1:
                start = joint.end()
        return start, max(end, amount.end)

    def _linked(self, at: int) -> bool:
        """Whether a quantity stands in brackets behind the one before it, which it says again."""
        return bool(LINKED.fullmatch(self._said, self._amounts[at - 1].end, self._amounts[at].start))

    def _turn(self, start: int, end: int) -> int:
        """Where what is said of one quantity ends and that of the next begins."""
        found = NEXT.search(self._said, start, end)
        return found.start() if found else start

    def _around(self, amount: int) -> tuple[str, str]:
        """The clauses that say for what a quantity holds, and those that lead up to it."""
        own = self._filled[amount]
        last = max((each for each in self._filled if each < own), default=-1)
        following = min((each for each in self._filled if each > own), default=len(self._clauses))
        adjuncts = [at for at in self._adjuncts if at < own or (at < following and at != own)]
        leading = [at for at in range(own) if at not in self._filled and at not in adjuncts]
        return self._text([at for at in adjuncts if at > last] or adjuncts), self._text(leading)

    def _text(self, clauses: Iterable[int]) -> str:
        return "; ".join(self._words(*self._clauses[at]) for at in clauses)

    def _main(self, end: int) -> str:
        """The sentence up to a place, without what only says when or where."""
        clauses = [span for at, span in enumerate(self._clauses) if at not in self._adjuncts]
        return "; ".join(self._words(start, min(stop, end)) for start, stop in clauses if start < end)

    def _words(self, start: int, end: int) -> str:
        """A part of the sentence without its quantities."""
        pieces, at = [], start
        for amount in self._amounts:
            if start <= amount.start and amount.end <= end:
                pieces.append(self._said[at : amount.start])
                at = amount.end
        return " ; ".join((*pieces, self._said[at:end]))


def statements(section: int, prose: Prose, language: Language) -> list[Statement]:
    """The statements of a section that may hold beyond their sentence, in their order."""
    found: list[Statement] = []
    before = subject = ""
    for start, end in prose.sentences():
        said = prose.text[start:end] if end - start <= LONGEST else ""
        carried = subject if PRONOUN.search(said) else ""
        amounts = [] if said.rstrip(" \"'”’」』").endswith(("?", "？")) else quantities(said, language)
        if 0 < len(amounts) <= LISTED:
            heading = frozenset(terms(prose.heading(start)))
            for each in _Sentence(said, amounts, before, carried).statements(section, heading):
                found.append(_placed(each, start))
        before, subject = said, carried or next(iter(terms(said)), "")
        if len(found) >= MOST:
            break
    return found[:MOST]


def _placed(said: Statement, start: int) -> Statement:
    amount = replace(said.amount, start=said.amount.start + start, end=said.amount.end + start)
    return replace(said, amount=amount, clause=(said.clause[0] + start, said.clause[1] + start))


def _rate(core: str, amount: int, kind: str) -> str:
    """The period that a number holds for, else the thing."""
    things = []
    for found in RATE.finditer(core):
        name = next(part for part in found.groups() if part).casefold()
        period = PERIODS.get(name, stem(name))
        # "A day" ahead of a number is when it holds, behind it how often.
        if period in PERIODS.values() and (found["a"] is None or found.start() > amount):
            return period
        things.append(period)
    # "Each plant 30 cm apart" is a distance, no centimetres a plant.
    return things[0] if things and kind not in ("metre", "inch") else ""
