//! A real mail server, and a service that sends its mails there.

use std::{
    fs,
    io::{BufRead, BufReader},
    ops::Deref,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, Backend, TestApp, servers::variable};

/// An SMTP server that keeps what it gets; it ends with its input.
pub(crate) struct SmtpServer {
    child: Child,
    folder: TempDir,
    pub(crate) port: u16,
}

impl SmtpServer {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(variable("VESTIBULE_TEST_SMTP_PYTHON"));
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/smtp_server.py"));
        command.arg("--mail-dir").arg(folder.path()).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening ").expect("the mail server did not start");
        Self { port: port.parse().unwrap(), child, folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Every mail, in the order of arrival.
    pub(crate) fn mails(&self) -> Vec<SentMail> {
        read(self.folder.path())
    }

    /// The mails to this address.
    pub(crate) fn to(&self, address: &str) -> Vec<SentMail> {
        self.mails().into_iter().filter(|mail| mail.recipient() == address).collect()
    }

    /// The last mail to this address.
    pub(crate) fn last_to(&self, address: &str) -> SentMail {
        self.to(address).pop().unwrap_or_else(|| panic!("no mail to {address}"))
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(folder: &Path) -> Vec<SentMail> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    files.sort();
    let parse = |path: &Path| SentMail(serde_json::from_slice(&fs::read(path).unwrap()).unwrap());
    files.iter().map(|path| parse(path)).collect()
}

/// A mail as a person reads it.
#[derive(Debug, Clone)]
pub(crate) struct SentMail(pub(crate) Value);

impl SentMail {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("no {name} in {:#}", self.0))
    }

    pub(crate) fn recipient(&self) -> &str {
        self.0["rcpt_tos"][0].as_str().unwrap()
    }

    pub(crate) fn subject(&self) -> &str {
        self.field("subject")
    }

    pub(crate) fn text(&self) -> &str {
        self.field("text")
    }

    /// The link, alone on its line.
    pub(crate) fn link(&self) -> &str {
        let link = self.text().lines().find(|line| line.starts_with("http"));
        link.unwrap_or_else(|| panic!("no link in {}", self.text()))
    }

    /// The token of the link.
    pub(crate) fn token(&self) -> String {
        let (_, token) = self.link().split_once("#token=").expect("no token in the link");
        token.split('&').next().unwrap().to_owned()
    }

    /// The code, alone on its line.
    pub(crate) fn code(&self) -> String {
        let is_code = |line: &&str| {
            line.len() == 8 && line.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        };
        self.text().lines().find(is_code).unwrap_or_else(|| panic!("no code in {}", self.text())).to_owned()
    }
}

/// A service whose mails go to a server of its own.
pub(crate) struct MailApp {
    app: TestApp,
    pub(crate) smtp: SmtpServer,
}

impl Deref for MailApp {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}

impl MailApp {
    pub(crate) async fn start(backend: Backend) -> Self {
        Self::with(backend, &[]).await
    }

    pub(crate) async fn with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        let smtp = SmtpServer::start();
        let url = smtp.url();
        let settings = [settings, &[("SMTP_URL", url.as_str())]].concat();
        Self { app: TestApp::with(backend, &settings).await, smtp }
    }

    /// Does what is due, and answers the last mail to this address.
    pub(crate) async fn mail_to(&self, address: &str) -> SentMail {
        self.work().await;
        self.smtp.last_to(address)
    }

    /// Waits for what a login has put off in a task of its own, and does it.
    pub(crate) async fn settle(&self) {
        for _ in 0..100 {
            if self.work().await > 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("nothing was put off");
    }

    pub(crate) async fn mutate(&self, field: &str, input: Value) -> Answer {
        self.anonymous(&mutation(field), serde_json::json!({ "input": input })).await
    }
}

/// A mutation that asks for everything simple that its payload has.
pub(crate) fn mutation(field: &str) -> String {
    let kind = format!("{}{}", field[..1].to_uppercase(), &field[1..]);
    let answer = match field {
        "requestEmailVerification" | "requestPasswordReset" | "requestEmailChange" => "ticket",
        "verifyEmail" | "confirmEmailChange" => "success user { id email emailVerified }",
        _ => "success",
    };
    format!("mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {answer} }} }}")
}

/// Runs each of these tests on every backend, with a mail server.
macro_rules! on_every_backend_with_mail {
    ($($name:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::support::Backend::Embedded).await;
                }
            )+
        }

        mod mongodb_and_redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::support::Backend::MongoDbAndRedis).await;
                }
            )+
        }
    };
}
pub(crate) use on_every_backend_with_mail;
