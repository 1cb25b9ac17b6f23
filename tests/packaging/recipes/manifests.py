"""Manifests of package managers against what their schemas ask for, in words of our own: manifests.py WORK, in the folder
of the source. WORK is an empty folder, where Conan's recipe packs what it would pack. CC compiles the program of its test."""
import glob
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import types

HEADERS = sorted(glob.glob("asm_*.h"))
VERSION = re.search(r"^VERSION *:= *(\S+)", open("Makefile").read(), re.M).group(1)
LICENCES = {"MIT", "Unlicense"}
wrong = []


def expect(condition, what):
    if not condition:
        wrong.append(what)


def is_text(value, longest=1000):
    return isinstance(value, str) and 0 < len(value) <= longest


def are_texts(value, pattern=".+"):
    return isinstance(value, list) and all(is_text(item) and re.fullmatch(pattern, item) for item in value)


def common(place, manifest, needed, known):
    """Members that there have to be, and those that there may be."""
    for name in needed:
        expect(name in manifest, f"{place}: no {name}")
    for name in manifest:
        expect(name in known, f"{place}: {name} is no member")
    for name in ("name", "description", "license"):
        expect(name not in manifest or is_text(manifest[name]), f"{place}: {name} is no text")
    expect(manifest.get("version") == VERSION, f"{place}: another version")
    ids = set(re.split(r" (?:OR|AND|WITH) ", manifest.get("license", "MIT")))
    expect(ids <= LICENCES, f"{place}: the licence is no SPDX expression of {LICENCES}")


def vcpkg(place):
    manifest = json.load(open(place))
    name = r"[a-z0-9]+(-[a-z0-9]+)*"
    common(place, manifest, ["name", "version"], {
        "name", "version", "port-version", "description", "summary", "homepage", "documentation", "license", "maintainers",
        "dependencies", "features", "default-features", "supports"})
    expect(re.fullmatch(name, manifest["name"]), f"{place}: the name has other characters than a-z, 0-9 and -")
    expect(manifest["name"] == os.path.basename(os.path.dirname(place)), f"{place}: the folder of a port has its name")
    for dependency in manifest.get("dependencies", []):
        if isinstance(dependency, str):
            dependency = {"name": dependency}
        expect(re.fullmatch(name, dependency.get("name", "")), f"{place}: a dependency without a name")
        expect(set(dependency) <= {"name", "host", "features", "default-features", "platform", "version>="},
               f"{place}: a dependency has an unknown member")
        expect(isinstance(dependency.get("host", False), bool), f"{place}: host is no boolean")


def platformio(place):
    manifest = json.load(open(place))
    common(place, manifest, ["name", "version", "keywords", "description", "license", "headers", "frameworks", "platforms"], {
        "name", "version", "description", "keywords", "homepage", "repository", "authors", "license", "frameworks",
        "platforms", "headers", "examples", "dependencies", "export", "scripts", "build"})
    expect(is_text(manifest["name"], 100) and not re.search("[:;/,@<>]", manifest["name"]), f"{place}: name")
    expect(are_texts(manifest["keywords"], r"[a-z\d\-+. ]{1,50}"), f"{place}: keywords")
    expect(manifest["headers"] and sorted(manifest["headers"]) == HEADERS, f"{place}: other headers")
    for name in ("frameworks", "platforms"):
        values = manifest[name] if isinstance(manifest[name], list) else [manifest[name]]
        expect(are_texts(values, r"[a-z\d\-_]{1,50}|\*"), f"{place}: {name}")
    build = manifest.get("build", {})
    expect(set(build) <= {"extraScript", "flags", "unflags", "includeDir", "srcDir", "srcFilter", "libCompatMode",
                          "libLDFMode", "libArchive", "builder"}, f"{place}: build has an unknown member")
    for name in ("includeDir", "srcDir"):
        expect(os.path.isdir(build.get(name, ".")), f"{place}: {name} is no folder")
    exported = set()
    for pattern in manifest.get("export", {}).get("include", []):
        expect(glob.glob(pattern), f"{place}: export.include: nothing is called {pattern}")
        exported |= set(glob.glob(pattern))
    expect(set(HEADERS) | {place, "LICENSE"} <= exported, f"{place}: not all is exported")


def clib(place):
    manifest = json.load(open(place))
    common(place, manifest, ["name", "version", "src"], {
        "name", "version", "repo", "description", "keywords", "license", "src", "dependencies", "development", "makefile",
        "install", "configure"})
    expect(are_texts(manifest["src"]) and sorted(manifest["src"]) == HEADERS, f"{place}: other headers")
    expect(are_texts(manifest.get("keywords", [])), f"{place}: keywords")
    expect(re.fullmatch("[^/]+/[^/]+", manifest.get("repo", "owner/name")), f"{place}: repo is OWNER/NAME")


def esp_idf(place, manifest):
    common(place, manifest, ["version"], {
        "version", "targets", "maintainers", "description", "license", "tags", "dependencies", "files", "examples", "url",
        "repository", "documentation", "issues", "discussion", "repository_info"})
    expect(re.fullmatch(r"\d+\.\d+\.\d+([-+~].*)?", str(manifest.get("version"))), f"{place}: version")
    for name, wanted in manifest.get("dependencies", {}).items():
        wanted = wanted if isinstance(wanted, dict) else {"version": wanted}
        expect(re.fullmatch(r"([a-z\d_-]+/)?[a-z\d_+-]+", name), f"{place}: a dependency's name")
        expect(re.fullmatch(r"\*|([<>=~^!]*\d[\d.]*,?)+", str(wanted.get("version", "*"))), f"{place}: the version of {name}")
    files = manifest.get("files", {})
    expect(set(files) <= {"use_gitignore", "include", "exclude"}, f"{place}: files has an unknown member")
    for pattern in files.get("exclude", []):
        folder = pattern.split("/")[0]
        expect(folder == "build" or os.path.isdir(folder), f"{place}: files.exclude: there is no {folder}")
        expect(not any(re.match(pattern.replace("**/*", ".*"), header) for header in HEADERS), f"{place}: headers are left out")
    expect("idf_component_register" in open("CMakeLists.txt").read(), "CMakeLists.txt does not register the component")


def zephyr(place, manifest):
    expect(set(manifest) <= {"name", "build", "tests", "samples", "boards", "blobs", "security", "package-managers", "runners"},
           f"{place}: an unknown member")
    build = manifest.get("build", {})
    expect(is_text(manifest.get("name")) and set(build) <= {"cmake", "kconfig", "depends", "settings"}, f"{place}: name, build")
    cmake = os.path.join(build.get("cmake", "zephyr"), "CMakeLists.txt")
    kconfig = build.get("kconfig", "zephyr/Kconfig")
    expect(os.path.isfile(cmake) and os.path.isfile(kconfig), f"{place}: no {cmake} or {kconfig}")
    option = re.search(r"^config (\w+)\n\tbool \"", open(kconfig).read(), re.M)
    expect(option and f"if(CONFIG_{option.group(1)})" in open(cmake).read(), f"{cmake} asks for another option than {kconfig} has")


class ConanFile:
    """What Conan 2 gives to a recipe, as far as ours asks for it."""
    class CppInfo:
        def __init__(self):
            self.bindirs, self.libdirs, self.properties = ["bin"], ["lib"], {}

        def set_property(self, name, value):
            self.properties[name] = value

    class Info:
        is_clear = False

        def clear(self):
            self.is_clear = True


def conan_modules():
    def copy(recipe, pattern, source, target):
        os.makedirs(target, exist_ok=True)
        names = glob.glob(os.path.join(source, pattern))
        for name in names:
            shutil.copy(name, target)
        return names

    def nothing(*arguments):
        return None

    for name, members in {"": {"ConanFile": ConanFile}, ".tools": {}, ".tools.files": {"copy": copy},
                          ".tools.layout": {"basic_layout": nothing}, ".tools.build": {"can_run": nothing},
                          ".tools.cmake": {"CMake": nothing, "cmake_layout": nothing}}.items():
        module = types.ModuleType("conan" + name)
        vars(module).update(members)
        sys.modules["conan" + name] = module


def load(place, name):
    spec = importlib.util.spec_from_file_location(name, place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def conan(folder, work):
    sys.dont_write_bytecode = True
    conan_modules()
    place = f"{folder}/conanfile.py"
    recipe = load(place, "recipe").AsmSession()
    expect(re.fullmatch(r"[a-z0-9_][a-z0-9_+.-]{1,100}", recipe.name), f"{place}: name")
    expect(recipe.version == VERSION, f"{place}: another version")
    expect(set(recipe.license.split(" OR ")) == LICENCES, f"{place}: another licence")
    expect(recipe.package_type == "header-library" and recipe.no_copy_source, f"{place}: the type of package")
    expect(isinstance(recipe.topics, tuple) and is_text(recipe.description), f"{place}: topics, description")
    expect(set(recipe.settings) <= {"os", "arch", "compiler", "build_type"}, f"{place}: settings")
    recipe.recipe_folder = os.path.abspath(folder)
    recipe.source_folder = recipe.export_sources_folder = os.path.join(work, "source")
    recipe.package_folder = os.path.join(work, "package")
    recipe.info, recipe.cpp_info = ConanFile.Info(), ConanFile.CppInfo()
    for step in (recipe.export_sources, recipe.layout, recipe.package, recipe.package_id, recipe.package_info):
        step()
    packed = [sorted(os.listdir(os.path.join(work, "package", name))) for name in ("include", "licenses")]
    expect(packed == [HEADERS, ["LICENSE"]], f"{place}: packs {packed}")
    expect(recipe.info.is_clear, f"{place}: the package's id depends on the compiler")
    expect(recipe.cpp_info.bindirs == recipe.cpp_info.libdirs == [], f"{place}: folders that are not there")
    expect(recipe.cpp_info.properties.get("cmake_target_name") == "asm-session::asm-session", f"{place}: CMake's target")
    load(f"{folder}/test_package/conanfile.py", "test_recipe")
    program = os.path.join(work, "program")
    compiler = os.environ.get("CC", "cc").split()
    subprocess.check_call(compiler + [f"-I{work}/package/include", f"{folder}/test_package/program.c", "-o", program])
    subprocess.check_call([program])


def main():
    vcpkg("packaging/vcpkg/asm-session/vcpkg.json")
    platformio("library.json")
    clib("clib.json")
    try:
        import yaml
        esp_idf("idf_component.yml", yaml.safe_load(open("idf_component.yml")))
        zephyr("zephyr/module.yml", yaml.safe_load(open("zephyr/module.yml")))
    except ImportError:
        print("skipped: idf_component.yml, zephyr/module.yml: Python has no yaml")
    conan("packaging/conan", sys.argv[1])
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
