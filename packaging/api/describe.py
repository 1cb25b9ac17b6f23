#!/usr/bin/env python3
"""Prints the API as JSON, for those who make bindings: python3 packaging/api/describe.py FLAT-HEADER

{"name", "version", "headers":  [{"name", "purpose"}],
 "constants": [{"name", "value"}],                      numbers and texts
 "enums":     [{"name", "doc", "values": [{"name", "value", "doc"}]}],
 "structs":   [{"name", "doc", "opaque", "members": [MEMBER]}],
 "callbacks": [{"name", "doc", "returns", "parameters": [PARAMETER]}],
 "aliases":   [{"name", "type", "doc"}],
 "functions": [{"name", "header", "section", "doc", "returns", "parameters": [PARAMETER]}]}
PARAMETER: {"name", "type"}. MEMBER: the same with "doc", "access" ("private", "read only" or "public"), and "length" for
an array; of an unnamed struct or union {"kind": "struct" or "union", "members"} instead of "type". The type of a pointer
to a function is {"returns", "parameters"}. Other types are C, with one blank between words and none before a star.
"""
import json
import re
import sys

TOKEN = re.compile(r'/\*.*?\*/|"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|-?\d\w*|\.\.\.|<<|[^\s\w]', re.S)

C_WORDS = ("unsigned", "signed", "char", "short", "int", "long", "double", "float")


class Reader:
    def __init__(self, text):
        self.tokens = []
        for match in TOKEN.finditer(text):
            begin = text.count("\n", 0, match.start())
            self.tokens.append((match.group(), begin, begin + match.group().count("\n")))
        self.at = 0
        self.names = {}  # of enumerators and constants
        self.doc = ""
        self.last_line = -1

    def peek(self):
        """The next token that is no comment; comments before it become the documentation of what follows."""
        while self.at < len(self.tokens) and self.tokens[self.at][0].startswith("/*"):
            self.doc = clean(self.tokens[self.at][0])
            self.at += 1
        return self.tokens[self.at][0] if self.at < len(self.tokens) else None

    def take(self, expected=None):
        token = self.peek()
        if token is None or (expected is not None and token != expected):
            before = " ".join(text for text, _, _ in self.tokens[max(self.at - 12, 0):self.at])
            raise SystemExit(f"{expected} expected, not {token}, after: {before}")
        self.last_line = self.tokens[self.at][2]
        self.at += 1
        return token

    def has(self, token):
        if self.peek() != token:
            return False
        self.take()
        return True

    def documentation(self):
        doc, self.doc = self.doc, ""
        return doc

    def trailing(self):
        """The comment behind what was read last, on its line."""
        if self.at < len(self.tokens) and self.tokens[self.at][0].startswith("/*") and self.tokens[self.at][1] == self.last_line:
            self.at += 1
            return clean(self.tokens[self.at - 1][0])
        return ""

    def number(self):
        """The value of a constant expression: integers, names, | << + - * and brackets."""
        words = []
        depth = 0
        while depth > 0 or self.peek() not in (",", "}", "]", None):
            token = self.take()
            depth += (token == "(") - (token == ")")
            if token in self.names:
                token = str(self.names[token])
            words.append(re.sub(r"(?<=\d)[uUlL]+$", "", token))
        expression = " ".join(words)
        if not re.fullmatch(r"[\s0-9a-fA-Fx()|<+*-]+", expression):
            raise SystemExit(f"no constant: {expression}")
        return eval(expression)  # digits and signs only, as was just checked


def clean(comment):
    lines = [re.sub(r"^\s*\*? ?", "", line) for line in comment[2:-2].split("\n")]
    return "\n".join(line.rstrip() for line in lines).strip()


def spelled(words):
    return re.sub(r" ?\*", "*", " ".join(words)).replace("*", " *", 1).replace("*const*", "*const *")


def read_type(reader):
    """Words and stars up to the name."""
    words = []
    named = False
    while True:
        token = reader.peek() or ""
        if token in ("*", "const", "struct", "union", "enum"):
            words.append(reader.take())
        elif token in C_WORDS or (not named and re.match(r"[A-Za-z_]", token)):
            named = True
            words.append(reader.take())
        else:
            return words


def read_parameters(reader):
    reader.take("(")
    parameters = []
    while not reader.has(")"):
        words = read_type(reader)
        if words == ["void"] and reader.peek() == ")":
            continue
        parameters.append(read_name(reader, words))
        reader.has(",")
    return parameters


def read_name(reader, words):
    """What follows a type: NAME, NAME[N], or (*NAME)(PARAMETERS)."""
    if reader.has("("):
        reader.take("*")
        name = reader.take()
        reader.take(")")
        return {"name": name, "type": {"returns": spelled(words), "parameters": read_parameters(reader)}}
    result = {"name": "" if reader.peek() in (",", ")") else reader.take(), "type": spelled(words)}
    lengths = []
    while reader.has("["):
        lengths.append(reader.number() if reader.peek() != "]" else 0)
        reader.take("]")
    if lengths:
        result["length"] = lengths[0] if len(lengths) == 1 else lengths
    return result


def access(doc):
    found = re.match(r"(private|read only)\b", doc)
    return found.group(1) if found else "public"


def read_members(reader):
    members = []
    reader.take("{")
    private = False
    while not reader.has("}"):
        reader.has("__extension__")
        before = reader.documentation()
        if reader.peek() in ("struct", "union") and reader.tokens[reader.at + 1][0] == "{":
            member = {"kind": reader.take()}
            member["members"] = read_members(reader)
            if reader.peek() != ";":
                named = read_name(reader, [])
                del named["type"]
                member.update(named)
            reader.take(";")
            member["doc"] = reader.trailing() or before
            members.append(member)
            continue
        words = read_type(reader)
        declared = []
        while not declared or reader.has(","):
            stars = ["*"] if declared and reader.has("*") else []
            declared.append(read_name(reader, words + stars))
        reader.take(";")
        doc = reader.trailing() or before
        reader.doc = ""
        private = private or doc.startswith("private, all")
        for member in declared:
            member.update(doc=doc, access="private" if private else access(doc))
        members += declared
    return members


def read_enumerators(reader):
    values = []
    value = -1
    reader.take("{")
    while not reader.has("}"):
        before = reader.documentation()
        name = reader.take()
        value = reader.number() if reader.has("=") else value + 1
        reader.has(",")
        reader.names[name] = value
        values.append({"name": name, "value": value, "doc": reader.trailing() or before})
        reader.doc = ""
    return values


def read_typedef(reader, api, doc):
    word = reader.peek()
    if word == "enum":
        reader.take()
        if reader.peek() != "{":
            reader.take()
        values = read_enumerators(reader)
        api["enums"].append({"name": reader.take(), "doc": doc, "values": values})
    elif word == "struct" and reader.tokens[reader.at + 2][0] == "{":
        reader.take()
        reader.take()
        members = read_members(reader)
        add_struct(api, reader.take(), doc, members)
    else:
        words = read_type(reader)
        item = read_name(reader, words)
        if isinstance(item["type"], dict):
            api["callbacks"].append({"name": item["name"], "doc": doc, **item["type"]})
        elif words[0] == "struct":
            add_struct(api, item["name"], doc, None)
        else:
            api["aliases"].append({**item, "doc": doc})
    reader.take(";")


def add_struct(api, name, doc, members):
    """A struct that is declared first and defined later is one."""
    for struct in api["structs"]:
        if struct["name"] == name:
            break
    else:
        struct = {"name": name, "doc": "", "opaque": True, "members": []}
        api["structs"].append(struct)
    struct["doc"] = struct["doc"] or doc
    if members is not None:
        struct.update(opaque=False, members=members)


def describe(text):
    api = {"name": "asm-session", "version": re.search(r'#define ASM_VERSION "(.*)"', text).group(1),
           "headers": [], "constants": [], "enums": [], "structs": [], "callbacks": [], "aliases": [], "functions": []}
    constants = {}
    for name, value in re.findall(r"^#define (ASM_\w+) (.+)$", text, re.M):
        constants[name] = json.loads(value) if value.startswith('"') else int(re.sub("[uUlL]+$", "", value), 0)
        api["constants"].append({"name": name, "value": constants[name]})
    reader = Reader("\n".join("" if line.startswith("#") else line
                              for line in re.sub(r'#ifdef __cplusplus\n.*?#endif', "", text, flags=re.S).split("\n")))
    reader.names.update(constants)
    section = doc = ""
    while reader.at < len(reader.tokens):
        token = reader.tokens[reader.at][0]
        if token.startswith("/*"):
            comment = clean(token)
            header = re.match(r"(asm_\w+\.h) - (.*)", comment)
            if header:
                api["headers"].append({"name": header.group(1), "purpose": header.group(2)})
            elif comment.startswith("="):
                section = comment.split("\n")[1]
            else:
                reader.doc = comment
            reader.at += 1
            continue
        # What stands on the next line, without documentation of its own, has that of the line before.
        if reader.doc == "" and reader.tokens[reader.at][1] == reader.last_line + 1:
            reader.doc = doc
        doc = reader.documentation()
        if reader.has("typedef"):
            read_typedef(reader, api, doc)
        elif token == "enum" and reader.tokens[reader.at + 1][0] == "{":
            reader.take()
            api["enums"].append({"name": "", "doc": doc, "values": read_enumerators(reader)})
            reader.take(";")
        elif token == "struct" and reader.tokens[reader.at + 2][0] == "{":
            reader.take()
            name = reader.take()
            add_struct(api, name, doc, read_members(reader))
            reader.take(";")
        elif token == "struct" and reader.tokens[reader.at + 2][0] == ";":
            reader.take()
            add_struct(api, reader.take(), doc, None)
            reader.take(";")
        else:
            words = read_type(reader)
            name = reader.take()
            api["functions"].append({"name": name, "header": api["headers"][-1]["name"], "section": section, "doc": doc,
                                     "returns": spelled(words), "parameters": read_parameters(reader)})
            reader.take(";")
        reader.doc = ""
    return api


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        json.dump(describe(file.read()), sys.stdout, indent=1, ensure_ascii=False)
    print()
