# Golden tests: each file holds its commands (RUN lines) and what FileCheck must find in their
# output. Parameters come from tests/golden/CMakeLists.txt.
import shutil

import lit.formats

config.name = "golden"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".tn", ".test"]
config.excludes = ["Inputs"]
config.test_exec_root = lit_config.params["exec_root"]
config.substitutions += [
    ("%tenon", lit_config.params["tenon"]),
    ("%examples", lit_config.params["examples"]),
    ("FileCheck", lit_config.params["filecheck"]),
    (r"\bnot\b", lit_config.params["not"]),
]
# A graph of five ops at most; a number of rows at which work is split among threads.
config.substitutions += [
    ("%few", "sh -c 'test $(grep -c \" = [a-z_]*(\" $0) -le 5'"),
    ("%n", "--extent n=96"),
]
if shutil.which("gdb"):
    config.available_features.add("gdb")
if "fashion_mnist" in lit_config.params:
    config.available_features.add("fashion_mnist")
    config.substitutions.append(("%fashion_mnist", lit_config.params["fashion_mnist"]))
