"""Worker processes: started on their cores, stopped unless it is their turn."""
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engines import INLAY

HERE = Path(__file__).resolve().parent


class WorkerError(Exception):
    pass


def command_of(engine, model_path, folder, threads, inlay):
    start = [str(inlay)] if engine in INLAY else [sys.executable, str(HERE / "worker.py"), engine]
    return start + [str(model_path), str(folder), str(threads)]


class Worker:
    """After each answer the process is stopped by a signal, since an engine's idle threads may spin
    and would slow the others."""

    def __init__(self, command, cores, timeout):
        self.timeout = timeout
        self.log = tempfile.TemporaryFile()
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")  # NumPy's own threads
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            env=environment, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        self.pending = b""
        try:
            self.ready = self._answer()
        except WorkerError:
            self.kill()
            raise

    def ask(self, command):
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise WorkerError(self._last_words()) from None
        return self._answer()

    def kill(self):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            try:
                stream.close()
            except OSError:
                pass  # what was not written any more

    def _answer(self):
        line = self._line()
        self.process.send_signal(signal.SIGSTOP)
        try:
            answer = json.loads(line)
        except ValueError:
            raise WorkerError(f"not an answer: {line[:200]!r}") from None
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _line(self):
        end = time.monotonic() + self.timeout
        while b"\n" not in self.pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise WorkerError(f"no answer within {self.timeout:g} s")
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            if not data:
                raise WorkerError(self._last_words())
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return line

    def _last_words(self):
        code = self.process.wait()
        self.log.seek(0)
        text = self.log.read().decode(errors="replace").strip().splitlines()
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return f"the process ended ({how})" + (": " + text[-1][:300] if text else "")
