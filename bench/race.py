"""Times Tessera and PyTorch in turns: the same jobs, weights, data, shapes and threads. Called by scripts/bench.sh.

Each side is a process that does jobs on request (bench/jobs/bench_jobs.c, bench/peer.py). For each job, after a warm-up, rounds
go: ours, then theirs in each of their ways (memory layouts, forms of an optimiser); medians of the rounds; their best way
counts. A machine shared with others has slow spells, so a register-only multiply-add peak is measured before and after each
round: a round whose peak is below 70 % of the best seen is repeated once, and marked when that is no better.
Standard library only.
"""
import argparse
import array
import json
import math
import os
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import race_report as report

HERE = pathlib.Path(__file__).resolve().parent
STARTUP_CONFIG = 'tiny'
SCALED = {True: ['vqgan.encode/tiny', 'conv3.forward/8x128x32', 'group_norm_silu.forward/8x128x32'],
          False: ['vqgan.train/tiny', 'vqgan.train/small', 'vqgan.encode/small', 'vqgan.decode/small', 'gpt.train/tiny',
                  'conv3.forward/8x128x32', 'conv3.grad_weight/8x128x32', 'linear.forward/2048x512x2048',
                  'group_norm_silu.forward/8x128x32', 'nearest/4096x64x1024', 'adam/1x10000000']}
GOOD_PEAK = 0.7         # of the best seen
PAUSE = 0.003           # threads that wait by spinning have stopped by then


class Failed(Exception):
    pass


class Server:
    """A process that answers a line of request with a line of JSON."""

    def __init__(self, command, threads):
        env = dict(os.environ, TSR_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
        try:
            self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            text=True, env=env)
        except OSError as e:
            raise Failed(f'{command[0]}: {e.strerror}') from None

    def ask(self, *request):
        try:
            self.process.stdin.write(' '.join(map(str, request)) + '\n')
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            raise Failed(f'{request[0]}: the process has ended, status {self.process.wait()}') from None
        if 'error' in answer:
            raise Failed(' '.join(map(str, request)) + ': ' + answer['error'])
        time.sleep(PAUSE)
        return answer

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:     # it has ended before: told already
            pass
        self.process.wait()
        self.process.stdout.close()


class Pair:
    """Our process and theirs, with the same number of threads."""

    def __init__(self, options, folder, threads):
        self.ours = Server([options.jobs, '--weights', folder], threads)
        against = [options.against] if options.against else [options.python, HERE / 'peer.py', folder, threads]
        self.theirs = Server(against, threads)

    def close(self):
        self.ours.close()
        self.theirs.close()


def difference(a, b):
    """The largest difference of two lists (mean, root mean square, elements), relative to the root mean square."""
    return max(abs(x - y) for x, y in zip(a, b)) / (abs(a[1]) or 1) if len(a) == len(b) else math.inf


class Race:
    def __init__(self, options, pair, best_peak=0.0):
        self.o, self.pair = options, pair
        self.best_peak, self.lowest_peak = best_peak, math.inf

    def peak(self):
        value = self.pair.ours.ask('peak')['gflops']
        self.best_peak, self.lowest_peak = max(self.best_peak, value), min(self.lowest_peak, value)
        return value

    def one_round(self, sides, repeats, turn):
        """-> side -> seconds, and whether the machine was at its best before and after."""
        before, seconds = self.peak(), {}
        order = list(sides)
        for side in order[turn % len(order):] + order[:turn % len(order)]:
            seconds[side] = statistics.median(sides[side](repeats[side]))
        return seconds, min(before, self.peak()) >= GOOD_PEAK * self.best_peak

    def sides(self, name, ways):
        """Side (None: ours; else their way) -> a function that times some repetitions."""
        def ours(n):
            return self.pair.ours.ask('run', name, n)['seconds']

        def theirs(way):
            return lambda n: self.pair.theirs.ask('run', name, n, way)['seconds']
        return {None: ours, **{way: theirs(way) for way in ways}}

    def compiles(self, name):
        """Whether torch.compile can do this job here; it needs a C++ compiler, and does not know every operator."""
        try:
            return bool(self.pair.theirs.ask('check', name, 'compiled'))
        except Failed as e:
            print(f'not compiled: {e}', flush=True)
            return False

    def repeats(self, work):
        """How often a side's work fits into the time that a round has for it. A repetition may be many calls."""
        start = time.perf_counter()
        work(1)
        return max(1, min(1000, int(self.o.budget / (time.perf_counter() - start - PAUSE))))

    def job(self, name):
        """Times one job; -> a row of the table."""
        ours, theirs = self.pair.ours, self.pair.theirs
        expected = ours.ask('check', name)['values']            # first: it also leaves the weights for the peer
        ways = theirs.ask('ways', name)['ways']
        if 'compiled' in ways and not (self.o.compile and self.compiles(name)):
            ways.remove('compiled')
        off = max(difference(expected, theirs.ask('check', name, w)['values']) for w in ways)
        sides = self.sides(name, ways)
        repeats = {side: self.repeats(work) for side, work in sides.items()}
        rounds, slow, start = [], 0, time.perf_counter()
        for turn in range(self.o.rounds):
            if turn >= 2 and time.perf_counter() - start > self.o.patience:
                break
            seconds, good = self.one_round(sides, repeats, turn)
            if not good:
                seconds, good = self.one_round(sides, repeats, turn)
                slow += not good
            rounds.append(seconds)
        medians = {side: statistics.median(r[side] for r in rounds) for side in sides}
        return row_of(name, medians, rounds, off, slow)


def row_of(name, medians, rounds, off, slow):
    """A row of the table. medians: side -> seconds; None is ours."""
    own, compiled = medians.pop(None), medians.pop('compiled', None)
    way = min(medians, key=medians.get)
    paired = [r[way] / r[None] for r in rounds]
    return dict(job=name, ours_s=own, theirs_s=medians[way], ratio=medians[way] / own, way=way, ways=medians,
                compiled_s=compiled, compiled_ratio=compiled / own if compiled else None,
                lowest_ratio=min(paired), highest_ratio=max(paired), difference=off,
                rounds=len(rounds), slow_rounds=slow)


def peak_memory(options, folder, row):
    """Peak resident memory of a process that does this job alone, on either side."""
    pair = Pair(options, folder, options.threads)
    try:
        pair.ours.ask('run', row['job'], 2)
        pair.theirs.ask('run', row['job'], 2, row['way'])
        ours, theirs = pair.ours.ask('rss')['mb'], pair.theirs.ask('rss')['mb']
    finally:
        pair.close()
    return dict(job=row['job'], ours_mb=ours, theirs_mb=theirs, fraction=ours / theirs)


# ---- process start to first reconstruction ---------------------------------------------------------------------------

def write_picture(path, size):
    """A [1, 3, size, size] picture of noise in [-1, 1], as safetensors."""
    noise = random.Random(0)
    data = array.array('f', (noise.uniform(-1, 1) for _ in range(3 * size * size))).tobytes()
    text = json.dumps({'tensor': {'dtype': 'F32', 'shape': [1, 3, size, size], 'data_offsets': [0, len(data)]}}).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


def read_floats(path):
    data = path.read_bytes()
    return array.array('f', data[8 + struct.unpack('<Q', data[:8])[0]:])


def timed(command, threads):
    env = dict(os.environ, TSR_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    start = time.perf_counter()
    done = subprocess.run([str(c) for c in command], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(f'{command[0]}: status {done.returncode}: {done.stderr.strip()[-300:]}')
    return time.perf_counter() - start


def startup(options, folder):
    """Seconds from the start of a process until one picture's reconstruction is written, `tessera reconstruct` and a script."""
    weights, picture = folder / f'vqgan-{STARTUP_CONFIG}.safetensors', folder / 'picture.safetensors'
    outs = [folder / 'ours.safetensors', folder / 'theirs.safetensors']
    write_picture(picture, 64)
    commands = [[options.tessera, 'reconstruct', '--model', weights, '--out', outs[0], picture],
                [options.python, HERE / 'peer_start.py', weights, picture, outs[1]]]
    seconds = [[timed(c, options.threads) for c in commands] for _ in range(min(options.rounds, 3 if options.quick else 9) + 1)][1:]
    ours, theirs = (statistics.median(s[i] for s in seconds) for i in (0, 1))
    a, b = map(read_floats, outs)
    off = math.dist(a, b) / math.hypot(*b) if len(a) == len(b) else math.inf    # a near tie of codes may fall either way
    return dict(job='start to first reconstruction', ours_s=ours, theirs_s=theirs, ratio=theirs / ours, difference=off)


# ---- the whole -----------------------------------------------------------------------------------------------------------

def attempt(failures, f, *arguments):
    try:
        return f(*arguments)
    except Failed as e:
        failures.append(str(e))
        print(f'FAILED: {e}', flush=True)
        return None


def scaling(options, folder, rows, failures):
    """How many times faster than one thread, on either side."""
    names = [n for n in SCALED[options.quick] if n in rows]
    if options.threads < 2 or not names:
        return []
    pair, result = Pair(options, folder, 1), []
    race = Race(options, pair)
    for name in names:
        one = attempt(failures, race.job, name)
        if one:
            result.append(dict(job=name, ours=one['ours_s'] / rows[name]['ours_s'],
                               theirs=one['theirs_s'] / rows[name]['theirs_s'], ratio_one_thread=one['ratio']))
    pair.close()
    return result


def race_jobs(options, folder, result, failures):
    pair = Pair(options, folder, options.threads)
    result['ours'], result['theirs'] = pair.ours.ask('version'), pair.theirs.ask('version')
    report.print_head(result)
    names = [j['name'] for j in pair.ours.ask('list')['jobs'] if j['quick'] or not options.quick]
    names = [n for n in names if options.filter in n]
    if not names:
        failures.append(f'no job has "{options.filter}" in its name')
    race = Race(options, pair)
    for _ in range(3):
        race.peak()
    for name in names:
        start = time.perf_counter()
        row = attempt(failures, race.job, name)
        if row:
            row['spent_s'] = time.perf_counter() - start
            result['jobs'].append(row)
            report.print_row(row)
    result['peak_gflops'] = dict(best=race.best_peak, lowest=race.lowest_peak)
    pair.close()


def run(options, folder):
    failures, start = [], time.perf_counter()
    result = dict(machine=report.machine(), threads=options.threads, rounds=options.rounds, quick=options.quick, jobs=[],
                  memory=[], startup=None, scaling=[], failures=failures)
    race_jobs(options, folder, result, failures)
    rows = {r['job']: r for r in result['jobs']}
    if f'vqgan.encode/{STARTUP_CONFIG}' in rows and not options.against:
        result['startup'] = attempt(failures, startup, options, folder)
    result['scaling'] = scaling(options, folder, rows, failures)
    if options.memory or not options.quick:
        chosen = result['jobs'] if options.memory else [r for r in result['jobs'] if r['job'].startswith(('vqgan', 'gpt'))]
        result['memory'] = [m for m in (attempt(failures, peak_memory, options, folder, r) for r in chosen) if m]
    result['spent_s'] = time.perf_counter() - start
    report.print_tail(result)
    return result


def cores():
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


def callers_path(path):
    """./run changes the folder: relative paths are meant from where it was called."""
    return pathlib.Path(os.environ.get('TESSERA_CALLER', ''), path) if path else None


def write(path, text):
    try:
        path.write_text(text)
        return True
    except OSError as e:
        print(f'bench: {path}: {e.strerror}', file=sys.stderr)
        return False


def parse():
    p = argparse.ArgumentParser(prog='./run bench', description='Race with PyTorch; see docs/testing.md.')
    p.add_argument('--jobs', required=True, help=argparse.SUPPRESS)         # these two come from scripts/bench.sh
    p.add_argument('--tessera', required=True, help=argparse.SUPPRESS)
    p.add_argument('--python', default=sys.executable, help='the Python whose PyTorch to race')
    p.add_argument('--against', help="instead of PyTorch, another build's bench/bench_jobs")
    p.add_argument('--quick', action='store_true', help='fewer jobs and rounds: under two minutes')
    p.add_argument('--filter', default='', metavar='TEXT', help='only jobs whose name contains TEXT')
    p.add_argument('--rounds', type=int, help='rounds of each job (7, or 3 with --quick)')
    p.add_argument('--threads', type=int, default=cores(), help='of either side (all cores)')
    p.add_argument('--memory', action='store_true', help='peak memory of every job, not only of the models; also with --quick')
    p.add_argument('--compile', action='store_true', help='also torch.compile, in a column of its own')
    p.add_argument('--json', metavar='FILE', help='write all figures')
    p.add_argument('--plot', metavar='FILE.svg', help='draw the ratios')
    p.add_argument('--min', type=float, metavar='RATIO', help='status 1 when a ratio is below')
    p.add_argument('--check', action='store_true', help=argparse.SUPPRESS)  # only whether the arguments are right
    o = p.parse_args()
    o.rounds = (3 if o.quick else 7) if o.rounds is None else o.rounds
    o.json, o.plot, o.against = callers_path(o.json), callers_path(o.plot), callers_path(o.against)
    o.budget = 0.04 if o.quick else 0.2         # seconds of a job's repetitions in a round
    o.patience = 3 if o.quick else 60           # seconds after which two rounds of a job are enough
    if o.rounds < 1 or o.threads < 1:
        p.error('--rounds and --threads are at least 1')
    if o.plot and o.plot.suffix != '.svg':
        p.error('--plot draws an SVG: FILE.svg')
    for path in (o.json, o.plot):
        if path and not os.access(path if path.exists() else path.parent, os.W_OK):
            p.error(f'{path} cannot be written')
    return o


def main():
    options = parse()
    if options.check:
        return 0
    with tempfile.TemporaryDirectory(prefix='tessera-bench-') as folder:
        result = run(options, pathlib.Path(folder))
    written = not options.json or write(options.json, json.dumps(result, indent=1) + '\n')
    if options.plot:
        written = write(options.plot, report.plot(result)) and written
    below = options.min and any(r['ratio'] < options.min for r in result['jobs'])
    return 1 if result['failures'] or below or not result['jobs'] or not written else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Failed as e:
        sys.exit(f'bench: {e}')
    except KeyboardInterrupt:
        sys.exit(130)
