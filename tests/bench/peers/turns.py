"""Engines in persistent processes, timed in turns: A B C … A B C …"""
import os, pathlib, select, subprocess, tempfile, time
import numpy as np

PAUSE = 0.02  # seconds before a turn, for threads of the one before that still spin
PATIENCE = 300  # seconds for an answer; then an engine counts as hung


class Gone(Exception):
    """An engine that cannot do what is asked, with its reason."""


class Worker:
    """A process that says "ready VERSION" after its first result, and then answers lines."""

    def __init__(self, engine, command, env=None):
        self.engine = engine
        self.errors = tempfile.TemporaryFile()  # a pipe would fill up
        begin = time.perf_counter()
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, env={**os.environ, **(env or {})})
        try:
            self.version = self.answer().partition(" ")[2]
        except Gone:
            self.close()
            raise
        self.first = time.perf_counter() - begin

    def answer(self):
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise Gone(f"no answer in {PATIENCE} s")
        line = self.process.stdout.readline().decode().strip()
        if not line:
            raise Gone(self.last_words())
        return line

    def last_words(self):
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        status = self.process.wait()
        how = f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"{how}: {lines[-1]}" if lines else how

    def ask(self, text):
        try:
            self.process.stdin.write(f"{text}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Gone(self.last_words())
        return self.answer()

    def run(self, n):
        return [float(t) for t in self.ask(f"run {n}").split()]

    def peak_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def logits(self, folder):
        path = folder / f"logits-{self.engine}.f32"
        self.ask(f"logits {path}")
        return np.fromfile(path, "<f4")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # what was left to write


def machine_seconds():
    """CPU seconds that the whole machine has worked, and that its host has taken from it."""
    fields = [int(n) for n in open("/proc/stat").readline().split()[1:9]]
    user, nice, system, _, _, irq, soft, steal = (n / os.sysconf("SC_CLK_TCK") for n in fields)
    return user + nice + system + irq + soft, steal


def in_turns(workers, batch, seconds, least):
    """{engine: [seconds a batch]}, the peaks of the rounds, {engine: why} of those that gave up, and
    which part of the CPUs others had. The first worker measures the peak."""
    times, peaks, gone = {w.engine: [] for w in workers}, [], {}
    begin, (worked, stolen) = time.perf_counter(), machine_seconds()
    ours = sum(w.cpu_seconds() for w in workers)
    rounds = 0
    while rounds < least or (rounds < 25 and time.perf_counter() - begin < seconds):
        peaks.append(float(workers[0].ask("peak")))
        for w in (w for w in workers if w.engine not in gone):
            time.sleep(PAUSE)
            try:
                # The first one finds its caches taken by the others.
                times[w.engine] += w.run(3 if batch == 1 else 2)[1:]
            except Gone as why:
                gone[w.engine] = str(why)
        rounds += 1
    ours = sum(w.cpu_seconds() for w in workers if w.engine not in gone) - ours
    (worked2, stolen2), end = machine_seconds(), time.perf_counter()
    room = (end - begin) * os.cpu_count()
    return times, peaks, gone, max(0, worked2 - worked - ours) / room, (stolen2 - stolen) / room
