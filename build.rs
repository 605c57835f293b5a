//! Hands the compiler's version and the target to `show_config`.

use std::env::var;
use std::process::Command;

fn main() {
    let compiler = var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(compiler).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let version = String::from_utf8_lossy(&version);
    // "rustc 1.95.0 (hash date)": the hash says nothing that the number does not.
    let version = version.split(" (").next().unwrap_or_default().trim();
    let of = |name| var(name).unwrap_or_default();
    println!("cargo::rustc-env=KLRS_BUILD={version}, {}, {}", of("TARGET"), of("PROFILE"));
    println!("cargo::rerun-if-changed=build.rs");
}
