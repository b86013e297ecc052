//! `vestibule users import`.

use std::{
    fs::File,
    io::{self, BufReader},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{
    super::{FAULTY, report},
    Format,
    rows::{self, Row, RowFormat, Rows},
};
use crate::{
    domain::{
        Domain,
        administration::Administrator,
        transfer::{Import, ImportOptions},
    },
    stores::mongodb::MongooseUsers,
};

/// Faulty rows that are told; of more only the number.
const TOLD: usize = 1_000;
/// Rows between two looks at the clock.
const STEP: u64 = 1_000;

/// Where users come from.
#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArguments {
    /// The file; `-` for the standard input.
    #[arg(required_unless_present = "from_mongodb")]
    file: Option<String>,
    /// The form of the file; by the end of its name unless told.
    #[arg(long)]
    format: Option<RowFormat>,
    /// A database of another program whose users are kept by mongoose. The environment variable
    /// `VESTIBULE_IMPORT_URL` does the same, and shows it to nobody.
    #[arg(long, value_name = "URL", conflicts_with_all = ["file", "format"], env = "VESTIBULE_IMPORT_URL", hide_env_values = true)]
    from_mongodb: Option<String>,
    /// The collection there.
    #[arg(long, default_value = "users", requires = "from_mongodb")]
    collection: String,
    /// Write nothing, and tell every row that is faulty.
    #[arg(long)]
    dry_run: bool,
    /// Take the roles over as well; they must be there.
    #[arg(long)]
    with_roles: bool,
}

enum Source {
    File(Rows),
    MongoDb(Box<MongooseUsers>, u64),
}

impl Source {
    async fn open(arguments: &ImportArguments) -> anyhow::Result<(Self, String)> {
        if let Some(url) = &arguments.from_mongodb {
            let users = MongooseUsers::open(&url.clone().into(), &arguments.collection).await?;
            return Ok((Self::MongoDb(Box::new(users), 0), format!("mongodb:{}", arguments.collection)));
        }
        let Some(name) = arguments.file.as_deref() else { bail!("there is no file") };
        let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
        let format = match (arguments.format, ending) {
            (Some(format), _) => format,
            (None, Some("csv")) => RowFormat::Csv,
            (None, Some("jsonl" | "ndjson" | "json")) => RowFormat::Jsonl,
            (None, _) => bail!("--format must say what the rows are"),
        };
        let input: Box<dyn io::BufRead> = if name == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(name).with_context(|| format!("cannot open {name}"))?;
            Box::new(BufReader::with_capacity(1 << 20, file))
        };
        let label =
            Path::new(name).file_name().map_or("-".into(), |name| name.to_string_lossy().into_owned());
        Ok((Self::File(rows::read(format, input)?), format!("file:{label}")))
    }

    async fn next(&mut self) -> anyhow::Result<Option<Row>> {
        match self {
            Self::File(rows) => rows.next(),
            Self::MongoDb(users, number) => {
                *number += 1;
                let found = users.next().await.map_err(|error| anyhow::anyhow!("{error}"))?;
                Ok(found.map(|record| (*number, record)))
            }
        }
    }
}

pub(super) async fn run(
    domain: &Domain,
    arguments: ImportArguments,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let (mut source, label) = Source::open(&arguments).await?;
    let options =
        ImportOptions { is_dry_run: arguments.dry_run, with_roles: arguments.with_roles, source: label };
    let mut import = domain.administration.import(&Administrator::operator(), options).await?;
    let progress = progress();
    let (mut count, mut told) = (0_u64, 0_usize);
    while let Some((row, record)) = source.next().await? {
        import.take(row, record).await?;
        count += 1;
        if count.is_multiple_of(STEP) {
            progress.set_position(count);
            told = tell(&mut import, told, &progress);
        }
    }
    let outcome = import.finish().await?;
    told = tell(&mut import, told, &progress);
    progress.finish_and_clear();
    if told > TOLD {
        report(&format!("{} more rows are faulty", told - TOLD));
    }
    let printed = format.one(&json!({
        "rows": count,
        "added": outcome.added,
        "present": outcome.present,
        "faulty": outcome.bad,
        "dryRun": arguments.dry_run,
    }));
    Ok(if outcome.bad == 0 { printed } else { ExitCode::from(FAULTY) })
}

/// Tells of rows that were left out, up to a number; answers how many there were so far.
fn tell(import: &mut Import, told: usize, progress: &ProgressBar) -> usize {
    let bad = import.drain_bad();
    progress.suspend(|| {
        for fault in bad.iter().take(TOLD.saturating_sub(told)) {
            report(&format!("row {}: {}", fault.row, fault.reason));
        }
    });
    told + bad.len()
}

/// Nothing where nobody looks.
fn progress() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    let style = ProgressStyle::with_template("{spinner} {human_pos} rows, {per_sec}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
