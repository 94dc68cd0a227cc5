#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe report`: a real browser shows the figures of `otlpipe summary`, runs nothing of what the data
say, and asks nobody for anything. The page is bounded, whatever the files hold."""
import html.parser
import json
import os
import shutil
import subprocess

import harness
import test_look

HOST = "evil.example"
HOSTILE = (
    f'</script><script src="http://{HOST}/a.js"></script>',
    f'<img src="http://{HOST}/b.png" onerror="document.title=\'owned\'">',
    '"\'`${alert(1)}&amp;<!--',
    "a\u202eb\x00c\u2028d\x1b]0;x\x07",
)
PAGE_BYTES_MAX = 3 << 20


class Page(html.parser.HTMLParser):
    """The elements of a page, with what tests look at."""

    def __init__(self, text):
        super().__init__()
        self.names, self.values, self.items, self.done = {}, [], {}, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.names[tag] = self.names.get(tag, 0) + 1
        if "data-key" in found:
            self.values.append((found["data-key"], int(found["data-value"])))
        elif "data-value" in found:
            self.items[found["id"]] = int(found["data-value"])
        self.done |= tag == "body" and found.get("data-done") == "yes"


def browse(pipe, page):
    """The page as a browser has it once its script has run; what it said, and whom it asked."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise harness.Skip("there is no chromium (scripts/packages.txt has it)")
    log = pipe.scratch / "net.json"
    command = [
        *(browser, "--headless=new", "--disable-gpu", "--no-sandbox", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--disable-dev-shm-usage", "--disable-breakpad", "--host-resolver-rules=MAP * ~NOTFOUND"),
        *("--enable-logging=stderr", f"--user-data-dir={pipe.scratch / 'browser'}"),
        *(f"--log-net-log={log}", "--dump-dom", page.as_uri()),
    ]
    environment = {**os.environ, "HOME": str(pipe.scratch), "XDG_CONFIG_HOME": str(pipe.scratch)}
    done = subprocess.run(
        command, capture_output=True, env=environment, timeout=harness.LIMIT_SECONDS, check=True
    )
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    return done.stdout.decode(), said, log.read_text(errors="replace")


def hostile_file(pipe):
    second = test_look.SECOND
    spans = [
        test_look.span(
            number, 0, 50 * second, (90 + number) * second, name=name, trace=bytes([number]) * 16,
            more=test_look.field(15, test_look.field(2, name) + test_look.field(3, 2)),
        )
        for number, name in enumerate(HOSTILE, 1)
    ]  # fmt: skip
    return test_look.put(
        pipe, "hostile-traces.binpb", test_look.resource_data("".join(HOSTILE), spans)
    )


def a_browser_shows_the_figures_of_summary_and_runs_nothing_else(pipe):
    test_look.pushed(pipe, count=300)
    paths = [pipe.output, hostile_file(pipe)]
    page = pipe.scratch / "report.html"
    pipe.tool("report", *paths, "-o", page, "--title", HOSTILE[0])
    summary = json.loads(pipe.tool("summary", "--json", *paths).out)
    text, said, asked = browse(pipe, page)
    shown = Page(text)
    harness.equal(said, [], "what the page said on the console")
    harness.check(shown.done, "the script did not come to its end")
    harness.check(f"http://{HOST}" not in asked and HOST + ":" not in asked, "the page asked somebody")
    harness.equal(shown.names.get("img", 0), 0, "images that the data made")
    harness.equal(shown.names["script"], 2, "scripts: the data, and the page's own")
    for signal in ("traces", "metrics", "logs"):
        harness.equal(shown.items[f"items-{signal}"], summary[signal]["items"], f"{signal} in all")
    errors = sum(row["errors"] for row in summary["traces"]["rows"])
    harness.equal(shown.items["errors"], errors, "errors in all")
    severities = ("none", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    expected = [
        (key, row[key])
        for signal, keys in (
            ("traces", ("calls", "errors", "p50_ns", "p95_ns", "p99_ns", "max_ns")),
            ("metrics", ("series", "points")),
            ("logs", severities),
        )
        for row in summary[signal]["rows"][:50]
        for key in keys
    ]
    harness.equal(shown.values, expected, "the figures of all tables")
    harness.equal(text.count('class="trace"'), 10, "waterfalls")
    harness.check("\\u202e" in text and "\u202e" not in text.split("<main")[1].split("<footer")[0], "bidi")


def a_page_is_bounded_and_loads_nothing(pipe):
    names = [f"{number:06d}" + "<&\u00e4" * 2000 for number in range(1500)]
    spans = [
        test_look.span(1, 0, n + 1, 2 * n + 2, name=name, trace=n.to_bytes(16, "big"))
        for n, name in enumerate(names)
    ]
    one = [test_look.span(n % 250 + 1, n % 7, 1, 10**9 + n, trace=b"\x09" * 16) for n in range(7000)]
    path = test_look.put(pipe, "traces.binpb", test_look.resource_data("s" * 9000, spans + one))
    page = pipe.scratch / "report.html"
    pipe.tool("report", path, "-o", page, "-n", 50)
    harness.check(page.stat().st_size < PAGE_BYTES_MAX, f"{page.stat().st_size} bytes")
    text = page.read_text(encoding="utf-8")
    addresses = [word for word in text.replace('"', " ").split() if "://" in word]
    harness.equal(addresses, ["http://www.w3.org/2000/svg"], "addresses in the page")
    harness.check("default-src 'none'" in text, "its Content-Security-Policy")
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    harness.equal(len(data["summary"]["traces"]["rows"]), 50, "rows")
    harness.equal(data["summary"]["traces"]["row_count"], 1501, "rows that there are")
    harness.equal([len(data["traces"]), len(data["traces"][0]["lines"])], [50, 200], "traces, spans")
    harness.equal(data["traces"][0]["spans"], 7000, "spans that there are")


def a_report_comes_whole_or_not_at_all(pipe):
    path = test_look.put(
        pipe, "traces.binpb", test_look.resource_data("a", [test_look.span(1, 0, 1, 2)])
    )
    page = pipe.scratch / "report.html"
    pipe.tool("report", path, "-o", page)
    before = page.read_bytes()
    harness.equal(pipe.tool("report", path, "-o", "-").out.count("</html>"), 1, "pages on stdout")
    nowhere = pipe.tool("report", path, "-o", pipe.scratch / "none" / "report.html", expected=1)
    harness.check("cannot be written" in nowhere.err, nowhere.err)
    path.write_bytes(path.read_bytes()[:-2])
    pipe.tool("report", path, "-o", page, expected=1)
    harness.check(page.read_bytes() != before, "what could be read of a damaged file is there")
    empty = pipe.scratch / "empty"
    empty.mkdir()
    pipe.tool("report", empty, "-o", "-", expected=1)
    for words in ([path], ["-", "-o", "-"], [path, "-o", "-", "-n", "51"], []):
        pipe.tool("report", *words, expected=2)
    left = [one.name for one in pipe.scratch.iterdir() if "part" in one.name]
    harness.equal(left, [], "parts of pages")


TESTS = [
    a_browser_shows_the_figures_of_summary_and_runs_nothing_else,
    a_page_is_bounded_and_loads_nothing,
    a_report_comes_whole_or_not_at_all,
]

if __name__ == "__main__":
    harness.run(TESTS)
