"""One section, from what is asked of the model to a text that can stand in the article."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final

from studio.engines.text import Message, TextRequest, TokenLogprob
from studio.pace import Pace
from studio.registry import LoadProgress
from studio.writing.checking.confidence import unsure
from studio.writing.checking.facts import missing
from studio.writing.checking.judging import ALIKE, Verdict, alike, judged
from studio.writing.cleaning import SectionCleaner, loops, sentence_ends, unlooped, whole_sentences, without_lead_in
from studio.writing.continuity import others
from studio.writing.lengths import LEAST, MOST, enough, trimmed, units
from studio.writing.requesting import Asked, Requester
from studio.writing.requests import SectionRequest, SectionText

TRIES: Final = 2
"""How often a section is asked for at most."""


@dataclass
class SectionWriter:
    """Writes one section with one model: asks, cleans, trims, judges, and asks again where that may help."""

    requester: Requester
    request: SectionRequest
    tokens: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)
    notice: str | None = field(default=None, init=False)
    best: str = field(default="", init=False)
    """What stands, and is shown, while it is tried once more."""
    spoken: tuple[str, tuple[TokenLogprob, ...]] = field(default=("", ()), init=False)
    """What the model said of it, word by word."""
    _saying: tuple[str, tuple[TokenLogprob, ...]] = field(default=("", ()), init=False)

    def steps(self) -> Generator[LoadProgress | SectionText, None, None]:
        """The section so far, again and again; the last one is done, and the best of what was tried."""
        verdict = Verdict(("empty",), ())
        asked = self.requester.section_request(self.request)
        for tried in range(TRIES):
            text = yield from self._tried(asked)
            found = self._judged(text, asked)
            if tried == 0 or found.cost < verdict.cost:
                self.best, verdict, self.spoken = text, found, self._saying
            if self.request.begun or tried + 1 == TRIES or not self.requester.recipe.again.intersection(verdict.faults):
                break
            asked = self.requester.section_request(self.request, verdict.missing, tried + 1)
        if verdict.missing and self.requester.recipe.tells and self.requester.engine.limits.chat:
            verdict = yield from self._told(verdict, asked)
        yield self._step(self.best, done=True, verdict=verdict, notice=self._said_of(verdict, asked))

    def _told(self, verdict: Verdict, asked: Asked) -> Generator[LoadProgress | SectionText, None, Verdict]:
        """Put a sentence at the end for each fact that is not in the text, if the model writes one that tells it."""
        target, language = self.request.outline.sections[self.request.index].target_words, self.requester.language
        pace = Pace()
        for fact in verdict.missing:
            said = ""
            request = self.requester.fact_request(self.request, self.best, fact)
            with closing(self.requester.write(request)) as chunks:
                for chunk in chunks:
                    if isinstance(chunk, LoadProgress):
                        yield chunk
                        continue
                    said += chunk.text
                    if pace.due():
                        yield self._step(self.best)
            cleaner = SectionCleaner(self.request.outline.title, "", ())
            sentence = whole_sentences(cleaner.read(said, done=True).text.partition("\n")[0]).strip()
            if not sentence or missing((fact,), sentence):
                continue
            # Room is made for it, so that the section keeps its length; what was there before stays.
            room = max(LEAST * target, target * MOST - units(sentence, language))
            shorter = trimmed(self.best, int(room / MOST), language)
            kept = shorter if len(shorter) >= len(self.request.begun) else self.best
            longer = f"{kept}{'' if language == 'zh' else ' '}{sentence}"
            found = self._judged(longer, asked)
            if found.cost < verdict.cost:
                self.best, verdict = longer, found
                yield self._step(self.best)
        return verdict

    def _tried(self, asked: Asked) -> Generator[LoadProgress | SectionText, None, str]:
        """One try at the section; one that ends far too early is gone on with."""
        self._saying = ("", ())
        text = yield from self._written(asked.request, self.request.begun)
        if not text or self.request.begun or not self._can_go_on(text, asked):
            return text
        more = replace(asked.request, messages=(*asked.request.messages, Message("assistant", f"{text}\n\n")))
        longer = yield from self._written(more, f"{text}\n\n")
        added = longer.removeprefix(text)
        says_more = alike(added, (text,), self.requester.language) <= ALIKE
        better = self._judged(longer, asked).cost < self._judged(text, asked).cost
        return longer if says_more and better else text

    def _can_go_on(self, text: str, asked: Asked) -> bool:
        limits, section = self.requester.engine.limits, self.request.outline.sections[self.request.index]
        short = units(text, self.requester.language) < self.requester.recipe.reach * section.target_words
        return short and limits.chat and limits.prefill and bool(asked.request.messages) and not loops(text)

    def _written(self, asked: TextRequest, begun: str) -> Generator[LoadProgress | SectionText, None, str]:
        """What the model says, cleaned and trimmed, after what was there before."""
        outline, index = self.request.outline, self.request.index
        section, language = outline.sections[index], self.requester.language
        headings = [other.heading for other in outline.sections]
        proof = SectionCleaner(outline.title, section.heading, headings, section.key_points)
        pace, said, tokens, cut, spoken = Pace(), "", 0, False, list[TokenLogprob]()
        before = self.tokens, self.seconds
        with closing(self.requester.write(asked)) as chunks:
            for chunk in chunks:
                if isinstance(chunk, LoadProgress):
                    yield chunk
                    continue
                said += chunk.text
                spoken += chunk.tokens
                tokens = max(tokens + bool(chunk.text), chunk.completion_tokens)
                self.notice, cut = self.notice or chunk.notice, chunk.finish == "length"
                self.tokens, self.seconds = before[0] + tokens, before[1] + pace.seconds
                if not pace.due():
                    continue
                body = proof.read(said, done=False)
                text = _joined(begun, said, body.text)
                full = enough(text, section.target_words, language) is not None and sentence_ends(text[len(begun) :])
                if body.ended or loops(body.text) or full:
                    cut = True
                    break
                yield self._step(self.best or text)
        self.seconds = before[1] + pace.seconds
        self._saying = self._saying[0] + said, (*self._saying[1], *spoken)
        body = proof.read(said, done=True)
        # Small models say a sentence twice; in code the same line may well come again.
        twice = loops(body.text) or not (begun or "```" in body.text)
        text = _joined(begun, said, unlooped(body.text) if twice else body.text)
        shorter = trimmed(text, section.target_words, language)
        if shorter != text:
            shorter = without_lead_in(shorter)
        elif cut:
            shorter = whole_sentences(text)
        if len(shorter) < len(begun):
            # What was there before stays as it is, whatever its length; the sentence that it ends in is finished.
            ends = [end for end in sentence_ends(text) if end >= len(begun)]
            shorter = text[: ends[0]] if ends else text
        text = shorter
        yield self._step(self.best or text)
        return text

    def _judged(self, text: str, asked: Asked) -> Verdict:
        outline, index = self.request.outline, self.request.index
        return judged(
            text,
            self.requester.language,
            outline.sections[index].target_words,
            facts=asked.facts,
            others=others(outline, index, self.request.article),
            prose=asked.prose,
        )

    def _said_of(self, verdict: Verdict, asked: Asked) -> str | None:
        known = self.notice or self.requester.notice
        if known:
            return known
        for fault in ("empty", "language", "gibberish"):
            if fault in verdict.faults:
                return f"write.notice.{'other_language' if fault == 'language' else fault}"
        return "write.notice.trimmed" if asked.left_out else None

    def _step(
        self, text: str, *, done: bool = False, verdict: Verdict | None = None, notice: str | None = None
    ) -> SectionText:
        index = self.request.index
        heading = self.request.outline.sections[index].heading
        again = "write.notice.again" if self.best else None
        told = notice if done else self.notice or self.requester.notice or again
        missing = verdict.missing if verdict else ()
        doubted = unsure(*self.spoken, text) if done and self.spoken[1] else ()
        return SectionText(index, heading, text, done, self.tokens, self.seconds, told, missing, doubted)


def _joined(begun: str, said: str, body: str) -> str:
    """What was there before with what came after it, on the line or in the paragraph where it came."""
    if not begun:
        return body
    return begun + (said[: len(said) - len(said.lstrip("\n"))] if body else "") + body
