"""What the comparison needs before it can start: a virtual environment and the Inlay worker.

Standard library only, since this runs before the environment is there."""
import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build-peers"
REQUIREMENTS = (HERE / "requirements.txt", HERE / "requirements-no-deps.txt")


def say(text):
    print(text, file=sys.stderr, flush=True)


def python_of(venv):
    return venv / "bin" / "python"


def _stamp():
    digest = hashlib.sha256()
    for path in REQUIREMENTS:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_venv(venv):
    """Makes the environment, or brings it up to the pinned versions."""
    stamp = venv / "inlay-peers.stamp"
    if stamp.is_file() and stamp.read_text() == _stamp():
        return
    say(f"making the virtual environment {venv}")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit("Python's venv module cannot install pip: on Debian, apt-get install python3-venv")
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(python_of(venv)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(pip + ["-r", str(REQUIREMENTS[0])], check=True)
    # The converter is for one engine only: without it the others still compare.
    if subprocess.run(pip + ["--no-deps", "-r", str(REQUIREMENTS[1])]).returncode:
        say("no pnnx for this system: ncnn is left out")
    stamp.write_text(_stamp())


def enter_venv(venv):
    """Replaces this process by the same command inside of the environment."""
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    make_venv(venv)
    python = str(python_of(venv))
    os.execv(python, [python] + sys.argv)


def build_inlay(jobs):
    """Builds the worker and returns its path."""
    say(f"building inlay_peer in {BUILD}")
    configure = ["cmake", "-S", str(ROOT), "-B", str(BUILD), "-DCMAKE_BUILD_TYPE=Release",
                 "-DCMAKE_UNITY_BUILD=ON", "-DINLAY_BENCH=ON", "-DINLAY_CLI=ON",
                 "-DINLAY_TESTS=OFF", "-DINLAY_EXAMPLES=OFF", "-DINLAY_IMAGES=OFF"]
    build = ["cmake", "--build", str(BUILD), "--target", "inlay_peer", "-j", str(jobs)]
    for command in (configure, build):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(done.stdout[-4000:] + "\nInlay does not build: " + " ".join(command))
    return BUILD / "bin" / "inlay_peer"
