"""Where an installed package lies, without importing it."""
import importlib.util
from pathlib import Path


def package_folder(name):
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the Python package {name} is not installed")
    return Path(spec.origin).parent


def files(name, *patterns):
    folder = package_folder(name)
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    if not found:
        raise RuntimeError(f"no {patterns[0]} in {folder}")
    return found
