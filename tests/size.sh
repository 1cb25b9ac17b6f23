#!/bin/sh
# Prints what the code that each tests/size/*.c reaches from probe() weighs, optimised for size and without the C
# library: sh tests/size.sh. On a Cortex-M4, or the core that its first line names: /* core: cortex-m0 */
# None may be larger than tests/size/budget.txt says: NAME CODE-AND-CONSTANTS VARIABLES, in bytes.
set -u
cc=$(FETCH=no sh tests/dependencies.sh arm-none-eabi-gcc 2>/dev/null) || {
    echo "skipped: $(sh tests/hint.sh arm-none-eabi-gcc), or 450 MB without root:" \
        "sh tests/dependencies.sh arm-none-eabi-gcc"
    exit 0
}
out=${BUILD:-build}/size
mkdir -p "$out" || exit
rm -f "$out"/*.o
for source in tests/size/*.c; do
    [ -f "$source" ] || { echo "skipped: there is no tests/size/*.c"; exit 0; }
    core=$(sed -n '1s/.*core: *\([a-z0-9+-]*\).*/\1/p' "$source")
    # A fetched compiler looks for the C library's headers where they would be installed.
    "$cc" -std=c99 -mcpu="${core:-cortex-m4}" -mthumb -Os -ffunction-sections -fdata-sections -I. \
        -isystem "${cc%/bin/*}/include/newlib" -c "$source" -o "$out/all.o" || exit
    "${cc%gcc}ld" -r --gc-sections -e probe "$out/all.o" -o "$out/$(basename "$source" .c).o" || exit
done
rm -f "$out/all.o"
"${cc%gcc}size" "$out"/*.o | awk '
    FNR == NR { code[$1] = $2; variables[$1] = $3; next }
    { print }
    FNR > 1 { name = $6; sub(/.*\//, "", name); sub(/\.o$/, "", name)
              if (!(name in code)) { print name ": no budget in tests/size/budget.txt"; over = 1 }
              else if ($1 > code[name] || $2 + $3 > variables[name]) {
                  print name ": over its budget of " code[name] " and " variables[name] " bytes"; over = 1 } }
    END { exit over }' tests/size/budget.txt -
