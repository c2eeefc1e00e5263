"""Which cores the engines run on, and whether these are free."""
import os
import time
from pathlib import Path


def _siblings(core):
    try:
        path = f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"
        return Path(path).read_text()
    except OSError:
        return str(core)


def cores_for(threads):
    """As many cores as threads, physical ones as far as there are any; None when too few."""
    allowed = sorted(os.sched_getaffinity(0))
    first_of = {_siblings(core): core for core in reversed(allowed)}
    ordered = sorted(first_of.values()) + [c for c in allowed if c not in first_of.values()]
    return ordered[:threads] if len(ordered) >= threads else None


def _busy_ticks(cores):
    """Ticks that each core has worked so far."""
    ticks = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *numbers = line.split()
        if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in cores:
            user, nice, system, _, _, *interrupts = map(int, numbers[:8])
            ticks[int(name[3:])] = user + nice + system + sum(interrupts)
    return ticks


def busiest(cores, seconds=1.0):
    """The share of time that others take of the most used core, while this process sleeps."""
    before = _busy_ticks(cores)
    time.sleep(seconds)
    after = _busy_ticks(cores)
    per_second = os.sysconf("SC_CLK_TCK")
    return max((after[c] - before[c]) / per_second / seconds for c in before) if before else 0.0
