//! `vestibule users export`.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;

use super::rows::{RowFormat, Writer};
use crate::domain::{Domain, administration::Administrator};

/// Users that are read at once.
const BATCH: usize = 1_000;

/// Where users go.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArguments {
    /// The file, which must not be there yet; the standard output without it. It holds hashes of passwords,
    /// and is made for the owner's eyes alone.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form of the file.
    #[arg(long, default_value = "jsonl")]
    format: RowFormat,
}

pub(super) async fn run(domain: &Domain, arguments: ExportArguments) -> anyhow::Result<ExitCode> {
    let output: Box<dyn Write> = match &arguments.output {
        None => Box::new(BufWriter::new(io::stdout())),
        Some(path) => {
            let file = File::options().write(true).create_new(true).mode(0o600).open(path);
            Box::new(BufWriter::new(file.with_context(|| format!("cannot make {}", path.display()))?))
        }
    };
    let mut writer = Writer::new(arguments.format, output)?;
    let (operator, mut after) = (Administrator::operator(), None);
    loop {
        let found = domain.administration.export(&operator, after.as_ref(), BATCH).await?;
        for (_, record) in &found {
            writer.write(record)?;
        }
        let Some((last, _)) = found.into_iter().next_back() else { break };
        after = Some(last);
    }
    writer.finish()?;
    Ok(ExitCode::SUCCESS)
}
