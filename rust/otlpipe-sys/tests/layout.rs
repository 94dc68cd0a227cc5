// SPDX-License-Identifier: Apache-2.0
//! The checked-in bindings are those of the headers.
//!
//! rustc itself holds bindings.rs to the sizes and offsets that are written in it; here the C
//! compiler is asked for the same numbers, so that no bindgen is needed to see a difference. Where
//! bindgen is installed, what it makes now is compared as well (`make test` runs bindgen.sh).
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const BINDINGS: &str = include_str!("../src/bindings.rs");

fn vendor() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor")
}

/// Between two texts, from each place where the first is; white space is one blank.
fn all_between<'a>(
    text: &'a str,
    before: &'a str,
    after: &'a str,
) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split_once(after)).map(|found| found.0)
}

fn one_line() -> String {
    BINDINGS.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The C name of a type: the tag of a struct or of a union.
fn tagged(text: &str, name: &str) -> String {
    let tag = if text.contains(&format!("pub union {name} ")) { "union" } else { "struct" };
    format!("{tag} {name}")
}

/// rustc's names for what C calls otherwise.
fn field(name: &str) -> String {
    name.split('.').map(|part| part.strip_suffix('_').unwrap_or(part)).collect::<Vec<_>>().join(".")
}

#[test]
fn each_size_offset_and_constant_is_that_of_the_c_compiler() {
    let text = one_line();
    let mut source = String::from("#include <otlpipe/otlpipe.h>\n#include <stddef.h>\n");
    let mut counts = [0; 3];
    for (what, size_of) in [("Size of ", "sizeof"), ("Alignment of ", "_Alignof")] {
        for found in all_between(&text, &format!("[\"{what}"), "usize]") {
            let (name, rest) = found.split_once('"').unwrap();
            let number = rest.rsplit_once("- ").unwrap().1;
            let name = tagged(&text, name);
            writeln!(source, "_Static_assert({size_of}({name}) == {number}, \"{what}{name}\");")
                .unwrap();
            counts[0] += 1;
        }
    }
    for found in all_between(&text, "[\"Offset of field: ", "usize]") {
        let (name, rest) = found.split_once('"').unwrap();
        let (of, name) = name.split_once("::").unwrap();
        let number = rest.rsplit_once("- ").unwrap().1;
        let (of, name) = (tagged(&text, of), field(name));
        writeln!(source, "_Static_assert(offsetof({of}, {name}) == {number}, \"{of}.{name}\");")
            .unwrap();
        counts[1] += 1;
    }
    for found in all_between(&text, "pub const OTLP_", ";") {
        let (name, value) = found.split_once('=').unwrap();
        let name = name.split(':').next().unwrap();
        writeln!(source, "_Static_assert(OTLP_{name} == {value}, \"OTLP_{name}\");").unwrap();
        counts[2] += 1;
    }
    assert!(counts[0] >= 2 * 25 && counts[1] >= 150 && counts[2] >= 60, "{counts:?}");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layout.c");
    std::fs::write(&file, source).unwrap();
    let done = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-std=c11", "-fsyntax-only", "-Wall", "-I"])
        .arg(vendor().join("core/include"))
        .arg(&file)
        .output()
        .expect("a C compiler is there: it made the library");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        done.status.success(),
        "bindings.rs is not that of the headers; run bindgen.sh\n{said}"
    );
}

/// Of otlpipe.h and what it includes. logger.h is a front for C alone, made of macros.
#[test]
fn each_function_struct_and_constant_of_the_headers_is_there() {
    let text = one_line();
    let mut headers = String::new();
    for entry in std::fs::read_dir(vendor().join("core/include/otlpipe")).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("logger.h") {
            headers += &std::fs::read_to_string(path).unwrap();
        }
    }
    let words = |text: &str| -> BTreeSet<String> {
        let split = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        split.map(str::to_owned).collect()
    };
    let have = words(&text);
    // Not what the preprocessor alone knows.
    let macros = ["OTLP_API", "OTLP_STR", "OTLP_STR_INIT", "OTLP_INLINE", "OTLP_NO_INLINE"];
    let comments_gone: String = headers
        .split("/*")
        .map(|part| part.split_once("*/").map_or(part, |found| found.1))
        .collect();
    let names = words(&comments_gone);
    assert!(names.len() > 300, "{}", names.len());
    for name in names {
        let is_ours = name.starts_with("otlp_") || name.starts_with("OTLP_");
        if is_ours && !macros.contains(&&*name) {
            assert!(have.contains(&name), "{name} is not in bindings.rs; run bindgen.sh");
        }
    }
}

#[test]
fn the_version_is_that_of_the_headers() {
    let found = [
        otlpipe_sys::OTLP_VERSION_MAJOR,
        otlpipe_sys::OTLP_VERSION_MINOR,
        otlpipe_sys::OTLP_VERSION_PATCH,
    ];
    assert_eq!(found.map(|part| part.to_string()).join("."), otlpipe_sys::VERSION);
    // SAFETY: a constant text that ends with a NUL.
    let linked = unsafe { std::ffi::CStr::from_ptr(otlpipe_sys::otlp_version()) };
    assert_eq!(linked.to_str().unwrap(), otlpipe_sys::VERSION);
}
