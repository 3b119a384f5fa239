//! The emulator as a process: on a free loopback port, with an environment of its own, gone with this test.

use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{build, python};

/// Starts the emulator in a session of its own and ends it, with the functions that run in it, when its own input ends:
/// that happens also when the test process is killed. Then it removes their folder.
const KEEPER: &str = r"
import os, shutil, signal, subprocess, sys
folder, command = sys.argv[1], sys.argv[2:]
child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
sys.stdin.buffer.read()
for what, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
    try:
        os.killpg(child.pid, what)
        child.wait(patience)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
shutil.rmtree(folder, ignore_errors=True)
";

/// How long it may take to answer. It is up in a second or two; a busy machine takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// How an emulator is started.
#[derive(Debug, Clone, Default)]
pub struct EmulatorOptions {
    /// Whether it enforces the roles' IAM policies. Then it speaks TLS, as the queues' policy demands.
    pub auth: bool,
    /// The address under which the functions call AWS, if not the emulator's own.
    pub functions_call: Option<String>,
    /// The port, if it must be known beforehand; see [`free_port`].
    pub port: Option<u16>,
}

/// A running emulator.
pub struct Emulator {
    url: String,
    ca: Option<PathBuf>,
    keeper: Child,
    folder: PathBuf,
}

/// A port of loopback that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

impl Emulator {
    /// Starts one and waits until it answers.
    pub async fn start(options: &EmulatorOptions) -> Self {
        let (target, _) = build::target();
        let bin = tokio::task::spawn_blocking(move || python::ensure(&target)).await.expect("an environment");
        let port = options.port.unwrap_or_else(free_port);
        let folder = std::env::temp_dir().join(format!("firstlook-emulator-{port}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for the emulator");
        let log = File::create(folder.join("log")).expect("a log file");
        let url = format!("{}://127.0.0.1:{port}", if options.auth { "https" } else { "http" });
        let mut keeper = Command::new(bin.join("python"));
        // Its functions inherit its environment, so it gets nothing of ours but what it needs.
        keeper
            .args(["-c", KEEPER])
            .arg(&folder)
            .arg(bin.join("ministack"))
            // What is sent to this process's group, such as Ctrl-C, must not end the keeper before its work is done.
            .process_group(0)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &folder)
            .env("TMPDIR", &folder)
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("GATEWAY_PORT", port.to_string())
            .env("AWS_ENDPOINT_URL", options.functions_call.as_ref().unwrap_or(&url))
            .stdin(Stdio::piped())
            .stderr(log.try_clone().expect("the log file again"))
            .stdout(log);
        // It signs its certificate itself.
        let ca = options.auth.then(|| folder.join("ministack-tls/server.crt"));
        if let Some(ca) = &ca {
            keeper.env("AUTH", "true").env("USE_SSL", "1").env("AWS_CA_BUNDLE", ca);
        }
        let keeper = keeper.spawn().expect("the emulator's keeper");
        let mut emulator = Self { url, ca, keeper, folder };
        emulator.wait_until_healthy().await;
        emulator
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The certificate that it shows, where it speaks TLS.
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// The folder in which it and its functions run.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has logged; what its functions have is in their log groups.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    async fn wait_until_healthy(&mut self) {
        let given_up = tokio::time::Instant::now() + PATIENCE;
        let health = format!("{}/_ministack/health", self.url());
        let is_healthy = async || {
            // Made anew each time: the certificate comes to be while we wait.
            let client = super::client_trusting(self.ca.clone()).ok()?;
            client.get(&health).send().await.ok().filter(|answer| answer.status().is_success())
        };
        while is_healthy().await.is_none() {
            let ended = self.keeper.try_wait().expect("the keeper's state");
            let late = tokio::time::Instant::now() > given_up;
            assert!(ended.is_none() && !late, "the emulator did not come up:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The end of its input is what it waits for.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
