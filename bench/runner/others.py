# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""What else ran on the two cores, where the servers' own processor time does not tell: fcgiwrap and mod_cgid ignore the
end of their programs, so the kernel adds the programs' time to nobody's."""

import os
import pathlib
import time

TICK = os.sysconf("SC_CLK_TCK")


class Watch:
    """From its making to finish(): the processor time of everything but this process and what is below it."""

    def __init__(self, setup):
        self.cores = (setup.server_core, setup.client_core)
        self.census = take_census()
        self.busy = [core_seconds(core) for core in self.cores]
        self.began = time.monotonic()

    def finish(self, result):
        """Adds "foreign", the share of a core that others took, and "server_cpu_s", what the server's core did but for
        them."""
        elapsed = time.monotonic() - self.began
        busy = [tuple(now - was for now, was in zip(core_seconds(core), before))
                for core, before in zip(self.cores, self.busy)]
        used = seconds_of_others(self.census, take_census())
        others = [min(used.get(core, 0.0), worked) for core, (worked, _) in zip(self.cores, busy)]
        result["foreign"] = max(taken + stolen for taken, (_, stolen) in zip(others, busy)) / elapsed
        result["server_cpu_s"] = busy[0][0] - others[0]
        return result


def core_seconds(core):
    """What a core has spent on work, and what a hypervisor took from it."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            return (user + nice + system + irq + softirq) / TICK, steal / TICK
    return 0.0, 0.0


def take_census():
    """Of each process: its parent, its processor time with that of children it has waited for, and its core."""
    found = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            text = pathlib.Path(entry.path, "stat").read_text()
        except OSError:
            continue  # it has just ended
        # The name in brackets may hold spaces; ppid is field 4, utime, stime, cutime and cstime are 14 to 17, and
        # processor is field 39.
        fields = text.rpartition(")")[2].split()
        found[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])) / TICK, int(fields[36]))
    return found


def seconds_of_others(before, after):
    """By core, that on which a process was last."""
    ours = below(os.getpid(), before) | below(os.getpid(), after)
    used = {pid: seconds - before.get(pid, (0, 0.0, 0))[1] for pid, (_, seconds, _) in after.items()}
    for pid, (parent, seconds, _) in before.items():
        if pid in after:
            continue
        while parent in before and parent not in after:
            parent = before[parent][0]
        if parent in used:
            used[parent] -= seconds  # waited for, it has become its parent's time, also what it had used before
    by_core = {}
    for pid, seconds in used.items():
        if pid not in ours:
            core = after[pid][2]
            by_core[core] = by_core.get(core, 0.0) + max(0.0, seconds)
    return by_core


def below(root, census):
    """The process and its descendants."""
    children = {}
    for pid, (parent, _, _) in census.items():
        children.setdefault(parent, []).append(pid)
    found, waiting = set(), [root]
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting += children.get(pid, [])
    return found
