#!/bin/sh
# What a newcomer meets: a bare Debian 12 (no compiler, nothing but git), a clone of the current commit, and the command
# that the README says to type. For people, not for continuous integration; needs root, debootstrap and a Debian mirror.
#
#   usage: test_fresh.sh COMMAND      test_fresh.sh './run demo'
#
# Uncommitted changes are not part of it. apt works in there as it does out here: its sources, keys and proxies are brought over.
set -eu
[ $# = 1 ] || { sed -n '/usage/s/^# *//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "test_fresh.sh: needs root, for debootstrap and chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "test_fresh.sh: install debootstrap first" >&2; exit 1; }

suite=bookworm
root=$(mktemp -d "${TMPDIR:-/var/tmp}/fresh.XXXXXX")
chmod 755 "$root" # apt reads its files as another user
finish() {
    status=$?
    trap - EXIT
    awk -v root="$root/" 'index($2, root) == 1 { print $2 }' /proc/mounts | sort -r | while read -r place; do
        umount "$place" || umount -l "$place"
    done
    # Never remove through a mount that would not go away.
    if grep -qF " $root/" /proc/mounts; then
        echo "test_fresh.sh: still mounted, so left in place: $root" >&2
    else
        rm -rf "$root" "$root.log"
    fi
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# The mirror that this machine's apt takes the suite from; debootstrap has a default when there is none.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME)' 2>/dev/null |
    awk -v suite=$suite '$2 == suite || $3 == suite { print $1; exit }')
echo "test_fresh.sh: making a bare $suite in $root"
debootstrap --variant=minbase --include=git,ca-certificates "$suite" "$root" $mirror >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" "$root/debootstrap/debootstrap.log" >&2; rm -f "$root.log"; exit 1; }
rm -f "$root.log"

# Only the sources of Debian itself, and the settings that say how to reach them.
rm -f "$root/etc/apt/sources.list"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || ! grep -q "$suite-security\|$suite main\|$suite $suite-\|Suites:.* $suite" "$file" ||
        install -D -m 644 "$file" "$root$file"
done
[ -f "$root/etc/apt/sources.list" ] || [ -n "$(ls "$root/etc/apt/sources.list.d" 2>/dev/null)" ] ||
    echo "deb ${mirror:?no mirror} $suite main" >"$root/etc/apt/sources.list"
settings=$(grep -lE 'Acquire::(http|https|Check-|Retries|ForceIPv)' /etc/apt/apt.conf /etc/apt/apt.conf.d/* 2>/dev/null) || true
for file in $settings /etc/apt/auth.conf /etc/apt/auth.conf.d/* \
    /usr/share/keyrings/debian-* /etc/ssl/certs/ca-certificates.crt /etc/resolv.conf /etc/hosts; do
    [ ! -f "$file" ] || install -D -m 644 "$file" "$root$file"
done

git clone -q --no-local . "$root/root/tessera"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"

# A clean environment but for proxies.
set -- "$1" HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
for name in http_proxy https_proxy no_proxy; do
    value=$(printenv $name) && set -- "$@" "$name=$value" || true
done
typed=$1
shift
echo "test_fresh.sh: git clone, then $typed"
env -i "$@" chroot "$root" sh -c "cd /root/tessera && $typed"
echo "test_fresh.sh: it works"
