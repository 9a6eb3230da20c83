"""The rooms may only be entered through their doors, and the check that says so really looked at them."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS: list[str] = SETTINGS["tool"]["importlinter"]["root_packages"]
CONTRACTS = SETTINGS["tool"]["importlinter"]["contracts"]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOMS, include_external_packages=False, cache_dir=None)


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", script, "--config", str(config), "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_every_contract_is_kept() -> None:
    checked = lint_imports(ROOT / "pyproject.toml")
    assert checked.returncode == 0, checked.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken" in checked.stdout


def test_a_contract_that_is_broken_is_reported(tmp_path: Path) -> None:
    """The same check, asked for something that doesn't hold: workflow may not import domain."""
    config = tmp_path / "doors.ini"
    config.write_text(
        "[importlinter]\nroot_packages =\n"
        + "".join(f"    {room}\n" for room in ROOMS)
        + "[importlinter:contract:upside-down]\nname = upside down\ntype = layers\nlayers =\n    domain\n    workflow\n"
    )
    checked = lint_imports(config)
    assert checked.returncode != 0
    assert "0 kept, 1 broken" in checked.stdout


def test_the_contracts_cover_the_rooms_that_exist() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert rooms == set(ROOMS)


def test_the_graph_has_every_module_of_every_room(graph: grimp.ImportGraph) -> None:
    for room in ROOMS:
        files = {path for path in (ROOT / room).rglob("*.py") if in_package(path)}
        modules = {name for name in graph.modules if name == room or name.startswith(f"{room}.")}
        assert len(modules) == len(files), f"{room}: {len(files)} files, {len(modules)} modules in the graph"
        assert len(modules) > 1, f"{room} is an empty room"


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("workflow", "domain"),
        ("models", "domain"),
        ("streams", "domain"),
        ("adapters", "workflow"),
        ("api", "workflow"),
        ("pitcall", "api"),
        ("pitcall", "streams"),
    ],
)
def test_the_graph_sees_the_doors_in_use(graph: grimp.ImportGraph, importer: str, imported: str) -> None:
    used = graph.find_shortest_chains(importer, imported, as_packages=True)
    assert used, f"no import from {importer} to {imported} was found, so the contracts check nothing"


@pytest.mark.parametrize("path", sorted((ROOT / "domain").rglob("*.py")), ids=lambda path: path.name)
def test_domain_imports_only_the_standard_library(path: Path) -> None:
    foreign = [name for name in imported_packages(path) if name not in sys.stdlib_module_names and name != "domain"]
    assert foreign == []


def test_a_foreign_import_would_be_seen(tmp_path: Path) -> None:
    source = tmp_path / "late.py"
    source.write_text("def late():\n    import numpy.linalg\n    from river import linear_model\n    from . import x\n")
    assert imported_packages(source) == ["numpy", "river"]


def imported_packages(path: Path) -> list[str]:
    """Top-level names of what a file imports anywhere, relative imports left out."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names += [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.append(node.module.split(".")[0])
    return names


def in_package(path: Path) -> bool:
    """Whether every folder between the file and its room is a package."""
    return all((folder / "__init__.py").exists() for folder in path.relative_to(ROOT).parents[:-1] if folder.parts)
