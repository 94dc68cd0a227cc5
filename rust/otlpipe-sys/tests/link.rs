// SPDX-License-Identifier: Apache-2.0
//! The library that is linked answers, and where OTLPIPE_SYS=system asked for it, it is the shared one.
use std::ffi::CStr;

#[test]
fn the_library_that_was_asked_for_is_linked() {
    // SAFETY: it returns a constant text that ends with a NUL.
    let version = unsafe { CStr::from_ptr(otlpipe_sys::otlp_version()) };
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let is_system = std::env::var("OTLPIPE_SYS").as_deref() == Ok("system");
    if std::env::var_os("OTLPIPE_SYS").is_some() {
        assert_eq!(maps.contains("/libotlpipe.so.0"), is_system);
    }
}
