"""The bill of materials against what CycloneDX 1.5 asks for, in words of our own: materials.py FILE TARBALL."""
import hashlib
import json
import re
import sys

place, tarball = sys.argv[1:]
bill = json.load(open(place))


def expect(condition, what):
    if not condition:
        sys.exit(f"{place}: {what}")


expect(set(bill) == {"bomFormat", "specVersion", "version", "metadata", "components", "dependencies"}, "other members")
expect((bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1), "another format")
expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bill["metadata"]["timestamp"]), "timestamp")
component = bill["metadata"]["component"]
expect(set(component) <= {"type", "bom-ref", "name", "version", "description", "licenses", "purl", "hashes",
                          "externalReferences", "author"}, "the component has unknown members")
expect(component["type"] == "library" and component["name"] == component["bom-ref"] == "asm-session", "type, name")
expect(tarball.endswith(f"/asm-session-{component['version']}.tar.gz"), "another version")
expect(component["purl"] == f"pkg:generic/asm-session@{component['version']}", "purl")
expect(component["licenses"] == [{"expression": "MIT OR Unlicense"}], "licences")
expect(component["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(open(tarball, "rb").read()).hexdigest()}], "hash")
for reference in component.get("externalReferences", []):
    expect(reference["type"] == "website" and re.match("https?://", reference["url"]), "the home page")
known = [component["bom-ref"]] + [part["bom-ref"] for part in bill["components"]]
expect([dependency["ref"] for dependency in bill["dependencies"]] == known, "a component without dependencies, or a reference to none")
