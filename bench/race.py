"""Times Tessera and PyTorch in turns: the same jobs, weights, data, shapes and threads. Called by scripts/bench.sh.

Each side is a process that does jobs on request (bench/jobs/bench_jobs.c, bench/peer.py). For each job, after a warm-up, rounds
go: ours, then theirs in each of their ways (memory layouts, forms of an optimiser); medians of the rounds; their best way
counts. A machine shared with others has slow spells, so a register-only multiply-add peak is measured before and after each
round: a round whose peak is below 70 % of the best seen is repeated once, and marked when that is no better.
A side that dies costs the job it died in, and is started again; the figures so far are written after every row.
Standard library only.
"""
import argparse
import array
import json
import math
import os
import pathlib
import random
import shutil
import signal
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


class Stopped(Exception):
    """SIGINT or SIGTERM; its argument is the number."""


def stop(number, _frame):
    for n in (signal.SIGINT, signal.SIGTERM):   # a second one would only disturb the cleaning up
        signal.signal(n, signal.SIG_IGN)
    raise Stopped(number)


def start(command, threads, **more):
    """A process that Ctrl-C does not reach: this one ends it."""
    env = dict(os.environ, TSR_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.Popen([str(c) for c in command], text=True, env=env, **more)
    except OSError as e:
        raise Failed(f'{command[0]}: {e.strerror}') from None
    finally:
        signal.signal(signal.SIGINT, handler)


class Server:
    """A process that answers a line of request with a line of JSON."""

    def __init__(self, who, command, threads):
        self.who = who
        self.process = start(command, threads, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request, *arguments):
        try:
            self.process.stdin.write(' '.join(map(str, (request, *arguments))) + '\n')
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            raise Failed(f'{self.who}, {request}: {self.end()}') from None
        if 'error' in answer:
            raise Failed(f'{self.who}, {request}: {answer["error"]}')
        time.sleep(PAUSE)
        return answer

    def end(self):
        """Waits for the end of a process that does not answer; -> how it ended."""
        try:
            status = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return 'the process did not answer in JSON'
        return f'the process ended by {signal.Signals(-status).name}' if status < 0 else f'the process ended, status {status}'

    def close(self, at_once=False):
        if at_once:
            self.process.kill()
        try:
            self.process.stdin.close()
        except OSError:     # it has ended before: told already
            pass
        self.process.wait()
        self.process.stdout.close()


class Pair:
    """Our process and theirs, with the same number of threads; start_missing starts them."""

    def __init__(self, options, folder, threads):
        theirs = [options.against] if options.against else [options.python, '-B', HERE / 'peer.py', folder, threads]
        self.commands = {'ours': [options.jobs, '--weights', folder], 'theirs': theirs}
        self.threads = threads
        self.ours = self.theirs = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for side in (self.ours, self.theirs):
            if side:
                side.close(at_once=kind is not None)

    def start_missing(self):
        """Starts each side that does not run (any more)."""
        for who, command in self.commands.items():
            side = getattr(self, who)
            if side and side.process.poll() is not None:
                side.close()
            elif side:
                continue
            setattr(self, who, Server(who, command, self.threads))
            getattr(self, who).ask('version')


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
    with Pair(options, folder, options.threads) as pair:
        pair.start_missing()
        pair.ours.ask('run', row['job'], 2)
        pair.theirs.ask('run', row['job'], 2, row['way'])
        ours, theirs = pair.ours.ask('rss')['mb'], pair.theirs.ask('rss')['mb']
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
    began = time.perf_counter()
    process = start(command, threads, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        errors = process.communicate()[1]
    finally:
        process.kill()
    if process.returncode != 0:
        raise Failed(f'{command[0]}: status {process.returncode}: {errors.strip()[-300:]}')
    return time.perf_counter() - began


def startup(options, folder):
    """Seconds from the start of a process until one picture's reconstruction is written, `tessera reconstruct` and a script."""
    weights, picture = folder / f'vqgan-{STARTUP_CONFIG}.safetensors', folder / 'picture.safetensors'
    outs = [folder / 'ours.safetensors', folder / 'theirs.safetensors']
    write_picture(picture, 64)
    for script in ('peer_start.py', 'peer_models.py'):      # where Python may keep them compiled
        shutil.copy(HERE / script, folder)
    commands = [[options.tessera, 'reconstruct', '--model', weights, '--out', outs[0], picture],
                [options.python, folder / 'peer_start.py', weights, picture, outs[1]]]
    seconds = [[timed(c, options.threads) for c in commands] for _ in range(min(options.rounds, 3 if options.quick else 9) + 1)][1:]
    ours, theirs = (statistics.median(s[i] for s in seconds) for i in (0, 1))
    a, b = map(read_floats, outs)
    off = math.dist(a, b) / math.hypot(*b) if len(a) == len(b) else math.inf    # a near tie of codes may fall either way
    return dict(job='start to first reconstruction', ours_s=ours, theirs_s=theirs, ratio=theirs / ours, difference=off)


# ---- the whole -----------------------------------------------------------------------------------------------------------

def attempt(failures, name, f, *arguments):
    """f's result, or None where it failed: told at once, and kept for the exit status and the file."""
    try:
        return f(*arguments)
    except Failed as e:
        failures.append(f'{name}: {e}')
        print(f'FAILED: {name}: {e}', flush=True)
        return None


def save(options, result):
    """--json: the file is replaced as a whole, so that it always holds what was measured so far."""
    if not options.json:
        return
    part = part_of(options.json)
    try:
        part.write_text(json.dumps(result, indent=1) + '\n')
        part.replace(options.json)
    except OSError as e:
        raise Failed(f'{options.json}: {e.strerror}') from None
    finally:
        part.unlink(missing_ok=True)


def scaling(options, folder, rows, failures):
    """How many times faster than one thread, on either side."""
    names = [n for n in SCALED[options.quick] if n in rows]
    if options.threads < 2 or not names:
        return []
    result = []
    with Pair(options, folder, 1) as pair:
        race = Race(options, pair)
        for name in names:
            pair.start_missing()
            one = attempt(failures, f'{name} with 1 thread', race.job, name)
            if one:
                result.append(dict(job=name, ours=one['ours_s'] / rows[name]['ours_s'],
                                   theirs=one['theirs_s'] / rows[name]['theirs_s'], ratio_one_thread=one['ratio']))
    return result


def race_jobs(options, folder, names, result):
    with Pair(options, folder, options.threads) as pair:
        pair.start_missing()
        result['ours'], result['theirs'] = pair.ours.ask('version'), pair.theirs.ask('version')
        report.print_head(result)
        race = Race(options, pair)
        for _ in range(3):      # so that the first round has a peak to be judged by
            race.peak()
        for name in names:
            pair.start_missing()
            began = time.perf_counter()
            row = attempt(result['failures'], name, race.job, name)
            if row:
                row['spent_s'] = time.perf_counter() - began
                result['jobs'].append(row)
                report.print_row(row, options.rounds)
            result['peak_gflops'] = dict(best=race.best_peak, lowest=race.lowest_peak)
            save(options, result)


def run(options, folder, names, result):
    failures, began = result['failures'], time.perf_counter()
    race_jobs(options, folder, names, result)
    rows = {r['job']: r for r in result['jobs']}
    if f'vqgan.encode/{STARTUP_CONFIG}' in rows and not options.against:
        result['startup'] = attempt(failures, 'start to first reconstruction', startup, options, folder)
    result['scaling'] = scaling(options, folder, rows, failures)
    save(options, result)
    if options.memory or not options.quick:
        for row in result['jobs']:
            if options.memory or row['job'].startswith(('vqgan', 'gpt')):
                memory = attempt(failures, f'memory of {row["job"]}', peak_memory, options, folder, row)
                result['memory'] += [memory] if memory else []
    result['spent_s'] = time.perf_counter() - began
    save(options, result)
    report.print_tail(result)


def draw(options, result):
    if options.plot and result['jobs']:
        try:
            options.plot.write_text(report.plot(result))
        except OSError as e:
            raise Failed(f'{options.plot}: {e.strerror}') from None


def cores():
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


def part_of(path):
    return path.with_name(path.name + '.part')


def parse():
    """What a user may write, and what is refused, is in scripts/bench_arguments.sh, which needs no Python."""
    p = argparse.ArgumentParser(prog='./run bench', usage='./run bench --help', add_help=False, allow_abbrev=False)
    p.add_argument('--jobs', required=True)
    p.add_argument('--tessera', required=True)
    p.add_argument('--python', default=sys.executable)
    p.add_argument('--debian', action='store_true')
    p.add_argument('--against', type=pathlib.Path)
    p.add_argument('--quick', action='store_true')
    p.add_argument('--filter', default='')
    p.add_argument('--rounds', type=int)
    p.add_argument('--threads', type=int, default=cores())
    p.add_argument('--memory', action='store_true')
    p.add_argument('--compile', action='store_true')
    p.add_argument('--json', type=pathlib.Path)
    p.add_argument('--plot', type=pathlib.Path)
    p.add_argument('--min', type=float)
    p.add_argument('--check', action='store_true')      # only whether there are such jobs, with this TSR_ISA
    o = p.parse_args()
    o.rounds = o.rounds or (3 if o.quick else 7)
    o.budget = 0.04 if o.quick else 0.2         # seconds of a job's repetitions in a round
    o.patience = 3 if o.quick else 60           # seconds after which two rounds of a job are enough
    return o


def chosen_jobs(options):
    """Asked of a process of its own, before anything is installed or starts: a wrong TSR_ISA ends it with the reason."""
    process = start([options.jobs], options.threads, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    answer = process.communicate('list\n')[0]
    if process.returncode != 0:
        sys.exit(process.returncode if process.returncode > 0 else 1)
    jobs = [j for j in json.loads(answer)['jobs'] if options.filter in j['name']]
    names = [j['name'] for j in jobs if j['quick'] or not options.quick]
    if names:
        return names
    print(f'bench: no job has "{options.filter}" in its name' +
          (f' in the short list; {len(jobs)} of the full list have: leave out --quick' if jobs else ''), file=sys.stderr)
    sys.exit(2)


def main():
    options = parse()
    names = chosen_jobs(options)
    if options.check:
        return 0
    result = dict(machine=report.machine(), threads=options.threads, rounds=options.rounds, quick=options.quick, jobs=[],
                  memory=[], startup=None, scaling=[], failures=[])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        with tempfile.TemporaryDirectory(prefix='tessera-bench-') as folder:
            run(options, pathlib.Path(folder), names, result)
    finally:
        draw(options, result)       # of an interrupted race too
    below = options.min and any(r['ratio'] < options.min for r in result['jobs'])
    return 1 if result['failures'] or below else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Failed as e:
        sys.exit(f'bench: {e}')
    except Stopped as e:
        print(f'bench: stopped by {signal.Signals(e.args[0]).name}', file=sys.stderr)
        sys.exit(128 + e.args[0])
