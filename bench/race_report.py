"""The race's results as text and as a plot. Ratios are PyTorch's time divided by ours: above 1 we are faster."""
import html
import math
import platform

ROW = '{:<38} {:>11} {:>11} {:>7}  {:<8} {:>8}  {}'


def machine():
    """The processor's name, for the record."""
    try:
        with open('/proc/cpuinfo') as f:
            return next(line.split(':', 1)[1].strip() for line in f if line.startswith('model name'))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def describe(side):
    return f"{side['name']} {side['version']}" + (f" ({side['isa']})" if 'isa' in side else '')


def milliseconds(seconds):
    return f'{seconds * 1e3:.3f}' if seconds >= 1e-4 else f'{seconds * 1e3:.5f}'


def notes(row, asked):
    text = [f"compiled {row['compiled_ratio']:.2f}"] if row['compiled_ratio'] else []
    if row['slow_rounds']:
        text.append(f"{row['slow_rounds']} slow rounds of {row['rounds']}")
    elif row['rounds'] < asked:
        text.append(f"{row['rounds']} rounds")
    return ', '.join(text)


def print_head(result):
    print(f"{result['machine']}, {result['threads']} threads, {result['rounds']} rounds")
    print(f"{describe(result['ours'])} against {describe(result['theirs'])}; ms; ratio: theirs / ours; difference of results\n")
    print(ROW.format('job', 'ours', 'theirs', 'ratio', 'way', 'differ', ''), flush=True)


def print_row(row, asked=0):
    print(ROW.format(row['job'], milliseconds(row['ours_s']), milliseconds(row['theirs_s']), f"{row['ratio']:.2f}",
                     row.get('way', ''), f"{row['difference']:.0e}", notes(row, asked) if 'way' in row else '').rstrip(), flush=True)


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def print_tail(result):
    if result['startup']:
        print_row(result['startup'])
    if result['scaling']:
        print(f"\ntimes faster than 1 thread, with {result['threads']}     ours   theirs")
        for s in result['scaling']:
            print(f"{s['job']:<38} {s['ours']:.2f}   {s['theirs']:.2f}")
    if result['memory']:
        print('\npeak resident memory, MB                     ours   theirs  fraction')
        for m in result['memory']:
            print(f"{m['job']:<38} {m['ours_mb']:>10.1f} {m['theirs_mb']:>8.1f}  {m['fraction']:>8.3f}")
    rows = result['jobs']
    if rows:
        below = [r['job'] for r in rows if r['ratio'] < 1]
        print(f"\n{len(rows)} jobs, geometric mean {geometric_mean([r['ratio'] for r in rows]):.2f}, "
              f"below 1: {', '.join(below) or 'none'}")
    peak = result['peak_gflops']
    print(f"FMA peak between rounds: best {peak['best']:.0f} GFLOP/s, lowest {peak['lowest']:.0f}; "
          f"{result['spent_s']:.0f} s in all")
    if result['failures']:
        print(f"{len(result['failures'])} FAILED, as told above")


# ---- plot: a horizontal bar a job, from 1, on a logarithmic axis ------------------------------------------------------

WIDTH, LEFT, RIGHT, LINE, TOP = 900, 270, 60, 18, 58
STYLE = 'font-family="sans-serif" font-size="12"'


def ticks(low, high):
    return [m * 10 ** e for e in range(-2, 4) for m in (1, 2, 5) if low <= m * 10 ** e <= high]


def rounds_of(rows):
    """How many rounds the rows had: "7", or "2 to 7" where time ran out."""
    counts = sorted({r['rounds'] for r in rows if 'rounds' in r})
    return ' to '.join(map(str, counts[:1] + counts[1:][-1:]))


def plot(result):
    rows = result['jobs'] + ([result['startup']] if result['startup'] else [])
    low = min([0.5] + [r['ratio'] * 0.9 for r in rows])
    high = max([4] + [r['ratio'] * 1.2 for r in rows])
    height = TOP + LINE * len(rows) + 30

    def x(ratio):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(ratio / low) / math.log(high / low)

    def text(at, y, words, anchor='start', weight='normal'):
        return f'<text x="{at:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{html.escape(words)}</text>'
    title = f"{describe(result['ours'])} against {describe(result['theirs'])}, {result['threads']} threads"
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" {STYLE}>',
           f'<rect width="{WIDTH}" height="{height}" fill="white"/>', text(10, 18, title, weight='bold'),
           text(10, 36, f"times faster (median of {rounds_of(rows)} rounds); {result['machine']}")]
    for value in ticks(low, high):
        colour = 'black' if value == 1 else '#d8d8d8'
        out.append(f'<path d="M{x(value):.1f} {TOP - 8}V{height - 22}" stroke="{colour}"/>')
        out.append(text(x(value), height - 8, f'{value:g}', 'middle'))
    for i, row in enumerate(rows):
        y, ratio = TOP + LINE * i, row['ratio']
        left, right = sorted((x(1), x(ratio)))
        colour = '#2f6f9f' if ratio >= 1 else '#c0504d'
        out.append(f'<rect x="{left:.1f}" y="{y}" width="{right - left:.1f}" height="{LINE - 5}" fill="{colour}"/>')
        out.append(text(LEFT - 8, y + 11, row['job'], 'end'))
        out.append(text(right + 4, y + 11, f'{ratio:.2f}'))
    return '\n'.join(out + ['</svg>']) + '\n'
