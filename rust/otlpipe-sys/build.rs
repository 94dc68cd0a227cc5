// SPDX-License-Identifier: Apache-2.0
//! Finds the library by pkg-config, or compiles it from vendor/ into the program.
//!
//! vendor/ holds links to the rooms of the tree, so there is one copy of each file; in a package
//! they are the files themselves.
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the library consists of; of base/ it takes what these include.
const ROOMS: [&str; 3] = ["core", "core/record", "shm"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=OTLPIPE_SYS");
    let wish = env::var("OTLPIPE_SYS").unwrap_or_default();
    match wish.as_str() {
        "" => match system() {
            Ok(()) => return,
            Err(why) => eprintln!("no library by pkg-config, so it is compiled: {why}"),
        },
        "system" => match system() {
            Ok(()) => return,
            Err(why) => fail(&format!(
                "OTLPIPE_SYS=system, and pkg-config finds no otlpipe that fits: {why}\n\
                 Install it (make install), name its folder in PKG_CONFIG_PATH, or unset \
                 OTLPIPE_SYS to compile it into the program."
            )),
        },
        "vendored" => {}
        other => {
            fail(&format!("OTLPIPE_SYS is \"{other}\": it is \"system\", \"vendored\", or not set"))
        }
    }
    vendored();
}

fn fail(text: &str) -> ! {
    eprintln!("otlpipe-sys: {text}");
    std::process::exit(1);
}

/// One of the same version: until 1.0 a minor version may break programs.
fn system() -> Result<(), String> {
    let version = env!("CARGO_PKG_VERSION");
    let minor: u32 = version.split('.').nth(1).and_then(|part| part.parse().ok()).unwrap();
    pkg_config::Config::new()
        .range_version(format!("0.{minor}").as_str()..format!("0.{}", minor + 1).as_str())
        .probe("otlpipe")
        .map(|_| ())
        .map_err(|error| error.to_string())
}

fn vendored() {
    let vendor = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("vendor");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    if !vendor.join("core/include/otlpipe/otlpipe.h").is_file() {
        fail(&format!(
            "the sources of the library are not in {}: this is neither a package nor a checkout \
             with its symbolic links",
            vendor.display()
        ));
    }
    for room in ["base", "shm", "core"] {
        println!("cargo:rerun-if-changed={}", vendor.join(room).display());
    }
    let mut build = cc::Build::new();
    build
        .std("gnu11")
        .define("_GNU_SOURCE", None)
        .flag("-fvisibility=hidden")
        .flag_if_supported("-Werror=implicit-function-declaration")
        .opt_level(3)
        .pic(true)
        .warnings(false)
        .include(&vendor)
        .include(vendor.join("core/include"));
    add_ck(&mut build, &out);
    build.files(sources(&vendor));
    let objects = match build.try_compile_intermediates() {
        Ok(objects) => objects,
        Err(error) => fail(&format!("the library cannot be compiled: {error}")),
    };
    archive(&build, &objects, &out);
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=otlpipe");
    println!("cargo:include={}", vendor.join("core/include").display());
}

/// Concurrency Kit is headers alone here.
fn add_ck(build: &mut cc::Build, out: &Path) {
    let found = pkg_config::Config::new().cargo_metadata(false).probe("ck");
    if let Ok(ck) = &found {
        for path in &ck.include_paths {
            build.flag("-isystem").flag(path);
        }
    }
    let probe = out.join("probe.c");
    fs::write(&probe, "#include <ck_pr.h>\nint probe;\n").expect("OUT_DIR can be written to");
    let mut tried = build.clone();
    tried.cargo_metadata(false).cargo_warnings(false).file(&probe);
    if tried.try_compile_intermediates().is_err() {
        fail(
            "the headers of Concurrency Kit (ck_pr.h) are not found.\n\
             Debian and Ubuntu: apt install libck-dev. Elsewhere: the development package of ck, or \
             its folder in CFLAGS=-I….\n\
             Or install otlpipe itself: with OTLPIPE_SYS=system nothing is compiled.",
        );
    }
}

/// Each source of the rooms, and of base/ those whose header one of these includes.
fn sources(vendor: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        ROOMS.iter().flat_map(|room| of_room(&vendor.join(room))).collect();
    let mut seen = BTreeSet::new();
    let mut next: Vec<PathBuf> = found.clone();
    next.extend(ROOMS.iter().flat_map(|room| listed(&vendor.join(room), "h")));
    while let Some(file) = next.pop() {
        let text = fs::read_to_string(&file)
            .unwrap_or_else(|error| fail(&format!("{}: {error}", file.display())));
        for line in text.lines() {
            let Some(name) = line.strip_prefix("#include \"base/") else { continue };
            let Some(name) = name.split(".h\"").next() else { continue };
            if !seen.insert(name.to_owned()) {
                continue;
            }
            let header = vendor.join("base").join(format!("{name}.h"));
            let source = header.with_extension("c");
            next.push(header);
            if source.is_file() {
                next.push(source.clone());
                found.push(source);
            }
        }
    }
    found.sort();
    found
}

fn of_room(room: &Path) -> Vec<PathBuf> {
    let found = listed(room, "c");
    if found.is_empty() {
        fail(&format!("{} has no sources", room.display()));
    }
    found
}

fn listed(room: &Path, extension: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(room).unwrap_or_else(|error| fail(&format!("{}: {error}", room.display())));
    entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

/// One object whose internal symbols are local: a program's own `ring_claim()` must not clash.
/// Where objcopy is missing it is a plain archive, which does all else.
fn archive(build: &cc::Build, objects: &[PathBuf], out: &Path) {
    let whole = out.join("otlpipe-whole.o");
    let linked = build
        .get_compiler()
        .to_command()
        .args(["-r", "-nostdlib", "-o"])
        .arg(&whole)
        .args(objects)
        .status()
        .is_ok_and(|status| status.success());
    let hidden = linked
        && Command::new(env::var_os("OBJCOPY").unwrap_or_else(|| "objcopy".into()))
            .arg("--localize-hidden")
            .arg(&whole)
            .status()
            .is_ok_and(|status| status.success());
    let mut archive = cc::Build::new();
    archive.cargo_metadata(false);
    if hidden {
        archive.object(&whole);
    } else {
        println!("cargo:warning=no objcopy: names of otlpipe's own functions stay visible");
        archive.objects(objects);
    }
    if let Err(error) = archive.try_compile("otlpipe") {
        fail(&format!("the archive cannot be made: {error}"));
    }
}
