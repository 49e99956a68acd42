#!/bin/sh
# Runs test programs of a build on an emulated processor that has AVX-512 (Bochs, a Skylake-X), in the avx512 tier alone.
#
#   usage: emulate_avx512.sh BUILD TEST...
#   needs: apt-get install bochs busybox-static grub-pc-bin xorriso mtools cpio
#
# A CD is made of Debian's cloud kernel, which is downloaded and not installed, and of an initial file system that holds the
# programs and their libraries. It is some hundred times slower than the machine: a program that takes a second takes minutes.
# What they print is in BUILD/emulated/serial. Ends with 1 where a program failed or did not end.
set -eu
[ $# -ge 2 ] || {
    echo "usage: emulate_avx512.sh BUILD TEST..." >&2
    exit 2
}
build=$(cd "$1" && pwd)
shift
work=$build/emulated
root=$work/root
rm -rf "$work"
mkdir -p "$root/bin" "$root/lib64" "$root/tests" "$root/proc" "$root/tmp" "$work/cd/boot/grub"

kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
(cd "$work" && apt-get -q download "$kernel" && dpkg -x ./*.deb kernel)
cp "$work"/kernel/boot/vmlinuz-* "$work/cd/vmlinuz"

cp /bin/busybox "$root/bin"
ln -s busybox "$root/bin/sh"
for test in "$@"; do
    strip -o "$root/tests/$test" "$build/tests/$test"
    for library in $(ldd "$root/tests/$test" | grep -o '/[^ ]*'); do
        mkdir -p "$root${library%/*}"
        cp -L "$library" "$root$library"
    done
done
cat >"$root/init" <<END
#!/bin/sh
export PATH=/bin TSR_TEST_TIER=avx512 OMP_NUM_THREADS=1 LD_BIND_NOW=1
busybox mount -t proc proc /proc
busybox mount -t tmpfs tmpfs /tmp
failed=0
cd /tests
for test in $*; do
    echo "\$test"
    ./\$test 2>&1 || failed=\$((failed + 1))
done
echo "emulated: \$failed failed"
busybox sleep 5 # the last line's way out
busybox poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet >"$work/cd/initrd")

# Bochs' XSAVEC is wrong. Without it and XSAVES (321, 323) the kernel uses XSAVE; and the dynamic linker, which would save the
# arguments with it, looks symbols up before there are any.
cat >"$work/cd/boot/grub/grub.cfg" <<END
set timeout=0
menuentry tests {
    linux /vmlinuz console=ttyS0 quiet clearcpuid=321,323 mitigations=off
    initrd /initrd
}
END
grub-mkrescue -o "$work/cd.iso" "$work/cd" >"$work/mkrescue.log" 2>&1
cat >"$work/machine" <<END
cpu: model=corei7_skylake_x, ips=100000000
memory: guest=1024, host=1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path="$work/cd.iso", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev="$work/serial"
display_library: rfb, options="timeout=0"
sound: waveoutdrv=dummy
clock: sync=none
log: $work/log
panic: action=fatal
END
# Debian's Bochs has a debugger, which wants a terminal and to be told to continue. It ends with 1 when the machine is switched off.
echo c >"$work/continue"
script -qec "bochs -q -f '$work/machine' -rc '$work/continue'" /dev/null </dev/null >"$work/bochs.log" 2>&1 || true
cat "$work/serial"
grep -q '^emulated: 0 failed' "$work/serial"
