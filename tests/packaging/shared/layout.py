"""Whether the description has every struct as the compiler has it: layout.py BUILD writes a program that prints sizes and
offsets; layout.py BUILD OUTPUT compares what it printed with ctypes."""
import ctypes
import sys

sys.path.insert(0, "examples/bindings")
from asm_session import Library  # noqa: E402

asm = Library(sys.argv[1])
rows = []
for name, struct in sorted(asm.structs.items()):
    kind = asm.types[name]
    if struct["opaque"] or name.startswith("asm__"):
        continue
    rows.append((f"sizeof({name})", ctypes.sizeof(kind)))
    for member in struct["members"]:
        if "name" in member:
            rows.append((f"offsetof({name}, {member['name']})", getattr(kind, member["name"]).offset))
if len(sys.argv) == 2:
    print('#include <stddef.h>\n#include <stdio.h>')
    print("\n".join(f'#include "{header}"' for header in sys.stdin.read().split()))
    print("int main(void) {")
    for expression, _ in rows:
        print(f'    printf("%zu {expression}\\n", {expression});')
    print("    return 0;\n}")
else:
    with open(sys.argv[2], encoding="utf-8") as file:
        measured = [line.split(" ", 1) for line in file.read().splitlines()]
    wrong = [(size, expression, ours) for (size, expression), (_, ours) in zip(measured, rows) if int(size) != ours]
    for size, expression, ours in wrong:
        print(f"{expression} is {size}, not {ours}")
    print(f"{len(measured)} sizes and offsets")
    sys.exit(1 if wrong or len(measured) != len(rows) or len(rows) < 500 else 0)
