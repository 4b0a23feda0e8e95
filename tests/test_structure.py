"""The house keeps its shape: rooms, import directions, sizes, and what must not stand anywhere."""

import ast
import re
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SERVICES = ("intake", "scoring", "inspection", "notification")
ROOMS = ("rules", "models", "commands", "api", "service")
TOP = {"services", "shared", "deploy", "tests"}
MAX_MODULE, MAX_FUNCTION, MAX_PARAMETERS, MOST_TAKE = 250, 40, 6, 4
DECLARATIONS = {"route"}  # keywords of a table row, not a call with ten arguments
DOOR = "shared.web.app"  # one request must never take the others down
ALLOWED_IN_RULES = {
    "shared.programme.values",
    "shared.project",
    "shared.canonical",
    "shared.errors",
    "shared.machine",
    "shared.workdays",
}
SOLVER = "ortools"  # a pure function of its arguments, too


def tracked(*patterns):
    """Files of the repository, new ones too, never what is ignored."""
    command = ["git", "ls-files", "-co", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


SOURCES = [path for path in tracked("*.py") if path.relative_to(ROOT).parts[0] != "tests"]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SOURCES
}
PRODUCT = {name: path for name, path in MODULES.items() if "migrations" not in name}


def tree_of(path):
    return ast.parse(path.read_text(), str(path))


def imports_of(path):
    """Full dotted names, whether a module or a name of it is imported."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(name):
    """The module of ours that a dotted name is, or stands in; None for others' names."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def functions_of(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef):
            yield node


def lines_of(function):
    return function.end_lineno - function.body[0].lineno + 1


def room_of(module):
    parts = module.split(".")
    return parts[2] if len(parts) > 2 else ""


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("room", [*ROOMS, "migrations"])
def test_every_service_has_the_same_rooms(service, room):
    place = ROOT / "services" / service
    assert (place / f"{room}.py").exists() or (place / room).is_dir()


def test_only_the_named_things_stand_at_the_top():
    names = {
        path.relative_to(ROOT).parts[0]
        for path in tracked()
        if len(path.relative_to(ROOT).parts) > 1
    }
    assert {name for name in names if not name.startswith(".")} == TOP


def test_no_service_imports_another_and_shared_imports_none():
    for module in sorted(PRODUCT):
        found = {n.split(".")[1] for n in imports_of(PRODUCT[module]) if n.startswith("services.")}
        own = {module.split(".")[1]} if module.startswith("services.") and "." in module else set()
        assert found <= own, f"{module} imports services {sorted(found - own)}"


def test_rooms_import_downwards_only():
    for module in [m for m in sorted(PRODUCT) if room_of(m) in ROOMS]:
        prefix = ".".join(module.split(".")[:2])
        above = ROOMS[ROOMS.index(room_of(module)) + 1 :]
        wrong = [
            name
            for name in imports_of(PRODUCT[module])
            if name.startswith(prefix) and room_of(name) in above
        ]
        assert not wrong, module


def test_no_modules_import_each_other_in_a_circle():
    """What is in no circle can be taken away, one module after the other, until nothing is left."""
    waiting = {
        name: {module_of(one) for one in imports_of(path)} - {None, name}
        for name, path in MODULES.items()
    }
    while free := {name for name, needed in waiting.items() if not needed & waiting.keys()}:
        waiting = {name: needed for name, needed in waiting.items() if name not in free}
    assert sorted(waiting) == []


def test_rules_know_the_standard_library_and_a_solver_only():
    for module in [m for m in sorted(PRODUCT) if room_of(m) == "rules"]:
        own = ".".join(module.split(".")[:3])
        for name in imports_of(PRODUCT[module]):
            if name.startswith(("services.", "shared.")):
                assert name.startswith(own) or name.rpartition(".")[0] in ALLOWED_IN_RULES, name
            else:
                assert name.split(".")[0] in {*sys.stdlib_module_names, SOLVER}, name


def test_no_package_of_a_service_lists_names_of_its_modules_again():
    """Who needs a name takes it where it is written; only routes and pages are put together."""
    for module, path in sorted(PRODUCT.items()):
        if path.name == "__init__.py" and module.startswith("services."):
            body = tree_of(path).body
            assert len(body) == 1 or isinstance(body[-1], ast.ClassDef), module


def test_the_spine_knows_nothing_of_the_programme_and_nothing_of_the_web():
    """So it could be a package of its own: what it moves and who moves it is declared to it."""
    known = {
        "shared.spine",
        "shared.errors",
        "shared.clock",
        "shared.telemetry",
        "shared.runtime",
        "shared.settings",
    }
    for module in [m for m in sorted(PRODUCT) if m.startswith("shared.spine")]:
        for name in imports_of(PRODUCT[module]):
            if name.startswith(("shared.", "services.")):
                assert ".".join(name.split(".")[:2]) in known, (module, name)


def test_only_the_entrypoints_know_nameko():
    for module in sorted(PRODUCT):
        if not module.startswith("shared.spine.entrypoints"):
            assert not [name for name in imports_of(PRODUCT[module]) if name.startswith("nameko")]


def test_modules_can_be_read_in_one_sitting():
    for module in sorted(PRODUCT):
        assert len(PRODUCT[module].read_text().splitlines()) <= MAX_MODULE, module


def test_functions_are_short_and_take_few_parameters():
    counts = []
    for module in sorted(PRODUCT):
        for function in functions_of(PRODUCT[module]):
            arguments = function.args
            count = len(arguments.args) + len(arguments.posonlyargs) + len(arguments.kwonlyargs)
            assert lines_of(function) <= MAX_FUNCTION, function.name
            assert count <= MAX_PARAMETERS or function.name in DECLARATIONS, function.name
            counts.append(count)
    assert sorted(counts)[int(len(counts) * 0.9)] <= MOST_TAKE


def test_most_functions_are_seven_lines_or_less():
    lengths = sorted(lines_of(f) for path in PRODUCT.values() for f in functions_of(path))
    assert statistics.median(lengths) <= 7
    assert lengths[int(len(lengths) * 0.9)] <= 20


def test_only_tables_are_laid_out_by_hand():
    for path in [*PRODUCT.values(), *sorted((ROOT / "tests").rglob("*.py"))]:
        by_hand = [
            line.strip()
            for line in path.read_text().splitlines()
            if line.endswith("# fmt: skip") and line.strip()[0] not in "]}"
        ]
        assert not by_hand, path


def test_comments_are_few():
    lines = [line for path in PRODUCT.values() for line in path.read_text().splitlines()]
    comments = [line for line in lines if line.strip().startswith("#")]
    assert len(comments) <= 0.04 * len(lines)


def test_public_names_say_what_they_are():
    for module in sorted(PRODUCT):
        tree = tree_of(PRODUCT[module])
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{module}.{node.name} has no docstring"
        if PRODUCT[module].read_text().strip():
            assert ast.get_docstring(tree), f"{module} does not say what it promises"


def test_no_service_commits_or_reads_the_clock_itself():
    for module in sorted(m for m in PRODUCT if m.startswith("services.")):
        text = PRODUCT[module].read_text()
        assert ".commit(" not in text
        if room_of(module) in {"rules", "models", "commands"}:
            assert not re.search(r"\.now\((UTC)?\)|utcnow|time\.time\(", text)


def test_each_slug_names_one_kind_of_error():
    """A caller goes by it: two classes of one slug would give one answer two meanings."""
    slugs = Counter(
        node.value.value
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "slug"
        and isinstance(node.value, ast.Constant)
    )
    assert [slug for slug, count in slugs.items() if count > 1] == []


def test_only_the_spine_catches_everything():
    for module in sorted(PRODUCT):
        if module.startswith("shared.spine") or module == DOOR:
            continue
        for node in ast.walk(tree_of(PRODUCT[module])):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else ""
                assert caught not in {"", "Exception", "BaseException"}, f"{module}:{node.lineno}"


def states_of(service):
    """Values of the state enums in a service's rules."""
    for module, path in PRODUCT.items():
        if module.startswith(f"services.{service}.rules"):
            for node in ast.walk(tree_of(path)):
                if isinstance(node, ast.ClassDef) and node.name in {"State", "Stage"}:
                    yield from (a.value.value for a in node.body if isinstance(a, ast.Assign))


@pytest.mark.parametrize("service", SERVICES)
def test_no_state_literal_stands_outside_the_rules(service):
    states = set(states_of(service))
    for module, path in PRODUCT.items():
        if module.startswith(f"services.{service}") and room_of(module) != "rules":
            literals = {
                n.value
                for n in ast.walk(tree_of(path))
                if isinstance(n, ast.Constant) and isinstance(n.value, str)
            }
            assert not literals & states, module


def test_the_project_speaks_of_itself_alone():
    for path in tracked():
        text = path.read_bytes()
        for foreign in (
            b"/" + b"work/",
            b"/" + b"root/",
            b"pypi" + b".org",
            b"files." + b"pythonhosted",
        ):
            assert foreign not in text, f"{path} names {foreign!r}"
