# For Conan 2, in the folder of a release: conan create packaging/conan
import os

from conan import ConanFile
from conan.tools.files import copy
from conan.tools.layout import basic_layout


class AsmSession(ConanFile):
    name = "asm-session"
    version = "0.1.0"
    description = "Single-header C libraries for AI-agent sessions"
    license = "MIT OR Unlicense"
    topics = ("agent", "session", "json", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    def export_sources(self):
        top = os.path.join(self.recipe_folder, "..", "..")
        for pattern in ("asm_*.h", "LICENSE"):
            copy(self, pattern, top, self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def package(self):
        copy(self, "asm_*.h", self.source_folder, os.path.join(self.package_folder, "include"))
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "asm-session")
        self.cpp_info.set_property("cmake_target_name", "asm-session::asm-session")
        self.cpp_info.set_property("pkg_config_name", "asm-session")
