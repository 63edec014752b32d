"""Measurements stand on one page of the guide; the other pages and the README follow it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results.rst"
OTHERS = [
    page
    for page in sorted([*(ROOT / "docs").glob("*.rst"), *(ROOT / "docs").glob("*.md")])
    if page != RESULTS
]
NUMBER = r"[+-]?\d*(?:\.\d+)?"
INTERVAL = re.compile(rf"(?:0?\.\d{{3}}|\d+(?:\.\d)? %)\*{{0,2}} \[{NUMBER}, {NUMBER}\]")
MEASURED = re.compile(r"(?<![\d.\-=])0?\.\d{3}(?!\d)|\d+\.\d %")


def prose_of(page):
    """Return a page without code and literals."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^\.\. code-block::.*\n(?:   .*\n|\n)+", "", text, flags=re.MULTILINE)
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`", "", text)


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.name)
def test_no_other_page_holds_a_measurement_with_its_interval(page):
    assert INTERVAL.findall(prose_of(page)) == []


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.name)
def test_another_page_keeps_at_most_one_measured_number_which_is_on_the_results_page(page):
    found = set(MEASURED.findall(prose_of(page))) - {"0.001"}  # a learning rate
    assert len(found) <= 1
    assert all(number in RESULTS.read_text(encoding="utf-8") for number in found)


def test_the_figures_of_the_readme_are_on_the_results_page():
    figures = INTERVAL.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    results = RESULTS.read_text(encoding="utf-8")
    assert 1 <= len(figures) <= 6
    assert [figure for figure in figures if figure not in results] == []


def test_each_section_of_results_names_the_command_that_prints_it():
    sections = re.split(r"\n.+\n-{4,}\n", RESULTS.read_text(encoding="utf-8"))[2:]
    command = re.compile(r"benchmarks/|-m sklearn")
    without = [one.strip()[:44] for one in sections if not command.search(one)]
    assert len(sections) >= 15
    assert without == ["20-way accuracy without and with `drop_silen"]


@pytest.mark.parametrize(
    ("text", "n_found"),
    [
        ("the accuracy is 0.829 [0.785, 0.869]", 1),
        ("it is **0.973** [0.951, 0.990], or 1.9 % [1.2, 3.1]", 2),
        ("samples in [-1, 1] and a rate of 5 %", 0),
    ],
)
def test_a_measurement_is_found(text, n_found):
    assert len(INTERVAL.findall(text)) == n_found
