# SPDX-License-Identifier: MIT OR Unlicense
"""libasm-session from Python: everything in asm-session.json as ctypes. `make shared` builds both.

    asm = Library("build")
    asm.asm_version(), asm.ASM_ERR_SYNTAX, asm.asm_event, asm.text(some_asm_str)

Functions, structs, callbacks and constants have their C names. Unnamed members of unions are reached directly. A callback
must be kept by the caller for as long as C may call it. Views (asm_str) given to C must outlive their use there.
"""
import ctypes
import json
import os

BASE = {
    "void": None, "bool": ctypes.c_bool, "char": ctypes.c_char, "unsigned char": ctypes.c_ubyte,
    "unsigned short": ctypes.c_ushort, "int": ctypes.c_int, "unsigned": ctypes.c_uint, "double": ctypes.c_double,
    "size_t": ctypes.c_size_t, "int64_t": ctypes.c_int64, "uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64,
}


class Library:
    def __init__(self, folder, description=None):
        with open(description or os.path.join(folder, "asm-session.json"), encoding="utf-8") as file:
            api = json.load(file)
        self.types = dict(BASE)
        for enum in api["enums"]:
            # C makes one without negative values unsigned.
            kind = ctypes.c_int if any(value["value"] < 0 for value in enum["values"]) else ctypes.c_uint
            self.types[enum["name"]] = kind
            for value in enum["values"]:
                setattr(self, value["name"], value["value"])
        for constant in api["constants"]:
            setattr(self, constant["name"], constant["value"])
        for alias in api["aliases"]:
            self.types[alias["name"]] = BASE[alias["type"]]
        self.structs = {struct["name"]: struct for struct in api["structs"]}
        self.callbacks = {callback["name"]: callback for callback in api["callbacks"]}
        for name in self.structs:
            self.types[name] = type(name, (ctypes.Structure,), {})
        for name in list(self.structs) + list(self.callbacks):
            setattr(self, name, self.complete(name))
        library = ctypes.CDLL(os.path.join(folder, "libasm-session.so"))
        for function in api["functions"]:
            call = getattr(library, function["name"])
            call.restype = self.find(function["returns"])
            call.argtypes = [self.parameter(parameter) for parameter in function["parameters"]]
            setattr(self, function["name"], call)

    def find(self, spelled):
        """The ctypes type for a type in C."""
        if isinstance(spelled, dict):
            return ctypes.CFUNCTYPE(self.find(spelled["returns"]), *map(self.parameter, spelled["parameters"]))
        words = spelled.replace("const ", " ").replace("*", " * ").split()
        words = [word for word in words if word not in ("const", "struct", "union", "enum")]
        stars = words.count("*")
        name = " ".join(word for word in words if word != "*")
        if stars == 0:
            return self.complete(name)
        if name == "char" and stars == 1:
            return ctypes.POINTER(ctypes.c_char)
        inner = self.types.get(name)
        if inner is None:  # void *, and structs that only the library knows
            inner, stars = ctypes.c_void_p, stars - 1
        for _ in range(stars):
            inner = ctypes.POINTER(inner)
        return inner

    def parameter(self, parameter):
        """What stands between the brackets is a pointer."""
        kind = self.find(parameter["type"])
        if "length" in parameter:
            return ctypes.POINTER(kind)
        return ctypes.c_char_p if parameter["type"] == "const char *" else kind

    def complete(self, name):
        """Gives a struct its members, after those of the structs in it."""
        if name in self.callbacks:
            if name not in self.types:
                self.types[name] = self.find({key: self.callbacks[name][key] for key in ("returns", "parameters")})
            return self.types[name]
        kind = self.types[name]
        if name in self.structs and not hasattr(kind, "_fields_") and not self.structs[name]["opaque"]:
            self.set_members(kind, self.structs[name]["members"])
        return kind

    def set_members(self, kind, members):
        fields, unnamed = [], []
        for number, member in enumerate(members):
            name = member.get("name", f"unnamed_{number}")
            if "kind" in member:
                inner = type(name, (ctypes.Union if member["kind"] == "union" else ctypes.Structure,), {})
                self.set_members(inner, member["members"])
                if "name" not in member:
                    unnamed.append(name)
            else:
                inner = self.find(member["type"])
            for length in reversed(member["length"] if isinstance(member.get("length"), list) else [member.get("length")]):
                inner = inner * length if length is not None else inner
            fields.append((name, inner))
        kind._anonymous_ = unnamed
        kind._fields_ = fields

    def text(self, view):
        """The text of an asm_str; None if it is absent."""
        return ctypes.string_at(view.data, view.size).decode() if view.data else None
