#!/bin/sh
# No AVX instruction outside the objects of an ISA's kernels: isa_leak.sh ROOT BUILD.
cd "$2" || exit 2
command -v objdump >/dev/null || { echo "!! no objdump: SKIPPED"; exit 77; }
objects=$(find base archive dataset engine cache report pipeline tui cli -name '*.o' 2>/dev/null |
    grep -vE '/kern_(avx|vnni|bf16)[a-z0-9]*\.dir/')
[ -n "$objects" ] || { echo "!! nothing is built in $2: SKIPPED"; exit 77; }
fail=0
for object in $objects; do
    # Every AVX mnemonic begins with a v; so do three old system instructions.
    if objdump -d --no-show-raw-insn "$object" | grep -m 3 -P '^\s*[0-9a-f]+:\s+v(?!err|erw|m[a-z]+\s*$)'; then
        echo "$object: AVX outside of its kernels"
        fail=1
    fi
done
exit $fail
