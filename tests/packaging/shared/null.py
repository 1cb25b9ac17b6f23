"""NULL for every pointer: null.py BUILD writes a program that calls each function of the shared library so, in a process of
its own, and names those that end it."""
import json
import sys

functions = json.load(open(sys.argv[1] + "/asm-session.json"))["functions"]
print("""#include "asm-session.h"
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
""")
table = []
for function in functions:
    parameters = function["parameters"]
    if not any(parameter["type"].endswith("*") for parameter in parameters):
        continue
    name = function["name"]
    print(f"static void call_{name}(void) {{")
    for parameter in parameters:
        print(f"    {parameter['type']} {parameter['name']}_;\n    memset(&{parameter['name']}_, 0, sizeof {parameter['name']}_);")
    print(f"    {name}({', '.join(parameter['name'] + '_' for parameter in parameters)});\n}}\n")
    table.append(f'    {{"{name}", call_{name}}},')
print("static const struct {\n    const char *name;\n    void (*call)(void);\n} calls[] = {\n" + "\n".join(table) + "\n};")
print("""
int main(void) {
    int failed = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            calls[i].call();
            _exit(0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) failed = printf("%s() with NULL: status %d\\n", calls[i].name, status);
    }
    return failed != 0;
}""")
