"""The architecture holds: layers, import cost, documented defaults."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sklearn_siamese_speaker

PACKAGE = Path(sklearn_siamese_speaker.__file__).parent

# A file imports only from lower layers; the packages that evaluate see each other.
ENTRY_POINTS = {
    "_audio",
    "_labels",
    "_state",
    "_compat",
    "_docs",
    "_estimators",
    "_files",
    "_interrupts",
    "_progress",
    "_public",
}
EVALUATION = {"similarity", "metrics", "model_selection", "datasets", "inspection"}  # L0'
FEATURES = ENTRY_POINTS | {"_torch"} | EVALUATION | {"nn"}  # what L2 may import
ENCODERS = FEATURES | {"features"}
RECOGNITION = ENCODERS | {"encoders"}
PUBLIC = RECOGNITION | {"recognition"}
COMMANDS = PUBLIC | {"__init__"}
ALLOWED = {
    **{name: set() for name in ENTRY_POINTS},
    "_audio": {"_files"},
    "_torch": {"_interrupts"},
    **dict.fromkeys(EVALUATION, EVALUATION | ENTRY_POINTS),
    "nn": {"_docs", "_public", "_torch"},
    "features": FEATURES,
    "encoders": ENCODERS,
    "recognition": RECOGNITION,
    "__init__": PUBLIC,
    "_report": COMMANDS,
    "_cli": COMMANDS | {"_report"},
    "__main__": {"_cli"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def layer_of(file):
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(file):
    """Yield the address of each name of this package that a file imports, also inside functions."""
    package_of_file = ("sklearn_siamese_speaker", *file.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            addresses = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package_of_file[: len(package_of_file) - node.level + 1] if node.level else ()
            module = tuple(node.module.split(".")) if node.module else ()
            addresses = [(*base, *module, alias.name) for alias in node.names]
        else:
            continue
        yield from (address for address in addresses if address[0] == "sklearn_siamese_speaker")


def file_of(address):
    """Return the file that defines a name, the file of a package for what it passes on."""
    for length in range(len(address), 0, -1):
        module = PACKAGE.joinpath(*address[1:length])
        for file in (module.with_suffix(".py"), module / "__init__.py"):
            if file.exists():
                return file
    raise AssertionError(f"{'.'.join(address)} is nowhere")


def own_imports(file):
    """Yield the top-level modules of this package that a file imports."""
    for address in imported_names(file):
        yield layer_of(file_of(address))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_file_imports_only_from_lower_layers(file):
    layer = layer_of(file)
    assert set(own_imports(file)) <= ALLOWED[layer] | {layer}


def test_no_file_imports_itself_through_others():
    # Also where only annotations need the name: a reader goes round in the same circle.
    files = {file: {file_of(address) for address in imported_names(file)} for file in FILES}
    try:
        list(TopologicalSorter(files).static_order())
    except CycleError as error:
        circle = " <- ".join(str(file.relative_to(PACKAGE)) for file in error.args[1])
        pytest.fail(f"These files import each other: {circle}")


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_what_is_private_is_imported_by_its_own_package_only(file):
    package_of_file = ("sklearn_siamese_speaker", *file.relative_to(PACKAGE).parts[:-1])
    foreign = {
        ".".join(address)
        for address in imported_names(file)
        for i, name in enumerate(address)
        if re.match("_(?!_)", name) and address[:i] != package_of_file[:i]
    }
    assert not foreign


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_networks_know_neither_sklearn_nor_skorch(file):
    if layer_of(file) == "nn":
        assert not re.search(r"(import|from) (sklearn|skorch)\b", file.read_text())


# Public packages that may be imported where torch is slow to load, or not wanted.
HEAVY = {"torch", "skorch", "librosa", "matplotlib", "numba"}
LIGHT = ["", "._cli", *(f".{name}" for name in sorted(PUBLIC - ENTRY_POINTS - {"_torch", "nn"}))]


@pytest.mark.parametrize("package", LIGHT)
def test_import_stays_light(package):
    command = [sys.executable, "-X", "importtime", "-c", f"import sklearn_siamese_speaker{package}"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "sklearn_siamese_speaker" in imported
    assert not imported & HEAVY


# A file of fewer than 40 lines is hard to find; each of these has its reason.
SHORT = {
    "_docs.py": "a layer 0 entry point that fits no other",
    "_interrupts.py": "a layer 0 entry point that fits no other",
    "__main__.py": "what python -m runs",
}
# A part stands in a file of its own, however short; its folder is where one looks for it.
PARTS = ("nn/networks/", "nn/losses/", "features/", "similarity/")
MOST_LINES = 800


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_file_is_long_enough_to_be_found_and_short_enough_to_be_read(file):
    address = file.relative_to(PACKAGE).as_posix()
    n_lines = len(file.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MOST_LINES
    may_be_short = file.name == "__init__.py" or address in SHORT or address.startswith(PARTS)
    assert n_lines >= 40 or may_be_short


def test_every_exemption_is_needed():
    for address in SHORT:
        assert len((PACKAGE / address).read_text(encoding="utf-8").splitlines()) < 40, address


def public_callables():
    packages = [
        "",
        ".metrics",
        ".model_selection",
        ".datasets",
        ".inspection",
        ".features",
        ".encoders",
        ".recognition",
    ]
    for package in packages:
        module = importlib.import_module(f"sklearn_siamese_speaker{package}")
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if callable(thing) and not (inspect.isclass(thing) and issubclass(thing, Exception)):
                yield pytest.param(thing, id=f"{package}.{name}")


@pytest.mark.parametrize("thing", list(public_callables()))
def test_every_default_is_documented(thing):
    signature = inspect.signature(thing)
    lines = inspect.getdoc(thing).splitlines()
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        pattern = re.compile(rf"^(\w+, )*\*{{0,2}}{name}(, \w+)* : ")
        entries = [i for i, line in enumerate(lines) if pattern.match(line)]
        assert entries, f"{name} is not documented"
        if parameter.default is not parameter.empty:
            entry = " ".join(lines[entries[0] : entries[0] + 3])
            assert f"default={default_text(parameter.default)}" in entry.replace("'", '"'), name


def default_text(value):
    return f'"{value}"' if isinstance(value, str) else repr(value).replace("'", '"')


def test_every_module_says_what_it_is():
    for info in pkgutil.walk_packages([str(PACKAGE)], "sklearn_siamese_speaker."):
        if not info.name.endswith("__main__"):
            assert importlib.import_module(info.name).__doc__, info.name
