"""From documents to instruction samples: only the instruction is made up, the output is the author's own text.

These are reverse instructions (LongForm, arXiv 2304.08460; Panza, arXiv 2407.10994): use what the person wrote as the
answer, and write a request that could have led to it. All choices are made by hash, so they never vary.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from twin.dataset.code import code_spans, is_prose, language_of
from twin.dataset.spans import Span, count_words, is_indented, prose_spans, sentence_ends, words_of
from twin.dataset.splits import Split, assign_splits
from twin.dataset.templates import TEMPLATES
from twin.identity import sample_id, sha256
from twin.models import Author, Document, InstructionSample
from twin.prompts import system_prompt
from twin.text.bylines import OTHER

CAPS = {"continuation": 0.30, "section": 0.35, "constrained": 0.35, "answer": 0.35}
CODE_CAP = 0.35
ENOUGH = 20
"""With fewer samples than this of other kinds, a cap would leave nothing, for example if an author has only code."""

_NGRAM = 8
_WEIGHTS = {"section": 3, "answer": 3, "continuation": 3, "constrained": 2, "post": 2, "opening": 1, "code": 1}
_LONGEST_PREVIOUS = 120  # words of context in a continuation
_COMMON = frozenset(
    re.findall(
        r"\w+",
        """
        about above after again also another around because been before being below between both could does
        doing done down during each even ever every everything first from further have having here however
        into itself just keep know like look made make many maybe more most much must need never nothing
        once only other others over really same should since some something still such than that their them
        then there these they thing things this those through time under until using very want well were
        what when where which while will with within without would your yours self return none true false
        import class string list dict type https http
        """,
    )
)


@dataclass
class Candidate:
    """A sample that does not have a split yet."""

    document: Document
    span: Span
    task: str
    instruction: str
    output: str


@dataclass
class Harvest:
    """The samples made from one author's documents, and what was counted."""

    samples: list[InstructionSample] = field(default_factory=list)
    splits: dict[str, Split] = field(default_factory=dict)  # document id -> split, for documents with samples
    training: list[Document] = field(default_factory=list)  # the documents of the split train, each once
    dropped: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    words: int = 0


def make_samples(author: Author, documents: Iterable[Document]) -> Harvest:
    """Make the instruction samples of one author.

    Args:
        author: the author of the documents.
        documents: cleaned documents in any order. Those that somebody else wrote are left out.

    Returns:
        Samples in a fixed order. All instructions and outputs differ, and each document is in one split.
    """
    harvest = Harvest()
    kept: list[Candidate] = []
    instructions: set[str] = set()
    outputs: set[str] = set()
    texts: dict[str, str] = {}
    for document in sorted(documents, key=lambda item: item.id):
        harvest.documents += 1
        if OTHER in document.metadata:
            harvest.dropped["by_other"] += 1
            continue
        harvest.words += count_words(document.text)
        spans = list(_spans(document))
        if not spans:
            harvest.dropped["no_span_of_40_to_400_words"] += 1
        for span in spans:
            output = document.text[span.start : span.end]
            key = _normal(output)
            if key in outputs:
                harvest.dropped["duplicate_output"] += 1
            elif span.kind != "code" and not _reads_as_prose(output):
                harvest.dropped["not_prose"] += 1
            elif (candidate := _candidate(document, span, output, instructions)) is None:
                harvest.dropped["no_instruction_of_its_own"] += 1
            else:
                outputs.add(key)
                instructions.add(_normal(candidate.instruction))
                texts[document.id] = document.text
                kept.append(candidate)
    kept = _capped(kept, harvest.dropped)
    used = {candidate.document.id for candidate in kept}
    harvest.splits = assign_splits({key: text for key, text in texts.items() if key in used})
    chosen = {candidate.document.id: candidate.document for candidate in kept}
    harvest.training = [document for key, document in chosen.items() if harvest.splits[key] == "train"]
    system = system_prompt(author)
    harvest.samples = [_sample(candidate, system, harvest.splits[candidate.document.id]) for candidate in kept]
    return harvest


def _spans(document: Document) -> Iterator[Span]:
    if is_prose(document.path):
        yield from prose_spans(document.text, document.id)
    elif document.path and language_of(document.path):
        yield from code_spans(document.text, document.path)


def _candidate(document: Document, span: Span, output: str, taken: set[str]) -> Candidate | None:
    """The first instruction, in an order given by hash, that is new and does not copy from its output."""
    slots = _slots(document, span, output)
    seed = sha256(f"{document.id}:{span.start}:{sha256(output)}")
    grams = _ngrams(output)
    for task in sorted(_tasks(span, slots), key=lambda name: _rank(seed, name)):
        templates = TEMPLATES[task]
        first = int(sha256(f"{seed}:{task}")[:8], 16)
        for turn in range(len(templates)):
            instruction = templates[(first + turn) % len(templates)].format(**slots)
            if _normal(instruction) in taken:
                continue
            if _ngrams(instruction) & grams:
                break  # the slots themselves copy the output, so no other template helps
            return Candidate(document, span, task, instruction, output)
    return None


def _rank(seed: str, task: str) -> float:
    """Weighted order without repetition: the key of Efraimidis and Spirakis (2006), taken from a hash."""
    draw = (int(sha256(f"{seed}/{task}")[:12], 16) + 1) / (16**12 + 1)
    return -float(draw ** (1 / _WEIGHTS[task]))


def _tasks(span: Span, slots: dict[str, str]) -> list[str]:
    if span.kind == "code":
        return ["code"]
    if span.kind == "whole":
        return ["post", "constrained"]
    if span.kind == "opening":
        return ["opening", "constrained"]
    tasks = ["constrained"]
    if slots["previous"]:
        tasks.append("continuation")
    if span.section_start and slots["heading"]:
        tasks.append("section")
    if slots["question"]:
        tasks = ["answer"]  # the author's own question is better than a request that we make up
    return tasks


def _slots(document: Document, span: Span, output: str) -> dict[str, str]:
    keywords = _keywords(output)
    topic = document.title or (span.headings[0] if span.headings else "") or ", ".join(_keywords(document.text))
    if len(words_of(topic)) >= _NGRAM and _ngrams(topic) & _ngrams(output):
        topic = " ".join(topic.split()[: _NGRAM - 1])  # the title of a post is often its own first line
    heading = " > ".join(name for name in span.headings if name != topic)
    asked = span.headings[-1] if span.section_start and span.headings and span.headings[-1].endswith("?") else ""
    previous = _ending(span.previous, _LONGEST_PREVIOUS)
    return {
        "noun": _noun(document),
        "topic": topic or document.platform,
        "heading": heading,
        "previous": previous if count_words(previous) >= 6 else "",
        "question": asked or _last_question(span.previous),
        "words": str(max(10, round(span.words, -1))),
        "shape": _shape(output),
        "keywords": _joined(keywords) or (topic or document.platform),
        "name": span.name or (document.path or ""),
        "language": (language_of(document.path) if document.path else None) or "code",
        "where": f"{document.path} of {_repository(document)}" if document.path else "",
    }


def _noun(document: Document) -> str:
    traits = document.category.traits
    if traits.is_files and (document.path or "").lower().rsplit("/", 1)[-1].startswith("readme"):
        return "README"
    return traits.noun_on.get(document.platform, traits.noun)


def _repository(document: Document) -> str:
    return document.link.removeprefix("local:").rstrip("/").rsplit("/", 1)[-1].removesuffix(".git") or document.link


def _ending(paragraph: str, words: int) -> str:
    """The last whole sentences of a paragraph, with at most `words` words."""
    for start in [0, *sentence_ends(paragraph)]:
        if count_words(paragraph[start:]) <= words:
            return paragraph[start:].strip()
    return ""


def _last_question(paragraph: str) -> str:
    sentence = re.split(r"(?<=[.!?…])\s+", paragraph.strip())[-1]
    return sentence if sentence.rstrip("*_\"'”’)").endswith("?") and count_words(sentence) >= 4 else ""


def _shape(output: str) -> str:
    """The form of the output, in words; measured, never guessed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    listed = sum(1 for line in lines if re.match(r"(?:[-*+•→]|\d+[.)])\s", line))
    paragraphs = len(re.split(r"\n\s*\n", output.strip()))
    if "```" in output:
        return "with a piece of code"
    if listed * 2 >= len(lines) and listed >= 3:
        return f"as a list of {listed} points"
    return "in one paragraph" if paragraphs == 1 else f"in {paragraphs} paragraphs"


def _keywords(text: str, count: int = 3) -> list[str]:
    """The most frequent long words of a text, ties by first occurrence. They do not depend on other documents."""
    words = [word for word in words_of(text) if len(word) >= 4 and word not in _COMMON and not word.isdigit()]
    return [word for word, _ in Counter(words).most_common(count)]


def _joined(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _ngrams(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[start : start + _NGRAM]) for start in range(len(words) - _NGRAM + 1)}


def _normal(text: str) -> str:
    return sha256(" ".join(text.split()).casefold())


def _reads_as_prose(output: str) -> bool:
    """Whether at least 60 % of the visible characters are letters, and at most half of the words are code."""
    visible = "".join(output.split())
    indented = "".join(block for block in re.split(r"\n[ \t]*\n", output) if is_indented(block))
    fenced = indented + "".join(re.findall(r"(?ms)^\s*(?:```|~~~).*?(?:^\s*(?:```|~~~)\s*$|\Z)", output))
    letters = sum(map(str.isalpha, visible))
    return letters >= 0.6 * len(visible) and count_words(fenced) <= 0.5 * count_words(output)


def _capped(candidates: list[Candidate], dropped: Counter[str]) -> list[Candidate]:
    """Keep every task below its share; a hash decides which samples stay."""
    by_task: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_task.setdefault(candidate.task, []).append(candidate)
    for task, share in CAPS.items():
        others = len(candidates) - len(by_task.get(task, []))
        if others >= ENOUGH:
            _cut(by_task, task, int(share * len(candidates)), dropped)
    prose = sum(len(items) for task, items in by_task.items() if task != "code")
    if prose >= ENOUGH:
        _cut(by_task, "code", int(prose * CODE_CAP / (1 - CODE_CAP)), dropped)
    kept = {id(candidate) for items in by_task.values() for candidate in items}
    return [candidate for candidate in candidates if id(candidate) in kept]


def _cut(by_task: dict[str, list[Candidate]], task: str, limit: int, dropped: Counter[str]) -> None:
    items = by_task.get(task, [])
    if len(items) > limit:
        dropped[f"cap_of_{task}"] += len(items) - limit
        by_task[task] = sorted(items, key=lambda item: sha256(item.document.id + item.output))[:limit]


def _sample(candidate: Candidate, system: str, split: Split) -> InstructionSample:
    document, span = candidate.document, candidate.span
    return InstructionSample(
        id=sample_id(document.id, candidate.task, candidate.instruction, candidate.output),
        author=document.author,
        category=document.category,
        document_id=document.id,
        split=split,
        task=candidate.task,
        system=system,
        instruction=candidate.instruction,
        output=candidate.output,
        span=(span.start, span.end),
    )
