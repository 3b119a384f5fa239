//! The functions as they are deployed: built with this test's profile into its target folder, and zipped.

use std::{
    env, fs,
    io::{Cursor, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use tokio::sync::OnceCell;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The functions of the template.
pub const FUNCTIONS: [&str; 4] = ["ingest", "investigate", "deliver", "console"];

/// The bootstraps, in the order of [`FUNCTIONS`].
static BOOTSTRAPS: OnceCell<Vec<Vec<u8>>> = OnceCell::const_new();

/// The command line.
static FIRSTLOOK: OnceCell<PathBuf> = OnceCell::const_new();

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// `target/` and the profile's folder in it, from where this test itself stands: `target/<profile>/deps/it-...`.
pub fn target() -> (PathBuf, PathBuf) {
    let test = env::current_exe().expect("a path of this test");
    let profile = test.ancestors().nth(2).expect("a profile's folder").to_owned();
    (profile.parent().expect("a target folder").to_owned(), profile)
}

/// Builds the functions, once for all tests of this process.
pub async fn bootstraps() -> &'static [Vec<u8>] {
    BOOTSTRAPS.get_or_init(async || tokio::task::spawn_blocking(build).await.expect("a build")).await
}

/// Builds the command line, once for all tests of this process, and says where it is.
pub async fn firstlook() -> &'static Path {
    let build = || cargo_build(&["-p", "firstlook", "--bin", "firstlook"]).join("firstlook");
    FIRSTLOOK.get_or_init(async || tokio::task::spawn_blocking(build).await.expect("a build")).await
}

fn build() -> Vec<Vec<u8>> {
    let wanted: Vec<&str> =
        FUNCTIONS.iter().flat_map(|function| ["-p", package(function), "--bin", function]).collect();
    let profile = cargo_build(&wanted);
    FUNCTIONS.iter().map(|function| stripped(&profile.join(function))).collect()
}

/// Builds what is `wanted` in the profile of this test, and says in which folder it is.
fn cargo_build(wanted: &[&str]) -> PathBuf {
    let (target, profile) = target();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).args(["build", "--quiet", "--target-dir"]).arg(&target);
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => &mut cargo,
        Some(name) => cargo.args(["--profile", name]),
    };
    let output = cargo.args(wanted).output().expect("cargo");
    assert!(output.status.success(), "{wanted:?} do not build:\n{}", String::from_utf8_lossy(&output.stderr));
    profile
}

/// The function's package: there is another `console` among the dependencies' names.
fn package(function: &str) -> &str {
    if function == "console" { "firstlook-console" } else { function }
}

/// Without the debug information, which is most of an unoptimized binary; as it is where there is no `strip`.
fn stripped(binary: &Path) -> Vec<u8> {
    let small = binary.with_extension(format!("{}.stripped", std::process::id()));
    let done = Command::new("strip").arg("-o").arg(&small).arg(binary).status().is_ok_and(|status| status.success());
    let bytes = fs::read(if done { &small } else { binary }).expect("the function's binary");
    let _ = fs::remove_file(&small);
    bytes
}

/// A deployment package, with the compiled catalog where the function reads one. Not compressed: it goes no further than
/// loopback.
pub fn zip(function: &str, bootstrap: &[u8], catalog: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(bootstrap.len() + catalog.len() + 1024)));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    writer.start_file("bootstrap", stored.unix_permissions(0o755)).expect("an entry");
    writer.write_all(bootstrap).expect("the bootstrap");
    if ["ingest", "investigate", "deliver"].contains(&function) {
        writer.start_file("catalog.json", stored.unix_permissions(0o644)).expect("an entry");
        writer.write_all(catalog).expect("the catalog");
    }
    writer.finish().expect("an end").into_inner()
}
