#!/bin/sh
# The rules between source files that a compiler does not check; ./run check runs it.
#
#   usage: check_layers.sh [ROOT]        report violations, one a line; exit 1 if there are any
#          check_layers.sh --self-test   plant one violation of each kind and see it reported
#
# 1. A file includes its own layer and lower ones; base is the lowest:
#      cli > models > dist data io vision optim distributions nn > autograd > op > backend > tensor > base
#    The seven in the middle may use each other, but not in a circle. A public header that belongs to a layer counts as it.
# 2. cli and src/models include public headers and their own folder's, and nothing else of ours.
# 3. Nothing in src/ ends the process (abort, exit, assert, raise, kill, a trap) or jumps out of functions, and nothing but
#    src/base/alloc.c calls malloc and its family.
# 4. File names under src/ are unique.
# Files above 800 lines are named as a warning.
set -eu

check() {
    cd "$1"
    find src include cli -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \) 2>/dev/null | sort | awk '
    function report(text) { print text; bad = 1 }

    # The layer of a file: the folder under src/, or cli. Of a public header: what its name says; most belong to any.
    function layer(path,    part) {
        split(path, part, "/")
        if (part[1] == "src") return part[3] == "" ? "" : part[2]
        if (part[1] == "cli") return "cli"
        if (path in generated) return "op"
        sub(/\.h$/, "", part[3])
        if (part[3] == "ops" || part[3] == "call") return "op"
        if (part[3] == "tessera") return "models" # includes them all
        return part[3] in rank ? part[3] : ""
    }
    function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
    function public(path) { return path ~ /^include\// }

    function check_include(path, number, name, quoted,    target, from, to, where) {
        where = path ":" number ": "
        if (!quoted) {
            if (name !~ /^tessera\//) return # a system header
            target = "include/" name
        } else if ((folder(path) "/" name) in known) target = folder(path) "/" name
        else if (("src/" name) in known) target = "src/" name
        else target = name in generated ? name : "include/" name
        if (!(target in known) && !(target in generated)) {
            report(where "\"" name "\" is not a file of ours (system headers go in <>)")
            return
        }
        from = layer(path); to = layer(target)
        if (public(path) && !public(target)) report(where "a public header includes the internal " name)
        if ((from == "cli" || from == "models") && !public(path) && !public(target) && folder(path) != folder(target))
            report(where from " may include public headers only, not " name)
        if (from == "" || to == "" || from == to || path == "include/tessera/tessera.h") return
        if (rank[to] > rank[from]) report(where from " must not include " to " (" name "), which is above it")
        else if (rank[to] == rank[from] && !((from, to) in edge)) { edge[from, to] = where; peers[from]; peers[to] }
    }

    # The line without comments and the insides of strings; in_comment is carried from line to line.
    function code(line,    out) {
        out = ""
        while (line != "") {
            if (in_comment) {
                if (!(i = index(line, "*/"))) return out
                line = substr(line, i + 2); in_comment = 0
                continue
            }
            if (!match(line, /"|\047|\/\/|\/\*/)) return out line
            out = out substr(line, 1, RSTART - 1)
            token = substr(line, RSTART, RLENGTH)
            line = substr(line, RSTART)
            if (token == "//") return out
            if (token == "/*") { in_comment = 1; line = substr(line, 3); continue }
            if (!match(line, token == "\"" ? "^\"([^\"\\\\]|\\\\.)*\"" : "^\047([^\047\\\\]|\\\\.)*\047")) return out
            line = substr(line, RLENGTH + 1)
            out = out token token
        }
        return out
    }

    # Whether the line calls one of these functions; a member of a struct of the same name is another thing.
    function calls(text, names) { return match(text, "(^|[^A-Za-z0-9_.>])(" names ")[ \t]*\\(") }

    function scan(path,    line, number, text, internal) {
        number = 0; in_comment = 0; internal = path ~ /^src\//
        while ((getline line < path) > 0) {
            number++
            if (line ~ /^[ \t]*#[ \t]*include[ \t]*[<"]/) {
                text = line
                sub(/^[ \t]*#[ \t]*include[ \t]*/, "", text)
                quoted = substr(text, 1, 1) == "\""
                text = substr(text, 2)
                sub(/[>"].*/, "", text)
                check_include(path, number, text, quoted)
                continue
            }
            if (!internal) continue
            text = code(line)
            if (calls(text, ending)) report(path ":" number ": the library must not end the process: " line)
            # libjpeg wants its error handler not to return, and offers no other way out.
            if (path != "src/io/jpeg.c" && calls(text, jump))
                report(path ":" number ": errors are returned, not jumped out of: " line)
            if (path != "src/base/alloc.c" && calls(text, memory))
                report(path ":" number ": memory comes from tsr_alloc and goes to tsr_free: " line)
        }
        close(path)
        if (number > 800) print path ": warning: " number " lines; is it two files?"
    }

    # Peers in a circle: take away, again and again, those that use no other; what is left is a circle or leads into one.
    function check_circle(    again, p, q, uses, left) {
        for (again = 1; again; ) {
            again = 0
            for (p in peers) {
                if (peers[p] == "gone") continue
                uses = 0
                for (q in peers) if (peers[q] != "gone" && ((p, q) in edge)) uses++
                if (!uses) { peers[p] = "gone"; again = 1 }
            }
        }
        for (p in peers) for (q in peers)
            if (peers[p] != "gone" && peers[q] != "gone" && ((p, q) in edge))
                report(edge[p, q] p " includes " q ", and " q " includes " p ", directly or through others")
    }

    BEGIN {
        layers = split("base|tensor|backend|op|autograd|dist data io vision optim distributions nn|models|cli", level, "|")
        for (i = 1; i <= layers; i++) {
            n = split(level[i], name, " ")
            for (j = 1; j <= n; j++) rank[name[j]] = i
        }
        ending = "abort|exit|_exit|_Exit|quick_exit|assert|__builtin_trap|__builtin_abort|raise|kill"
        jump = "longjmp|siglongjmp|_longjmp"
        memory = "malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|aligned_alloc|posix_memalign"
        generated["op_gen.h"]; generated["include/tessera/ops.h"] # by genops, from the tables in src/op
    }
    { known[$0]; file[++files] = $0 }
    END {
        for (f = 1; f <= files; f++) {
            path = file[f]
            if (path ~ /^src\//) {
                split(path, part, "/")
                if (part[3] != "" && !(part[2] in rank)) report(path ": src/" part[2] " is not a layer")
                base = path; sub(/.*\//, "", base)
                if (base in first) report(path ": the name is taken by " first[base])
                else first[base] = path
            }
            scan(path)
        }
        check_circle()
        exit bad
    }'
}

# expect TEXT FILE LINE: with LINE in FILE the check fails and says TEXT; the file is removed again.
expect() {
    mkdir -p "$(dirname "$tree/$2")"
    printf '%s\n' "$3" >"$tree/$2"
    if output=$(check "$tree" 2>&1); then
        echo "not noticed: $3 in $2"
        failed=1
    elif ! printf '%s' "$output" | grep -qF -- "$1"; then
        printf 'expected "%s" for %s in %s, got:\n%s\n' "$1" "$3" "$2" "$output"
        failed=1
    fi
    rm "$tree/$2"
}

self_test() {
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    failed=
    for name in src/base src/tensor src/op src/nn src/optim src/io src/models cli include/tessera; do mkdir -p "$tree/$name"; done
    for name in tensor nn; do echo >"$tree/include/tessera/$name.h"; done
    for name in base/alloc tensor/tensor_impl nn/module models/vae; do echo >"$tree/src/$name.h"; done
    echo 'void *p(void) { return malloc(1); }' >"$tree/src/base/alloc.c"
    cat >"$tree/src/optim/fine.c" <<'END'
#include <stdlib.h>
#include "nn/module.h"
#include "op_gen.h"
#include "tessera/tensor.h"
/* free(p); and "quotes here, exit(1)
   abort(); */
static const char *text = "malloc(1) \" // exit(2)"; // calloc(1, 1)
void f(struct pool *p) { p->free(p); tsr_free(p); my_exit(1); }
END
    check "$tree" || { echo "a clean tree is refused"; failed=1; }

    expect 'base must not include tensor' src/base/a.c '#include "tensor/tensor_impl.h"'
    expect 'op must not include nn' src/op/a.c '#include <tessera/nn.h>'
    expect 'tensor must not include op' src/tensor/a.c '#include "op_gen.h"'
    expect 'tensor must not include nn' include/tessera/tensor.h '#include "tessera/nn.h"'
    echo >"$tree/include/tessera/tensor.h"
    expect 'includes the internal' include/tessera/b.h '#include "base/alloc.h"'
    expect 'models may include public headers only' src/models/a.c '#include "nn/module.h"'
    expect 'cli may include public headers only' cli/a.c '#include "models/vae.h"'
    echo >"$tree/src/optim/adam.h" # optim uses nn in fine.c, so this closes a circle
    expect 'nn includes optim' src/nn/a.c '#include "optim/adam.h"'
    expect 'not a file of ours' src/io/a.c '#include "png.h"'
    expect 'must not end the process' src/tensor/a.c 'void f(void) { abort (); }'
    expect 'must not end the process' src/tensor/a.c '/* a */ if (bad) exit(1);'
    expect 'must not end the process' src/tensor/a.c '    assert(n > 0);'
    expect 'must not end the process' src/tensor/a.c 'void f(void) { __builtin_trap(); }'
    expect 'must not end the process' src/tensor/a.c 'void f(void) { raise(SIGABRT); }'
    expect 'must not end the process' src/tensor/a.c 'void f(void) { kill(getpid(), SIGKILL); }'
    expect 'not jumped out of' src/tensor/a.c 'void f(void) { longjmp(escape, 1); }'
    expect 'memory comes from tsr_alloc' src/tensor/a.c 'char *s = strdup("x");'
    expect 'the name is taken by' src/op/alloc.h ''
    expect 'is not a layer' src/other/a.c ''
    [ -z "$failed" ] || exit 1
    echo "every planted violation is reported"
}

if [ "${1:-}" = --self-test ]; then
    self_test
else
    (check "${1:-$(dirname "$0")/..}") && echo "the layers hold"
fi
