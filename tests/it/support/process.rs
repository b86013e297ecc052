//! The program as a process of its own.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

const STARTUP: Duration = Duration::from_secs(30);

/// A running program, ended when dropped.
pub(crate) struct Process {
    child: Child,
    client: reqwest::Client,
    pub(crate) url: String,
    log: Arc<Mutex<String>>,
}

/// The program with these settings and no others, in a folder of its own. Nobody tries too much, unless
/// they say so.
pub(crate) fn command(folder: &Path, settings: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.arg("serve").current_dir(folder).env_clear().env("RATE_LIMITS", "off");
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command
}

/// Where the run of all tests looks afterwards for what must not be in any log.
#[expect(clippy::disallowed_methods, reason = "the test run says where")]
fn log_file(process: u32) -> Option<File> {
    let folder = std::env::var_os("VESTIBULE_TEST_LOGS")?;
    let name = format!("{}-{process}.log", std::process::id());
    File::options().create(true).append(true).open(Path::new(&folder).join(name)).ok()
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Process {
    /// Starts the program and waits for it to be ready.
    pub(crate) async fn start(folder: &Path, settings: &[(String, String)]) -> Self {
        Self::of(command(folder, settings)).await
    }

    /// The same, with a bound on the size of every file it writes, in kibibytes.
    pub(crate) async fn start_with_limited_files(
        folder: &Path,
        settings: &[(String, String)],
        kibibytes: u32,
    ) -> Self {
        let mut shell = Command::new("bash");
        // Without the trap the system would end the process instead of failing the write.
        let script = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" serve");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_vestibule")]).current_dir(folder).env_clear();
        shell
            .env("PATH", "/usr/bin:/bin")
            .env("RATE_LIMITS", "off")
            .envs(settings.iter().map(|(name, value)| (name, value)));
        Self::of(shell).await
    }

    pub(crate) async fn of(mut command: Command) -> Self {
        let port = free_port();
        command.env("BIND_ADDR", format!("127.0.0.1:{port}")).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), log.clone());
        let mut file = log_file(child.id());
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(file) = &mut file {
                    let _ = writeln!(file, "{line}");
                }
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let process =
            Self { child, client: reqwest::Client::new(), url: format!("http://127.0.0.1:{port}"), log };
        process.wait_until_ready().await;
        process
    }

    async fn wait_until_ready(&self) {
        let started = Instant::now();
        while started.elapsed() < STARTUP {
            let answer = reqwest::get(format!("{}/health/ready", self.url)).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not ready in time:\n{}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as the system does when memory is short.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Tells it to read its settings again.
    pub(crate) fn hang_up(&self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// Waits until the log has so many lines with this text.
    pub(crate) async fn logged(&self, text: &str, count: usize) {
        let started = Instant::now();
        while self.log().lines().filter(|line| line.contains(text)).count() < count {
            assert!(started.elapsed() < STARTUP, "{text} is not in the log:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Posts an operation; `None` when no whole answer came.
    pub(crate) async fn post(&self, token: Option<&str>, query: &str, variables: Value) -> Option<Value> {
        self.post_to("/graphql", token, query, variables).await
    }

    /// Posts an operation of administration, which must be done.
    pub(crate) async fn administer(&self, token: &str, query: &str, variables: Value) -> Value {
        let answer = self.post_to("/admin/graphql", Some(token), query, variables).await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    async fn post_to(&self, path: &str, token: Option<&str>, query: &str, variables: Value) -> Option<Value> {
        let mut request = self
            .client
            .post(format!("{}{path}", self.url))
            .timeout(Duration::from_secs(30))
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.ok()?.json().await.ok()
    }

    pub(crate) async fn register(&self, email: &str) -> Option<Value> {
        let query = "mutation($input: RegisterInput!) { register(input: $input) { user { id } accessToken refreshToken } }";
        let input = json!({ "email": email, "password": "correct horse battery", "name": "Somebody" });
        self.post(None, query, json!({ "input": input })).await
    }

    pub(crate) async fn login(&self, email: &str) -> Option<Value> {
        let query =
            "mutation($input: LoginInput!) { login(input: $input) { user { id } accessToken refreshToken } }";
        let input = json!({ "email": email, "password": "correct horse battery" });
        self.post(None, query, json!({ "input": input })).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
