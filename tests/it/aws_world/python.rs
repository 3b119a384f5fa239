//! The emulator's Python environment: the pinned packages of the Python index, installed once under `target/`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The pinned emulator, and the transform that it applies to SAM templates.
const PACKAGES: [&str; 2] = ["ministack==1.5.33", "aws-sam-translator==1.115.0"];

/// What to do when the emulator cannot be had.
const WITHOUT: &str = "The AWS world's tests need `python3` with its `venv` module, and the Python package index once. \
                       Without them, leave these tests out: cargo test -p firstlook-tests -- --skip aws";

/// The environment's `bin` folder. The first call of all test processes makes it, the others wait for that.
pub fn ensure(target: &Path) -> PathBuf {
    let folder = target.join(format!("emulator-{}", PACKAGES.join("-").replace("==", "-")));
    let lock = File::create(target.join("emulator.lock")).expect("a lock file under target/");
    lock.lock().expect("a lock on it");
    let done = folder.join("installed");
    if !done.exists() {
        eprintln!("installing {} under {}", PACKAGES.join(" and "), folder.display());
        let _ = fs::remove_dir_all(&folder);
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        let pip = folder.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES));
        fs::write(&done, PACKAGES.join("\n")).expect("a mark that it is done");
    }
    folder.join("bin")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}\n{WITHOUT}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}\n{WITHOUT}");
}
