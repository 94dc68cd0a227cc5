#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The checks themselves: each finds what it is for, and lets the right thing pass."""
import os
import tempfile
import unittest

import check_api
import check_circles
import check_layers
import check_memory_order
import check_named_tests
import check_options
import check_signals
import check_text
import check_version

LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
UNFINISHED = "TO" + "DO"


class Checks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(dir=os.getcwd())
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def problems(self, check):
        problems, checked = check.check(self.folder.name)
        self.assertGreater(checked, 0)
        return problems

    def assert_found(self, check, *texts):
        problems = self.problems(check)
        self.assertEqual(len(problems), len(texts), problems)
        for text, problem in zip(texts, problems):
            self.assertIn(text, problem)

    def test_a_struct_without_a_pin_or_room_or_name_is_found(self):
        self.write(
            "core/include/otlpipe/data.h",
            "struct otlp_new {\n\tconst char *a, *b;\n\tunion { int c; } d;\n};\n"
            "enum otlp_error { OTLP_ERR_NEW = -1 };\n",
        )
        self.write("python/src/module.c", '{"NEW", OTLP_ERR_NEW}\n')
        self.write("python/src/otlpipe/_native.pyi", "OLD: int\n")
        self.write("tests/headers/abi.c", "SIZE(struct otlp_new, 24);\nOFFSET(otlp_new, a, 0);\n")
        self.assert_found(
            check_api,
            "OFFSET(otlp_new, b, ",
            "SIZE(enum otlp_error, ",
            "VALUE(OTLP_ERR_NEW, ",
            "otlp_new has no reserved room",
            "has no name",
            "OTLP_ERR_NEW has no doc comment",
            "_native.pyi: does not have OTLP_ERR_NEW",
        )

    def test_a_function_that_is_not_explained_or_answers_otherwise_is_found(self):
        self.write(
            "core/include/otlpipe/otlpipe.h",
            "/**\n * Do it. Any thread; not from a signal\n * handler.\n *\n * @param what  it\n"
            " * @return 0\n */\nOTLP_API int otlp_do(const char *what);\n"
            "/** Any thread; async-signal-safe. @param b it */\nOTLP_API int otlp_a(int a);\n"
            "/** @return 0 */\nOTLP_API int otlp_span_exporter_b(void);\nOTLP_API void otlp_c(void);\n"
            "/** It. */\nenum otlp_e {\n/** A. */\nOTLP_A = -1,\nOTLP_B, /**< B. */\nOTLP_C };\n",
        )
        self.write("tests/headers/abi.c", "SIZE(enum otlp_e, 4) VALUE(OTLP_A, -1) VALUE(OTLP_B, 0) VALUE(OTLP_C, 1)")
        self.write("python/src/module.c", "")
        self.write("python/src/otlpipe/_native.pyi", "")
        self.assert_found(
            check_api,
            "OTLP_C has no doc comment",
            "otlp_a(): tells of the parameters",
            "otlp_a(): does not tell what",
            "otlp_span_exporter_b(): does not say where",
            "otlp_span_exporter_b(): returns int",
            "otlp_c(): has no doc comment",
        )

    def test_a_version_that_stands_twice_or_differs_is_found(self):
        self.write(
            "core/include/otlpipe/version.h",
            "".join(f"#define OTLP_VERSION_{part} 1\n" for part in ("MAJOR", "MINOR", "PATCH")),
        )
        self.write("core/otlpipe.map", "OTLPIPE_1.1 {\nglobal:\n\totlp_a;\nlocal:\n\t*;\n};\n")
        self.write("meson.build", "project(\n  version: '1.1.1',\n)\n")
        self.write("python/meson.build", "project(version: run_command())\n")
        self.write("python/pyproject.toml", "dynamic = ['version']\n")
        self.write("CHANGELOG.md", "## [1.1.1] - soon\n## [0.1.0]\n")
        self.assert_found(check_version, "meson.build:2: states a version")
        self.write("meson.build", "project(version: run_command())\n")
        self.assert_found(check_version)
        self.write("python/pyproject.toml", 'version = "1"\n')
        self.write("CHANGELOG.md", "## [1.2.0]\n")
        self.write("core/otlpipe.map", "OTLPIPE_1.2 {\nglobal:\n\totlp_a;\nlocal:\n\t*;\n};\n")
        self.assert_found(check_version, "pyproject.toml:1: states", "CHANGELOG.md: begins", "has symbols of [1, 2]")

    def test_a_layer_that_includes_upwards_is_found(self):
        self.write("shm/ring.c", '#include "core/record/record.h"\n#include <ck_pr.h>\n#include <stdio.h>\n')
        self.assert_found(check_layers, "shm/ring.c:1: this layer may not include core/record/record.h")

    def test_a_foreign_library_outside_its_file_is_found(self):
        self.write("writer/io/io_uring.c", "#include <liburing.h>\n")
        self.write("writer/writer.c", "#include <liburing.h>\n")
        self.write("writer/file/batch.c", "#include <xxhash.h>\n")
        self.write("core/span.c", "#include <ck_ring.h>\n")
        self.assert_found(check_layers, "core/span.c:1", "writer/writer.c:1")

    def test_a_header_nobody_knows_is_found(self):
        self.write("core/span.c", "#include <otlpipe/span.h>\n#include <glib.h>\n")
        self.assert_found(check_layers, "core/span.c:2: this layer may not include glib.h")

    def test_tests_and_benches_are_included_by_nobody(self):
        self.write("writer/drain.c", '#include "tests/helper.h"\n#include "core/record/record.h"\n')
        self.assert_found(check_layers, "writer/drain.c:1: this layer may not include tests/helper.h")

    def test_the_writer_sees_the_record_and_not_the_library(self):
        self.write("writer/drain.c", '#include <otlpipe/otlpipe.h>\n#include "core/library.h"\n')
        self.assert_found(check_layers, "otlpipe/otlpipe.h", "core/library.h")

    def test_a_circle_of_calls_is_found_whatever_header_declares_them(self):
        self.write("writer/sink.h", "int sink_seal(void);\nint sink_pump(void);\n")
        self.write("writer/sink.c", '#include "writer/sink.h"\nint sink_pump(void)\n{\n\treturn sink_seal();\n}\n')
        self.write("writer/sink_file.c", '#include "writer/sink.h"\nint sink_seal(void)\n{\n\treturn 0;\n}\n')
        self.assert_found(check_circles, "writer/sink -> writer/sink_file, writer/sink_file -> writer/sink")

    def test_a_circle_of_headers_is_found(self):
        self.write("shm/a.h", '#include "shm/b.h"\n')
        self.write("shm/b.h", '#include "shm/c.h"\n')
        self.write("shm/c.h", '#include "shm/a.h"\n')
        self.write("shm/d.c", '#include "shm/a.h"\n')
        self.assert_found(check_circles, "shm/a -> shm/b, shm/b -> shm/c, shm/c -> shm/a")

    def test_calls_in_one_direction_are_no_circle(self):
        self.write("shm/a.h", "int a(void);\nint b(void);\n")
        self.write("shm/a.c", '#include "shm/a.h"\n/* b() */\nint a(void)\n{\n\treturn 0;\n}\n')
        self.write("shm/b.c", '#include "shm/a.h"\nint b(void)\n{\n\treturn a();\n}\n')
        self.write("tests/c.c", "int a(void)\n{\n\treturn b();\n}\n")
        self.assert_found(check_circles)

    def test_a_circle_of_python_modules_is_found_also_inside_a_function(self):
        self.write("src/pipe/__init__.py", "from . import _library\n")
        self.write("src/pipe/_library.py", "def f():\n    from . import Exporter\n")
        self.write("src/pipe/_types.py", "if TYPE_CHECKING:\n    from ._user import User\n")
        self.write("src/pipe/_user.py", "from ._types import x\n")
        self.assert_found(check_circles, "src/pipe/__init__ -> src/pipe/_library")

    def test_the_tool_only_looks_and_reads(self):
        self.write("cli/a.c", '#include "shm/region_view.h"\n#include "writer/file/batch.h"\n')
        self.write("cli/b.c", '#include "shm/region.h"\n#include "writer/file/retain.h"\n#include "writer/queue.h"\n')
        self.assert_found(check_layers, "shm/region.h", "writer/file/retain.h", "writer/queue.h")

    def test_an_order_without_a_pair_is_found(self):
        self.write("shm/a.c", "x = atomic_load_acquire_u64(p);\ny = atomic_load_relaxed_u64(p);\n")
        self.assert_found(check_memory_order, "shm/a.c:1: atomic_load_acquire_u64 without PAIR")

    def test_a_pair_with_one_end_is_found(self):
        self.write("shm/a.c", "/* PAIR(head) */\natomic_store_release_u64(p, 1);\n")
        self.assert_found(check_memory_order, "PAIR(head) has one end")

    def test_a_pair_of_two_releases_is_found(self):
        text = "/* PAIR(head): with the other */\natomic_store_release_u64(p, 1);\n"
        self.write("shm/a.c", text)
        self.write("writer/b.c", text)
        self.assert_found(check_memory_order, "PAIR(head) has no end that acquires")

    def test_a_pair_with_both_ends_passes(self):
        self.write("shm/a.c", "/* PAIR(head) */\natomic_store_release_u64(p, 1);\n")
        self.write("core/b.c", "x = atomic_load_acquire_u64(p); /* PAIR(head) */\n")
        self.assert_found(check_memory_order)

    def test_a_pair_too_far_above_does_not_count(self):
        self.write("shm/a.c", "/* PAIR(head) */\n" + "\n" * 6 + "x = atomic_load_acquire_u64(p);\n")
        self.write("shm/b.c", "atomic_store_release_u64(p, 1); /* PAIR(head) */\n")
        self.assert_found(check_memory_order, "shm/a.c:8: atomic_load_acquire_u64 without PAIR")

    def test_an_order_of_c11_needs_a_pair_unless_it_is_relaxed(self):
        relaxed = "x = atomic_load_explicit(p, memory_order_relaxed);\n"
        self.write("shm/a.c", relaxed + "y = atomic_load_explicit(p, memory_order_acquire);\n")
        self.assert_found(check_memory_order, "shm/a.c:2: memory_order_acquire without PAIR")

    def test_an_access_that_hides_its_order_is_found(self):
        self.write("core/b.c", "ck_pr_store_64(p, 1);\natomic_load(p);\n/* ck_pr_fence */\n")
        self.write("shm/a.c", "/* PAIR(a) */\natomic_fence_store();\n\n/* PAIR(a): the kernel */\n")
        self.assert_found(check_memory_order, "core/b.c:1: ck_pr_store_64", "core/b.c:2: atomic_load")

    def test_a_named_test_that_is_not_there_is_found(self):
        self.write("tests/unit/test_a.c", "static void one_thing_is_so(void **state)\n{\n}\n")
        self.write("tests/pipeline/test_b.py", 'def two_things(pipe):\n    run("mode")\n')
        good = "`test_a` (`thing_is`), `test_b.py` (`two_things`, `mode`)\n"
        self.write("SECURITY.md", good + "`test_c`, `test_b.py` (`mode`, `other`), `fuzz_a`\n")
        self.write("docs/reliability.md", "| a | b | 1,000 | 0 | `b` |\n| a | b | 1 | 0 | `c` |\n")
        self.assert_found(
            check_named_tests, "SECURITY.md:2: there is no test test_c",
            "SECURITY.md:2: tests/pipeline/test_b.py has no test other",
            "SECURITY.md:2: there is no test fuzz_a",
            "docs/reliability.md:2: there is no test c",
        )

    def test_a_rule_of_the_model_without_a_test_or_that_is_not_there_is_found(self):
        self.write("tests/unit/test_a.c", "static void rule_1_holds(void **state)\n")
        self.write("python/tests/test_b.py", "    def test_it(self) -> None:\n")
        self.write(
            "docs/model.md",
            "# Model\n- not a thing\n## Rules\n1. First,\n   `test_a` (`rule_1_holds`)\n2. Second.\n"
            "4. Fourth, `test_b.py` (`test_it`)\n## Faults\n- One. `test_b.py` (`test_other`)\n- Two.\n",
        )
        self.write("core/a.c", "/* by rule 2 of the model, and rule 3 of the exporter model */\n")
        self.assert_found(
            check_named_tests,
            "docs/model.md:9: python/tests/test_b.py has no test test_other",
            "docs/model.md:2: names no test",
            "docs/model.md:6: names no test",
            "docs/model.md:10: names no test",
            "the rules are numbered [1, 2, 4]",
            "core/a.c:1: the model has no rule 3",
        )

    def test_a_signal_outside_the_one_table_is_found(self):
        self.write("core/record/signal.c", 'x = {.name = "traces"};\n')
        self.write("core/include/otlpipe/otlpipe.h", "enum otlp_signal { OTLP_SIGNAL_TRACES };\n")
        self.write("writer/a.c", '/* "traces" */\nname = "metrics";\nreturn (enum otlp_signal)i;\n')
        self.write("cli/b.h", "enum cat_signal { CAT_TRACES };\n")
        self.write("shm/c.c", "rings[OTLP_SIGNAL_TRACES];\n")
        self.assert_found(
            check_signals, "cli/b.h:1: a second enum", "shm/c.c:1: shm/ knows no signal",
            "writer/a.c:2: a signal's name", "writer/a.c:3: a cast",
        )

    def program(self, name, **helps):
        """A script that prints a help text for each command; "" is the one without a command."""
        cases = "".join(f"'{k}') cat <<'END'\n{v}\nEND\n;;\n" for k, v in helps.items())
        self.write(name, '#!/bin/sh\ncase "$1" in\n' + cases + "esac\n")
        path = os.path.join(self.folder.name, name)
        os.chmod(path, 0o755)
        return path

    def test_options_and_their_documentation_are_held_together(self):
        common = "  -h, --help  print this"
        wide = f"  -w, --wide=N {'x' * 80}"
        tool = self.program("tool", **{"--help": "  cat  print\n  new  x\n", "cat": f"  -f, --follow  x\n{common}", "new": wide})
        long = "  -h, --help  print this" + "\nmore" * 24
        writer = self.program("writer", **{"--help": long, "--help-all": f"      --sync=WHEN x ($OTLPIPE_SYNC, $OTLPIPE_ODD)\n      --gone  x\n{common}"})
        self.write("README.md", "## Launch the writer\n| `--sync` | x |\n| `--old` | x |\n")
        self.write(
            "docs/cli.md",
            "## For all commands\n| `-h`, `--help` | x |\n## `otlpipe cat`\n| `--follow`, `--none` | x |\n"
            "## `otlpipe old`\nSee `--sync` and `--nowhere`.\n    otlpipe cat --all | other --foreign\n",
        )
        problems, known = check_options.check(self.folder.name, tool, writer)
        self.assertEqual(known, 8)
        self.assertEqual(
            problems,
            [
                "docs/cli.md: otlpipe cat: -f is not in its table",
                "docs/cli.md: otlpipe cat: there is no --none",
                "docs/cli.md: no section otlpipe new",
                "docs/cli.md: there is no command otlpipe old",
                "README.md: Launch the writer: --gone is not in its table",
                "README.md: Launch the writer: otlpipe-writer has no --old",
                "$OTLPIPE_ODD: neither README.md nor docs/ has it",
                "README.md:3: nothing of ours has --old",
                "docs/cli.md:4: nothing of ours has --none",
                "docs/cli.md:6: nothing of ours has --nowhere",
                "docs/cli.md:7: nothing of ours has --all",
                f"otlpipe new --help: a line has {len(wide)} columns: {wide}",
                "otlpipe-writer --help has 25 lines, more than 24",
            ],
        )

    def test_a_source_without_a_licence_is_found(self):
        self.write("shm/a.c", "int a;\n")
        self.write("shm/b.c", LICENCE)
        self.assert_found(check_text, "shm/a.c:1: no SPDX")

    def test_unfinished_work_is_found_in_sources_alone(self):
        self.write("shm/a.c", LICENCE + f"/* {UNFINISHED}: later */\n")
        self.write("docs/style.md", f"A {UNFINISHED} does not land.\n")
        self.assert_found(check_text, "shm/a.c:2")

    def test_a_path_of_one_machine_is_found_anywhere(self):
        self.write("docs/a.md", "see /ho" + "me/somebody/notes and https://example.org/home/x\n")
        self.assert_found(check_text, "docs/a.md:1")

    def test_a_line_of_a_page_that_is_not_wrapped_is_found(self):
        long = "word " * 30
        self.write("docs/a.md", f"short\n{long}\n| {long} |\n    {long}\n```\n{long}\n```\n- {long}\n")
        self.write("docs/a.txt", long)
        self.assert_found(check_text, "docs/a.md:2: longer than 110", "docs/a.md:8: longer than 110")

    def test_a_function_that_is_not_where_a_page_says_is_found(self):
        self.write("shm/a.c", "int there(void);\n")
        self.write("docs/a.md", "`there()` in `shm/a.c`, `gone()` in `shm/a.c`, `there()` in `shm/b.c`\n")
        self.assert_found(check_named_tests, "shm/a.c has no gone()", "there is no shm/b.c")


if __name__ == "__main__":
    unittest.main()
