#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes common/catalogue/models.tsv and endpoints.tsv from a table of facts about models.

    scripts/make-catalogue.py FACTS.tsv [FOLDER]

The facts have the columns of FACTS below, tab-separated, one line per model and place where it is
served, '-' as the provider for a list price only; lines with '#' are comments. The result is
checked in and read by the program, so this runs only when there are new facts; providers.tsv is
written by hand. Same facts, same bytes.
"""

import fnmatch
import pathlib
import sys
from decimal import ROUND_UP, Decimal

FACTS = ("model name provider provider_model region input output cache_read cache_write context "
         "max_output modalities reasoning").split()

# Not for chat, completions or embeddings: pictures, film, sound, rankings.
NOT_SERVED = """openai/gpt-image* openai/gpt-5.4-image* openai/*transcribe* openai/whisper*
    openai/sora* */rerank* *reranker* x-ai/grok-imagine* typesafe/*""".split()
EMBEDDING = "*embed* baai/bge-* intfloat/*e5-* sentence-transformers/* thenlper/gte-* voyageai/voyage-*".split()

# Whose own list price is the one of OpenRouter too.
FIRST_PARTY = {
    "amazon": ["amazon-bedrock"], "anthropic": ["anthropic"], "deepseek": ["deepseek"],
    "google": ["google-ai-studio", "google-vertex"], "minimax": ["minimax"],
    "mistralai": ["mistral"], "moonshotai": ["moonshotai"], "openai": ["openai"],
    "stepfun": ["stepfun"], "x-ai": ["xai"], "xiaomi": ["xiaomi"], "z-ai": ["z-ai"],
}
# DashScope calls these as the id does; what it asks for them is not among the facts.
ALIBABA = "qwen-max qwen-plus qwen-turbo qwen-vl-max qwen3-coder-flash qwen3-coder-plus qwen3-max".split()
# Prompt files (PDF) go to these; the facts tell only text and images.
TAKES_FILES = "openai/gpt-4o* openai/gpt-4.1* openai/gpt-5* openai/gpt-6* openai/o* anthropic/* google/gemini-*".split()
FILE_HOSTS = "anthropic openai azure amazon-bedrock google-ai-studio google-vertex openrouter".split()

COMMON = "sampling stop"
HOSTED = "tools json schema sampling penalties stop seed logprobs logit_bias open"
# What a model's endpoints support, first match; a provider's own list narrows it further. Words:
# see common/catalogue/catalogue.c.
FEATURES = [
    ("openai/gpt-oss*", HOSTED),
    ("openai/*deep-research", ""),
    ("openai/o*", "tools json schema seed"),
    ("openai/gpt-5*image*", "json schema"),
    ("openai/gpt-*chat*", "tools json schema seed"),
    ("openai/gpt-5*", "tools json schema seed verbosity"),
    ("openai/gpt-6*", "tools json schema seed verbosity"),
    ("openai/gpt-*audio*", "sampling penalties stop seed"),
    ("openai/gpt-4o-2024-05-13", "tools json sampling penalties stop seed logprobs logit_bias"),
    ("openai/gpt-4o*", "tools json schema sampling penalties stop seed logprobs logit_bias prediction"),
    ("openai/gpt-4.1*", "tools json schema sampling penalties stop seed logprobs logit_bias prediction"),
    ("openai/gpt-4-0314", "sampling penalties stop logit_bias"),
    ("openai/gpt-4", "tools sampling penalties stop seed logprobs logit_bias"),
    ("openai/*", "tools json sampling penalties stop seed logprobs logit_bias"),
    ("anthropic/claude-3*", "tools sampling stop top_k"),
    ("anthropic/claude-opus-4", "tools sampling stop top_k"),
    ("anthropic/claude-sonnet-4", "tools sampling stop top_k"),
    ("anthropic/*", "tools json schema sampling stop top_k"),
    ("google/gemini-*image*", "json schema sampling stop seed"),
    ("google/gemini-*", "tools json schema sampling penalties stop seed top_k"),
    ("google/gemma-3*", "json schema sampling penalties stop seed open"),
    ("x-ai/grok-3*", "tools json schema sampling seed logprobs"),
    ("x-ai/*", "tools json schema sampling seed logprobs"),
    ("amazon/*", "tools sampling stop top_k"),
    ("cohere/*", "tools json schema sampling penalties stop seed top_k"),
    ("openrouter/*", "tools json sampling stop"),
    ("stealth/*", "tools json sampling stop"),
    # Models of a time or a purpose without tools.
    ("*/deepseek-r1", "json schema sampling penalties stop seed open"),
    ("aion-labs/*", COMMON), ("*/*-r1t*-chimera", COMMON), ("baidu/*", COMMON + " seed open"),
    ("gryphe/*", COMMON + " open"), ("mancer/*", COMMON + " open"),
    ("meta-llama/llama-3-*", COMMON + " penalties seed open"), ("morph/*", COMMON),
    ("nousresearch/*", "json " + COMMON + " penalties open"), ("perplexity/*", COMMON + " web"),
    ("relace/*", COMMON), ("sao10k/*", COMMON + " open"), ("thedrummer/*", COMMON + " open"),
    ("undi95/*", COMMON + " open"), ("anthracite-org/*", COMMON + " open"),
    ("*", HOSTED),
]

HEAD_MODELS = """\
# Models, sorted by id. Made by scripts/make-catalogue.py from public facts; read by catalogue.c.
# context and max_output in tokens; in and out are modalities; features say what requests may hold
# (see catalogue.c) and whether the model can think. "-" is unknown.
# id\tname\tcontext\tmax_output\tin\tout\tfeatures
"""
HEAD_ENDPOINTS = """\
# Endpoints, sorted by model and tag. Made by scripts/make-catalogue.py from public facts.
# Prices are USD per million tokens, exact. "-" as input: the price is unknown. "-" as a cache
# price: not priced apart (the facts say 0 beside a price that is not), so it counts as input.
# "-" elsewhere: as the model says. A price of 0 is free of charge.
# model\ttag\tupstream model\tregion\tinput\toutput\tcache_read\tcache_write\tcache_write_1h\tcontext\tmax_output\tin
"""


def matches(text, patterns):
    return any(fnmatch.fnmatchcase(text, p) for p in patterns)


def read_facts(path):
    rows = []
    lines = [l for l in path.read_text().splitlines() if l and not l.startswith("#")]
    for line in lines[1:]:
        rows.append(dict(zip(FACTS, line.split("\t"), strict=True)))
    return rows


def price(text):
    """Exact to the pico-dollar per token; what is finer is rounded up, never down."""
    value = Decimal(text).quantize(Decimal("0.000001"), rounding=ROUND_UP)
    return format(value.normalize(), "f")


def is_priced(row):
    return Decimal(row["input"]) > 0 or Decimal(row["output"]) > 0


def tokens(text):
    return int(text) if text else 0


def show(value):
    return str(value) if value else "-"


class Model:
    def __init__(self, rows):
        first = own_row(rows) or rows[0]
        self.id = rows[0]["model"]
        self.rows = rows
        self.name = first["name"]
        self.embedding = matches(self.id, EMBEDDING)
        self.context = tokens(first["context"]) or max(tokens(r["context"]) for r in rows)
        self.max_output = min(tokens(first["max_output"]), self.context)
        self.takes = {m for r in rows for m in r["modalities"].split("+")}
        if "image" in self.takes and matches(self.id, TAKES_FILES):
            self.takes.add("file")
        self.reasons = any(r["reasoning"] == "yes" for r in rows)

    def gives(self):
        if self.embedding:
            return "embedding"
        return "text+image" if "image" in self.id.split("/")[1] else "text"

    def features(self):
        if self.embedding:
            return "-"
        words = next(f for p, f in FEATURES if fnmatch.fnmatchcase(self.id, p))
        return (words + (" reasoning" if self.reasons else "")).strip() or "-"

    def line(self):
        return [self.id, self.name, show(self.context), show(self.max_output),
                modalities(self.takes), self.gives(), self.features()]


def modalities(names):
    order = ["text", "image", "audio", "file", "video"]
    return "+".join(sorted(names, key=order.index))


def own_row(rows):
    """The author's own price, or the list price."""
    author = rows[0]["model"].split("/")[0]
    for provider in ["-"] + FIRST_PARTY.get(author, []):
        here = [r for r in rows if r["provider"] == provider]
        # Of several regions, the one without a surcharge.
        if here:
            return min(here, key=lambda r: (Decimal(r["input"]), r["region"]))
    return None


def prices(row, model):
    """input, output, cache_read, cache_write, cache_write_1h"""
    if row is None or Decimal(row["input"]) < 0:
        return ["-"] * 5
    p = [price(row[c]) for c in ("input", "output", "cache_read", "cache_write")]
    p += ["-"]
    for i in (2, 3):
        if p[i] == "0":
            p[i] = "-"
    # Anthropic asks 5/4 of input to keep a prompt for five minutes, and twice for an hour.
    if model.id.startswith("anthropic/") and row["provider"] in ("anthropic", "-") and \
            Decimal(row["cache_write"]) == Decimal(row["input"]) * Decimal("1.25"):
        p[4] = price(str(2 * Decimal(row["input"])))
    return p


def upstream_name(row):
    name = row["provider_model"]
    if row["provider"] == "fireworks" and "/" not in name:
        name = "accounts/fireworks/models/" + name.replace(".", "p")
    return name


def endpoint(model, row, tag, upstream, region, price_row):
    context = tokens(row["context"])
    most = min(tokens(row["max_output"]), context or model.context)
    takes = set(row["modalities"].split("+"))
    if "file" in model.takes and "image" in takes and tag.split("/")[0] in FILE_HOSTS:
        takes.add("file")
    return [model.id, tag, upstream, region or "-"] + prices(price_row, model) + [
        show(context if context != model.context else 0),
        show(most if most != model.max_output else 0),
        modalities(takes) if takes != model.takes else "-"]


def endpoints(model):
    found = []
    for row in model.rows:
        if row["provider"] == "-":
            continue
        tag, region = row["provider"], ""
        if row["region"]:
            tag += "/" + row["region"]
            region = "us" if row["region"].startswith("us-") else row["region"]
        found.append(endpoint(model, row, tag, upstream_name(row), region, row))
    own = own_row(model.rows)
    widest = dict(own or model.rows[0], context="", max_output="", modalities="+".join(
        m for m in model.takes if m != "file"))
    found.append(endpoint(model, widest, "openrouter", model.id, "", own))
    author, slug = model.id.split("/")
    if author == "qwen" and slug in ALIBABA:
        found.append(endpoint(model, widest, "alibaba", slug, "", None))
    return sorted(found, key=lambda e: e[1])


def write(path, head, lines):
    path.write_text(head + "".join("\t".join(l) + "\n" for l in lines))


def main():
    facts = read_facts(pathlib.Path(sys.argv[1]))
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else
                          pathlib.Path(__file__).parent.parent / "common" / "catalogue")
    by_model = {}
    for row in facts:
        by_model.setdefault(row["model"], []).append(row)
    models = []
    for name, rows in sorted(by_model.items()):
        free = not any(is_priced(r) or Decimal(r["input"]) < 0 for r in rows)
        # Without a price and without a context nothing is known that could be routed by.
        if name.count("/") != 1 or matches(name, NOT_SERVED) or \
                (free and not any(r["context"] for r in rows)):
            continue
        models.append(Model(rows))
    write(folder / "models.tsv", HEAD_MODELS, [m.line() for m in models])
    lines = [e for m in models for e in endpoints(m)]
    write(folder / "endpoints.tsv", HEAD_ENDPOINTS, lines)
    print(f"{len(models)} models, {len(lines)} endpoints")


if __name__ == "__main__":
    main()
