# shellcheck shell=sh disable=SC2034
# The arguments of ./run bench: what --help prints, and what is refused (status 2), before anything is installed or built, with
# nothing but a shell. To be sourced: it leaves the arguments as --name=value with absolute paths, which bench/race.py takes as
# they are, and says in `opponent` whom to race: installed, debian, python (in `python`), program or, for our kernels alone, kernels.

# The options are read from here, too: two spaces, the option, and in capitals what it takes.
race_usage() {
    cat <<'TEXT'
usage: ./run bench [--debian | --python PYTHON | --against PROGRAM] [OPTIONS]
       ./run bench kernels [FILTER] [--isa ISA] [--repeat N] [--cpu]

Builds, then races the program's operators and models with PyTorch's on this machine; docs/testing.md says more. The opponent is
  (none of these)    the newest PyTorch, installed from the Python index into a virtual environment outside the tree: 6 GB
  --debian           the distribution's PyTorch (python3-torch), which is older and slower
  --python PYTHON    the PyTorch of this Python
  --against PROGRAM  no PyTorch: another build's bench/bench_jobs

options:
  --quick            fewer jobs and rounds: under two minutes
  --filter TEXT      only jobs whose name contains TEXT
  --rounds N         rounds of each job (7, or 3 with --quick)
  --threads N        of either side (all cores)
  --memory           peak memory of every job, not only of the models; also with --quick
  --compile          also torch.compile, in a column of its own
  --json FILE        write all figures, after every row
  --plot FILE.svg    draw the ratios
  --min RATIO        status 1 when a ratio is below
TEXT
}

kernels_usage() {
    cat <<'TEXT'

./run bench kernels times our kernels alone:
  FILTER             only those whose line's name contains it: conv3, group_norm, "nearest "
  --isa ISA          reference, baseline, avx2 or avx512 (TSR_ISA, else the best that this machine has)
  --repeat N         runs of each (15)
  --cpu              the processor's time instead of the clock's
TEXT
}

refuse() {
    printf 'bench: %s (./run bench --help)\n' "$*" >&2
    exit 2
}

prints() { [ -n "$("$1" -B -c "$2" 2>/dev/null)" ]; }

choose() {
    [ "$opponent" = installed ] || refuse "only one of --debian, --python and --against"
    opponent=$1
}

# Each of these gets an option and its value, and may change `value`.
need_whole() { # and LOW HIGH
    case $2 in '' | *[!0-9]* | ??????*) refuse "$1 takes $3 to $4, not $2" ;; esac
    if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then refuse "$1 takes $3 to $4, not $2"; fi
}

need_ratio() {
    case $2 in *[!0-9.]* | *.*.*) refuse "$1 takes a ratio above 0, not $2" ;; esac
    case $2 in *[1-9]*) ;; *) refuse "$1 takes a ratio above 0, not $2" ;; esac
}

need_file() {
    absolute "$2"
    if [ -z "$2" ] || [ -d "$value" ]; then refuse "$1: \"$2\" is no name of a file"; fi
    if [ -e "$value" ] && [ ! -f "$value" ]; then refuse "$1: $2 is not an ordinary file"; fi
    # The file is written beside and then renamed.
    (: >>"$value.part") 2>/dev/null || refuse "$1: $2 cannot be written"
    rm "$value.part"
}

need_program() {
    absolute "$2"
    if [ -z "$2" ] || [ ! -f "$value" ] || [ ! -x "$value" ]; then refuse "$1: there is no program \"$2\""; fi
}

need_python() {
    case $2 in */*) absolute "$2" ;; esac # others are looked for in PATH
    command -v "$value" >/dev/null || refuse "$1: there is no program \"$2\""
    prints "$value" 'print(1)' || refuse "$1: $2 is no Python"
}

absolute() { case $1 in /*) ;; *) value=$TESSERA_CALLER/$1 ;; esac; }

need_value() {
    value=$2
    case $1 in
    --python) choose python && need_python "$@" && python=$value ;;
    --against) choose program && need_program "$@" ;;
    --rounds) need_whole "$@" 1 10000 ;;
    --threads) need_whole "$@" 1 1024 ;;
    --repeat) need_whole "$@" 1 1000 ;;
    --json) need_file "$@" ;;
    --plot)
        case $2 in *.svg) need_file "$@" ;; *) refuse "--plot draws an SVG: FILE.svg, not \"$2\"" ;; esac
        ;;
    --min) need_ratio "$@" ;;
    --isa)
        case $2 in reference | baseline | avx2 | avx512) ;; *) refuse "--isa takes reference, baseline, avx2 or avx512, not $2" ;; esac
        ;;
    esac
}

opponent=installed python='' filters=0 usage=race_usage
if [ "${1:-}" = kernels ]; then opponent=kernels usage=kernels_usage; fi
flags=$($usage | sed -n 's/^  \(--[a-z]*\)  .*/\1/p')
takers=$($usage | sed -n 's/^  \(--[a-z]*\) [A-Z].*/\1/p')
is_among() { printf '%s\n' "$2" | grep -qxF -e "$1"; }

given=$#
while [ "$given" -gt 0 ]; do
    argument=$1 option=${1%%=*}
    shift
    given=$((given - 1))
    if [ "$argument" = -h ] || [ "$argument" = --help ]; then
        race_usage
        kernels_usage
        exit 0
    elif is_among "$option" "$takers"; then
        if [ "$option" != "$argument" ]; then
            value=${argument#*=}
        elif [ "$given" -gt 0 ]; then
            value=$1
            shift
            given=$((given - 1))
        else
            refuse "a value is missing after $option"
        fi
        need_value "$option" "$value"
        if [ "$opponent" = kernels ]; then set -- "$@" "$option"; else value=$option=$value; fi
        set -- "$@" "$value"
        continue
    elif is_among "$argument" "$flags"; then
        if [ "$argument" = --debian ]; then choose debian; fi
    elif [ "$opponent" = kernels ] && [ "${argument#-}" = "$argument" ]; then
        filters=$((filters + 1)) # the first is the word "kernels"
        [ $filters -le 2 ] || refuse "kernels takes one FILTER; $argument is a second"
    else
        refuse "there is no option $argument"
    fi
    set -- "$@" "$argument"
done
