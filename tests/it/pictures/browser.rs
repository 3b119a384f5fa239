//! A headless Chromium, spoken to in its DevTools protocol over two pipes: no port and no web socket. Source:
//! chromedevtools.github.io/devtools-protocol; with `--remote-debugging-pipe` messages end with a zero byte.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::{broadcast, oneshot},
};

/// A browser that has not answered by then hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most pixels of one picture, from top to bottom.
const MOST: f64 = 2500.0;

/// What looks at a page from within.
const PROBE: &str = include_str!("probe.js");

/// The browser's program, if there is one: `FIRSTLOOK_CHROMIUM`, else what stands on PATH.
pub fn chromium() -> Option<PathBuf> {
    if let Some(named) = env::var_os("FIRSTLOOK_CHROMIUM") {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|program| program.is_file())
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub width: u32,
    pub dark: bool,
}

/// What the probe found.
#[derive(Debug, Deserialize)]
pub struct Probed {
    pub title: String,
    pub ran: bool,
    pub width: u32,
    pub scroll_width: u32,
    pub wide: Vec<String>,
    pub texts: usize,
    pub faint: Vec<String>,
    /// What could do something, but frames in which nothing may run: these are said by where they stand.
    pub active: Vec<String>,
    pub frames: Vec<Place>,
    /// What can be opened, and does not look so.
    pub unmarked: Vec<String>,
    pub styles: usize,
    /// The values of `style` attributes, each once.
    pub styled: Vec<String>,
    pub schemes: Vec<String>,
    pub verdict: Option<Verdict>,
    /// Where each of its parts begins, by its title.
    pub parts: BTreeMap<String, f64>,
    pub text: String,
}

/// Where something stands on its page.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Place {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// The line that leads.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    pub text: String,
    pub top: f64,
}

/// What came of looking at a page.
#[derive(Debug)]
pub struct Seen {
    pub page: Probed,
    /// What is within its frames, each.
    pub frames: Vec<Probed>,
    /// Every URL that was asked for.
    pub asked: Vec<String>,
    /// What the browser complained of: violations of the policy, errors, what scripts said.
    pub complaints: Vec<String>,
    /// Dialogs that a script has opened.
    pub dialogs: usize,
}

type Answers = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// A browser at work. It ends with this.
pub struct Browser {
    child: Child,
    input: tokio::sync::Mutex<ChildStdin>,
    next: AtomicU64,
    answers: Answers,
    events: broadcast::Sender<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // Its pipes are the descriptors 3 and 4.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"#]).arg(program);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--remote-debugging-pipe",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let answers = Answers::default();
        let (events, _) = broadcast::channel(4096);
        let (waiting, heard) = (Arc::clone(&answers), events.clone());
        tokio::spawn(async move {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).await.is_ok_and(|read| read > 0) {
                let said: Value = serde_json::from_slice(message.strip_suffix(&[0]).unwrap_or(&message)).unwrap();
                message.clear();
                match said["id"].as_u64().and_then(|id| waiting.lock().unwrap().remove(&id)) {
                    Some(asked) => drop(asked.send(said)),
                    // Nobody may listen.
                    None => drop(heard.send(said)),
                }
            }
        });
        let input = tokio::sync::Mutex::new(input);
        Self { child, input, next: AtomicU64::new(1), answers, events, _profile: profile }
    }

    async fn call(&self, session: &str, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if !session.is_empty() {
            message["sessionId"] = session.into();
        }
        let (answer, answered) = oneshot::channel();
        self.answers.lock().unwrap().insert(id, answer);
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.input.lock().await.write_all(&bytes).await.unwrap();
        let said = tokio::time::timeout(PATIENCE, answered).await;
        let said = said.unwrap_or_else(|_| panic!("{method} was not answered")).expect("a browser that lives");
        assert!(said["error"].is_null(), "{method}: {said}");
        said["result"].clone()
    }

    /// Opens `url` as on this screen, writes a picture of it as it is, and one with all of it open where some was not, and one of
    /// each frame; and says what was seen.
    pub async fn look(&self, url: &str, screen: Screen, picture: &Path) -> Seen {
        let target = self.call("", "Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("", "Target.attachToTarget", attach).await["sessionId"].as_str().unwrap().to_owned();
        let mut heard = self.events.subscribe();
        self.watch(&session, screen).await;
        self.tall(&session, screen, 900.0).await;
        // A frame with a sandbox is a target of its own. It waits until it is watched.
        let attach = json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true });
        self.call(&session, "Target.setAutoAttach", attach).await;
        let mut seen = Noted { sessions: vec![session.clone()], ..Noted::default() };
        self.call(&session, "Page.navigate", json!({ "url": url })).await;
        loop {
            let event = tokio::time::timeout(PATIENCE, heard.recv()).await;
            let event = event.unwrap_or_else(|_| panic!("{url} was not loaded")).unwrap();
            if !seen.note(&event) {
                continue;
            }
            match event["method"].as_str().unwrap_or_default() {
                "Page.javascriptDialogOpening" => {
                    self.call(&session, "Page.handleJavaScriptDialog", json!({ "accept": true })).await;
                }
                "Target.attachedToTarget" => {
                    let frame = event["params"]["sessionId"].as_str().unwrap();
                    self.watch(frame, screen).await;
                    self.call(frame, "Runtime.runIfWaitingForDebugger", json!({})).await;
                    seen.sessions.push(frame.to_owned());
                }
                "Page.loadEventFired" if event["sessionId"] == session.as_str() => break,
                _ => {}
            }
        }
        self.picture(&session, screen, picture).await;
        let found = self.probe(&session).await;
        let page: Probed = serde_json::from_value(found.clone()).unwrap_or_else(|error| panic!("{error}: {found}"));
        if found["opened"].as_u64().unwrap() > 0 {
            self.picture(&session, screen, &picture.with_extension("open.png")).await;
        }
        for (number, place) in (1..).zip(&page.frames) {
            let png = self.shot(&session, *place).await;
            // One colour alone would be a tenth of that.
            assert!(png.len() > 8000, "{url}: frame {number} is empty: {} bytes", png.len());
            std::fs::write(picture.with_extension(format!("frame-{number}.png")), png).unwrap();
        }
        let mut frames = Vec::new();
        for frame in &seen.sessions[1..] {
            frames.push(serde_json::from_value(self.probe(frame).await).unwrap());
        }
        while let Ok(event) = heard.try_recv() {
            seen.note(&event);
        }
        self.call("", "Target.closeTarget", json!({ "targetId": target["targetId"] })).await;
        Seen { page, frames, asked: seen.asked, complaints: seen.complaints, dialogs: seen.dialogs }
    }

    /// Hears what is said in `session`, which looks as on this screen.
    async fn watch(&self, session: &str, screen: Screen) {
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            self.call(session, &format!("{domain}.enable"), json!({})).await;
        }
        let scheme = if screen.dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call(session, "Emulation.setEmulatedMedia", media).await;
    }

    /// The screen is so tall. What a frame has below it is not painted.
    async fn tall(&self, session: &str, screen: Screen, height: f64) {
        let (width, phone) = (screen.width, screen.width < 600);
        let size = json!({ "width": width, "height": height.ceil(), "deviceScaleFactor": 1, "mobile": phone });
        self.call(session, "Emulation.setDeviceMetricsOverride", size).await;
    }

    async fn probe(&self, session: &str) -> Value {
        let said = self.call(session, "Runtime.evaluate", json!({ "expression": PROBE, "returnByValue": true })).await;
        assert!(said["exceptionDetails"].is_null(), "{said}");
        said["result"]["value"].clone()
    }

    /// Pictures of the whole page, the first as `to`; what is below [`MOST`] pixels as `.2.png` and so on.
    async fn picture(&self, session: &str, screen: Screen, to: &Path) {
        let layout = self.call(session, "Page.getLayoutMetrics", json!({})).await;
        let height = layout["cssContentSize"]["height"].as_f64().unwrap().max(100.0);
        self.tall(session, screen, height).await;
        let mut top = 0.0;
        for number in 1.. {
            let part = Place { x: 0.0, y: top, width: screen.width.into(), height: (height - top).min(MOST) };
            let name = if number == 1 { "png".to_owned() } else { format!("{number}.png") };
            std::fs::write(to.with_extension(name), self.shot(session, part).await).unwrap();
            top += MOST;
            if top >= height {
                break;
            }
        }
    }

    async fn shot(&self, session: &str, part: Place) -> Vec<u8> {
        let Place { x, y, width, height } = part;
        let clip = json!({ "x": x, "y": y, "width": width, "height": height, "scale": 1 });
        let params = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let shot = self.call(session, "Page.captureScreenshot", params).await;
        let png = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "there is a picture");
        png
    }

    /// Ends it, and nothing else.
    pub async fn close(mut self) {
        self.call("", "Browser.close", json!({})).await;
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err() {
            self.child.kill().await.unwrap();
        }
    }
}

/// What was heard of a page and its frames.
#[derive(Default)]
struct Noted {
    sessions: Vec<String>,
    asked: Vec<String>,
    complaints: Vec<String>,
    dialogs: usize,
}

impl Noted {
    /// Whether it is of this page.
    fn note(&mut self, event: &Value) -> bool {
        if !self.sessions.iter().any(|session| event["sessionId"] == session.as_str()) {
            return false;
        }
        let params = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                self.asked.push(params["request"]["url"].as_str().unwrap_or_default().to_owned());
            }
            "Page.javascriptDialogOpening" => self.dialogs += 1,
            "Log.entryAdded" => self.complaints.push(params["entry"]["text"].to_string()),
            "Audits.issueAdded" => self.complaints.push(params["issue"].to_string()),
            "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" => self.complaints.push(params.to_string()),
            _ => {}
        }
        true
    }
}
