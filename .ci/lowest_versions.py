"""Print the lowest versions that pyproject.toml declares, as constraints for pip.

    python .ci/lowest_versions.py > lowest.txt
    pip install -c lowest.txt '.[tests]'

torch keeps the version of constraints.txt: an older one takes long to install and changes little.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENT = re.compile(r"(?P<name>[\w-]+)>=(?P<version>[\w.]+)")
PINNED = {"torch"}


def requirements(project):
    """Yield what the package and its tests require."""
    yield from project["dependencies"]
    for group in project["optional-dependencies"].values():
        yield from group


def main():
    """Print one constraint a line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = (REQUIREMENT.fullmatch(requirement) for requirement in requirements(project))
    lowest = {match["name"]: match["version"] for match in found if match}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        if name in PINNED:
            lowest[name] = version
    print("\n".join(f"{name}=={version}" for name, version in sorted(lowest.items())))


if __name__ == "__main__":
    main()
