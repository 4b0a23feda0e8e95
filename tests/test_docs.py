"""The documents are true: what they name is there, what they show runs, what is generated is new."""

import ast
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from click.testing import CliRunner
from prometheus_client.metrics import MetricWrapperBase

from shared import documents, telemetry
from shared.catalogue import AGENCY_RECEIPT, CATALOGUE
from shared.cli.main import laurel
from shared.server import whole_topology
from shared.settings import PREFIX, TABLE
from shared.spine.tables import metadata

ROOT = Path(__file__).parents[1]
LAUREL = [sys.executable, "-c", "from shared.cli.main import main; main()"]
COMPOSE = "deploy/compose.yaml"
NEEDED = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
MOST_LINES_OF_README = 140

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(r"[\w.-]+(?:/[\w.<>*-]+)*/?")
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".csv", ".sql", ".lock", ".html"}
BEGINNING = r"(?:^|[;|&(]\s*|\$ )(?:\w+=\S+ )*(?:\.venv/bin/)?"
COMMAND = re.compile(BEGINNING + r"laurel ((?:[a-z][\w-]*)(?: [^\s;|&)]+)*)", re.MULTILINE)
TARGET = re.compile(BEGINNING + r"make ([a-z]+)", re.MULTILINE)


def tracked():
    """Files of the repository, new ones too, never what is ignored."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


FILES = tracked()
PLACES = {str(place) for name in FILES for place in (Path(name), *Path(name).parents)} - {"."}
TEXTS = {name: (ROOT / name).read_text() for name in FILES if name.endswith(".md")}


def fences(text):
    return [(found[1], found[2]) for found in FENCE.finditer(text)]


def spans(text):
    """Code within sentences."""
    return SPAN.findall(FENCE.sub("", text))


def code(text):
    """All code of a document, line by line."""
    return "\n".join([*spans(text), *(body for _language, body in fences(text))])


def each(finder):
    """A test for every document, with what the finder finds in it."""
    found = [(name, sorted(set(finder(TEXTS[name])))) for name in sorted(TEXTS)]
    return pytest.mark.parametrize(("document", "named"), found, ids=sorted(TEXTS))


def is_path(span):
    first = span.split("/")[0]
    if not PATH.fullmatch(span) or first in {"var", ".venv"}:
        return False
    return Path(span).suffix in SUFFIXES or ("/" in span and f"{first}" in PLACES)


def named_paths(text):
    return [span.split("::")[0] for span in spans(text) if is_path(span.split("::")[0])]


def named_definitions(text):
    return [span for span in spans(text) if is_path(span.split("::")[0]) and "::" in span]


def named_events(text):
    aggregates = {name.split(".")[0] for name in [*CATALOGUE, AGENCY_RECEIPT.name]}
    dotted = [span for span in spans(text) if re.fullmatch(r"[a-z]+\.[a-z_]+", span)]
    return [span for span in dotted if span.split(".")[0] in aggregates and not is_path(span)]


def slug(heading):
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def leads_somewhere(document, link):
    path, _, anchor = unquote(link).partition("#")
    target = os.path.normpath(Path(document).parent / path) if path else document
    headings = HEADING.findall(FENCE.sub("", TEXTS.get(target, "")))
    return target in PLACES and (not anchor or anchor in map(slug, headings))


def is_there(document, path):
    """Beside the document, or anywhere in the project; `<name>` and `*` stand for anything."""
    pattern = re.escape(path.rstrip("/")).replace("\\*", "[^/]+")
    whole = re.compile("(^|.*/)" + re.sub(r"<[^>]*>", "[^/]+", pattern))
    beside = os.path.normpath(Path(document).parent / path)
    return beside in PLACES or any(whole.fullmatch(place) for place in PLACES)


@cache
def definitions(path):
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@cache
def metrics():
    return [m for m in vars(telemetry).values() if isinstance(m, MetricWrapperBase)]


def resolved(words):
    """The command that the words call, and the options among the rest."""
    command, rest = laurel, list(words)
    while isinstance(command, click.Group) and rest:
        inner = command.get_command(click.Context(command), rest[0])
        assert inner is not None, f"there is no command {rest[0]!r} in laurel {' '.join(words)}"
        command = inner
        rest.pop(0)
    return command, [word.split("=")[0] for word in rest if word.startswith("--")]


@pytest.mark.parametrize("name", NEEDED)
def test_the_documents_are_there(name):
    assert name in TEXTS


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= MOST_LINES_OF_README


@pytest.mark.parametrize("document", sorted(TEXTS))
def test_generated_parts_are_current(document):
    text = TEXTS[document]
    assert text.count("<!-- generated: ") == len(documents.PART.findall(text))
    assert documents.refreshed(text) == text, "run: python -m shared.documents"


@each(LINK.findall)
def test_links_lead_somewhere(document, named):
    inner = [link for link in named if not link.startswith(("https://", "mailto:"))]
    assert [link for link in inner if not leads_somewhere(document, link)] == []


@each(named_paths)
def test_named_files_exist(document, named):
    assert [path for path in named if not is_there(document, path)] == []


@each(named_definitions)
def test_named_tests_and_functions_exist(document, named):
    pairs = [name.split("::") for name in named]
    assert [name for path, name in pairs if name not in definitions(path)] == []


@each(re.compile(rf"{PREFIX}[A-Z][A-Z_]*").findall)
def test_named_settings_exist(document, named):
    known = {f"{PREFIX}{name.upper()}" for name in TABLE}
    asked_by_compose = set(re.findall(rf"\$\{{({PREFIX}\w+)", (ROOT / COMPOSE).read_text()))
    assert set(named) <= known | asked_by_compose


@each(re.compile(r"laurel_[a-z_]+").findall)
def test_named_metrics_exist(document, named):
    ends = ("", "_total", "_bucket", "_sum", "_count")
    known = {metric._name + end for metric in metrics() for end in ends}
    assert set(named) <= known | set(metadata.tables)


@each(named_events)
def test_named_events_exist(document, named):
    queues = whole_topology().queues
    handlers = {queue.name.rpartition("--")[2] for queue in queues}
    foreign = {queue.routing_key.removeprefix("agency.*.") for queue in queues}
    exchanges = {queue.exchange for queue in queues}
    assert set(named) <= {*CATALOGUE, AGENCY_RECEIPT.name} | handlers | foreign | exchanges


@each(re.compile(r"\bLaurel[A-Z]\w+(?<!Error)\b").findall)
def test_named_alerts_exist(document, named):
    alerts = re.findall(r"alert: (\w+)\n", (ROOT / "deploy/prometheus/alerts.yml").read_text())
    assert set(named) <= set(alerts)


@each(lambda text: TARGET.findall(code(text)))
def test_named_make_targets_exist(document, named):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(named) <= set(targets)


@each(lambda text: COMMAND.findall(code(text)))
def test_named_commands_exist_and_explain_themselves(document, named):
    for words in named:
        command, options = resolved(words.split())
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(options) - {"--help"} <= known, words
        shown = CliRunner().invoke(command, ["--help"])
        assert shown.exit_code == 0
        assert command.help.splitlines()[0].split(".")[0] in " ".join(shown.output.split())


def examples():
    """What stands after `$ ` in the console blocks at the top, and what it is said to print."""
    for document in NEEDED:
        for language, body in fences(TEXTS[document]):
            if language == "console":
                starts = [m.start() for m in re.finditer(r"^\$ ", body, re.MULTILINE)]
                for begin, end in pairwise([*starts, len(body)]):
                    command, _, output = body[begin + 2 : end].partition("\n")
                    yield pytest.param(command, output, id=command)


@pytest.mark.parametrize(("command", "output"), [*examples()])
def test_examples_print_what_the_document_says(command, output):
    name, *words = shlex.split(command)
    assert name == "laurel"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    done = subprocess.run(
        [*LAUREL, *words],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, output), done.stderr


def test_every_metric_is_measured_somewhere():
    sources = [name for name in FILES if name.startswith(("services/", "shared/"))]
    texts = [(ROOT / name).read_text() for name in sources if name.endswith(".py")]
    for name, metric in vars(telemetry).items():
        if isinstance(metric, MetricWrapperBase):
            assert any(f"{name}.labels(" in text for text in texts), name


def test_every_event_is_taken_by_somebody():
    assert {queue.routing_key for queue in whole_topology().queues} >= set(CATALOGUE)
