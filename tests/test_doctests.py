"""Every example in a docstring is run.

`pytest --doctest-modules` finds a class under the public module that it reports, but not its
methods, which belong to the file they are written in. Those run here, and all are counted.
"""

import ast
import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import sklearn_siamese_speaker

PACKAGE = Path(sklearn_siamese_speaker.__file__).parent
MODULES = [
    importlib.import_module(info.name)
    for info in pkgutil.walk_packages([str(PACKAGE)], "sklearn_siamese_speaker.")
    if not info.name.endswith("__main__")
]
FINDER = doctest.DocTestFinder(exclude_empty=True)


def found_by_pytest():
    """Yield the first example of each docstring that `pytest --doctest-modules` collects."""
    for module in [sklearn_siamese_speaker, *MODULES]:
        yield from (test.examples[0].source for test in FINDER.find(module) if test.examples)


def public_classes():
    for module in [sklearn_siamese_speaker, *MODULES]:
        for thing in vars(module).values():
            if inspect.isclass(thing) and thing.__module__ == module.__name__:
                yield thing


def methods_with_an_example():
    """Yield the methods that doctest misses: those of another file than their class reports."""
    for cls in public_classes():
        for method in vars(cls).values():
            method = getattr(method, "__func__", method)  # of a classmethod
            has_example = inspect.isfunction(method) and ">>> " in (method.__doc__ or "")
            if has_example and method.__module__ != cls.__module__:
                yield method


METHODS = list(methods_with_an_example())


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__qualname__)
def test_the_example_of_a_method_runs(method):
    (test,) = FINDER.find(method, globs=dict(method.__globals__))
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    report = []
    runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


def test_no_example_is_lost():
    written = [
        docstring
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and ">>> " in (docstring := ast.get_docstring(node) or "")
    ]
    assert len(METHODS) >= 1
    assert len(list(found_by_pytest())) + len(METHODS) == len(written) >= 73


def test_the_source_of_a_public_class_is_found_through_its_methods():
    source = inspect.getsource(sklearn_siamese_speaker.MFCC.__init__)
    assert source.lstrip().startswith("def __init__(")
    assert inspect.getsourcefile(sklearn_siamese_speaker.MFCC.__init__).endswith("mel.py")
    with pytest.raises(OSError, match=r"class definition|source code"):
        inspect.getsource(sklearn_siamese_speaker.MFCC)  # an error, never the wrong text
