"""Query expansion: searches also for other wordings of the question and fuses the results.

It uses rules, so it needs no model and is always the same. An abbreviation of the field is spelt out, a spelt-out term
is abbreviated, and an identifier is split into its words. BM25 finds the parts of an identifier anyway; the variant is
for the embedding model, to which `maxRetries` is only letters.
"""

import re
from functools import cache
from typing import NamedTuple

MOST = 2
"""Maximum number of variants in addition to the question; each costs one embedding."""

GLOSSARY = {
    "AI": "artificial intelligence",
    "API": "application programming interface",
    "ASR": "automatic speech recognition",
    "AST": "abstract syntax tree",
    "AWS": "Amazon Web Services",
    "CDC": "change data capture",
    "CI/CD": "continuous integration and delivery",
    "CNN": "convolutional neural network",
    "CoT": "chain of thought",
    "CRUD": "create, read, update and delete",
    "CV": "computer vision",
    "DAG": "directed acyclic graph",
    "DDD": "domain-driven design",
    "DPO": "direct preference optimization",
    "EDA": "exploratory data analysis",
    "ETL": "extract, transform, load",
    "GAN": "generative adversarial network",
    "GCP": "Google Cloud Platform",
    "GNN": "graph neural network",
    "GPU": "graphics processing unit",
    "HNSW": "hierarchical navigable small world",
    "IaC": "infrastructure as code",
    "K8s": "Kubernetes",
    "KNN": "k-nearest neighbours",
    "LLM": "large language model",
    "LoRA": "low-rank adaptation",
    "LSTM": "long short-term memory",
    "MCP": "model context protocol",
    "ML": "machine learning",
    "MLOps": "machine learning operations",
    "MoE": "mixture of experts",
    "NER": "named entity recognition",
    "NLP": "natural language processing",
    "OCR": "optical character recognition",
    "OOP": "object-oriented programming",
    "ORM": "object-relational mapping",
    "PCA": "principal component analysis",
    "PEFT": "parameter-efficient fine-tuning",
    "PII": "personal information",
    "PPO": "proximal policy optimization",
    "RAG": "retrieval-augmented generation",
    "RBAC": "role-based access control",
    "ReAct": "reasoning and acting",
    "RL": "reinforcement learning",
    "RLHF": "reinforcement learning from human feedback",
    "RNN": "recurrent neural network",
    "SaaS": "software as a service",
    "SDK": "software development kit",
    "SFT": "supervised fine-tuning",
    "SQL": "structured query language",
    "SRE": "site reliability engineering",
    "SSO": "single sign-on",
    "SVM": "support vector machine",
    "TDD": "test-driven development",
    "TLS": "transport layer security",
    "TTS": "text to speech",
    "UX": "user experience",
    "VAE": "variational autoencoder",
    "VM": "virtual machine",
}
"""Abbreviations that have only one meaning in texts about software and machine learning."""

_IDENTIFIER = re.compile(
    r"\b(?:[a-z]\w*_\w+|[A-Za-z]+(?:\.[A-Za-z_]\w+)+|[a-z]+(?:[A-Z][a-z0-9]+)+|(?:[A-Z][a-z0-9]+){3,})\b"
)
_BOUNDARY = re.compile(r"[_.]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Variant(NamedTuple):
    """Another wording of a question, and the rule that made it."""

    text: str
    rule: str


def variants(question: str) -> list[Variant]:
    """At most `MOST` variants of a question, all different from it and from each other."""
    found: dict[str, Variant] = {}
    for text, rule in (_spelt_out(question), _abbreviated(question), _parted(question)):
        if text.casefold() != question.casefold():
            found.setdefault(text.casefold(), Variant(text, rule))
    return list(found.values())[:MOST]


def _spelt_out(question: str) -> tuple[str, str]:
    seen = list[str]()

    def spell(match: re.Match[str]) -> str:
        seen.append(match[1])
        return GLOSSARY[match[1]] + ("s" if match[2] else "")

    return _abbreviations().sub(spell, question), f"spelt out: {', '.join(seen)}"


def _abbreviated(question: str) -> tuple[str, str]:
    seen = list[str]()

    def abbreviate(match: re.Match[str]) -> str:
        short = _terms()[" ".join(re.split(r"[\s-]+", match[1].casefold()))]
        seen.append(short)
        return short + (match[2] or "")

    return _spelt().sub(abbreviate, question), f"abbreviated: {', '.join(seen)}"


def _parted(question: str) -> tuple[str, str]:
    seen = list[str]()

    def part(match: re.Match[str]) -> str:
        if match[0] in GLOSSARY:
            return match[0]
        seen.append(match[0])
        return " ".join(_BOUNDARY.sub(" ", match[0]).split()).casefold()

    return _IDENTIFIER.sub(part, question), f"parted: {', '.join(seen)}"


@cache
def _abbreviations() -> re.Pattern[str]:
    """Abbreviations in their usual capitals: `AI` is one, `ai` and `Ai` may be words."""
    names = "|".join(sorted(map(re.escape, GLOSSARY), key=len, reverse=True))
    return re.compile(rf"(?<![\w/])({names})(s)?(?![\w/])")


@cache
def _terms() -> dict[str, str]:
    return {" ".join(re.split(r"[\s-]+", term.casefold())): short for short, term in GLOSSARY.items()}


@cache
def _spelt() -> re.Pattern[str]:
    terms = sorted(_terms(), key=len, reverse=True)
    patterns = (r"[\s-]+".join(map(re.escape, term.split())) for term in terms)
    return re.compile(rf"(?<!\w)({'|'.join(patterns)})(s)?(?!\w)", re.IGNORECASE)
