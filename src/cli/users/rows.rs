//! Rows of files: JSON, one object a line, and CSV.

use std::{
    io::{self, BufRead, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::domain::transfer::UserRecord;

/// The most bytes of a line, or of a row of CSV.
const MAX_LINE: u64 = 256 * 1024;
/// What a reader of CSV may read ahead.
const AHEAD: u64 = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RowFormat {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header; what is no text is JSON.
    Csv,
}

/// The columns of CSV files, and whether a column is JSON.
const COLUMNS: &[(&str, bool)] = &[
    ("id", false),
    ("email", false),
    ("emailVerified", true),
    ("name", false),
    ("username", false),
    ("locale", false),
    ("timeZone", false),
    ("roles", true),
    ("passwordHash", false),
    ("avatar", true),
    ("publicMetadata", true),
    ("appMetadata", true),
    ("suspension", true),
    ("deletionDueAt", false),
    ("createdAt", false),
    ("updatedAt", false),
    ("lastSeenAt", false),
];

/// A row with its number.
pub(super) type Row = (u64, Result<UserRecord, String>);

/// Reads rows.
pub(super) fn read(format: RowFormat, input: Box<dyn BufRead>) -> anyhow::Result<Rows> {
    Ok(match format {
        RowFormat::Jsonl => Rows::Jsonl { input, line: 0 },
        RowFormat::Csv => {
            let left = Arc::new(AtomicU64::new(MAX_LINE + AHEAD));
            let input = Bounded { input, left: left.clone() };
            let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(input);
            let headers = reader.headers().context("the header cannot be read")?.clone();
            let unknown = headers.iter().find(|header| !COLUMNS.iter().any(|(name, _)| name == header));
            if let Some(unknown) = unknown {
                bail!("the column {unknown:?} is none of {}", column_names());
            }
            if !headers.iter().any(|header| header == "email") {
                bail!("there is no column email");
            }
            let mut names: Vec<&str> = headers.iter().collect();
            names.sort_unstable();
            if let Some([twice, ..]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                bail!("there are two columns {twice:?}");
            }
            Rows::Csv { records: Box::new(reader.into_records()), headers, left }
        }
    })
}

fn column_names() -> String {
    COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Rows of a file.
pub(super) enum Rows {
    Jsonl {
        input: Box<dyn BufRead>,
        line: u64,
    },
    Csv {
        records: Box<csv::StringRecordsIntoIter<Bounded>>,
        headers: csv::StringRecord,
        left: Arc<AtomicU64>,
    },
}

impl Rows {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Row>> {
        match self {
            Self::Jsonl { input, line } => next_line(input, line),
            Self::Csv { records, headers, left } => {
                left.store(MAX_LINE + AHEAD, Ordering::Relaxed);
                let Some(record) = records.next() else { return Ok(None) };
                let row = match record {
                    Ok(record) => {
                        let line = record.position().map_or(0, csv::Position::line);
                        (line, from_csv(headers, &record))
                    }
                    Err(error) if error.is_io_error() => return Err(error.into()),
                    Err(error) => {
                        let line = error.position().map_or(0, csv::Position::line);
                        let reason = match error.kind() {
                            csv::ErrorKind::Utf8 { .. } => "is not UTF-8",
                            _ => "is no row of as many values as the header",
                        };
                        (line, Err(reason.into()))
                    }
                };
                Ok(Some(row))
            }
        }
    }
}

/// Reads so many bytes and no more, until it is given more: a quote that is not closed must not bring the rest
/// of a file into memory.
pub(super) struct Bounded {
    input: Box<dyn BufRead>,
    left: Arc<AtomicU64>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::other(format!("a row has more than {MAX_LINE} bytes")));
        }
        let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.input.read(&mut buffer[..length])?;
        self.left.store(left - read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn next_line(input: &mut Box<dyn BufRead>, line: &mut u64) -> anyhow::Result<Option<Row>> {
    loop {
        let mut bytes = Vec::new();
        let read = std::io::Read::take(&mut *input, MAX_LINE).read_until(b'\n', &mut bytes);
        if read.context("the rows cannot be read")? == 0 {
            return Ok(None);
        }
        *line += 1;
        if bytes.len() as u64 == MAX_LINE && bytes.last() != Some(&b'\n') {
            bail!("line {line} has more than {MAX_LINE} bytes");
        }
        let text = bytes.trim_ascii();
        if !text.is_empty() {
            // What stands there is not repeated: it may be a hash.
            let record = serde_json::from_slice(text).map_err(|error| describe(&error));
            return Ok(Some((*line, record)));
        }
    }
}

fn from_csv(headers: &csv::StringRecord, record: &csv::StringRecord) -> Result<UserRecord, String> {
    let mut members = Map::new();
    for (header, value) in headers.iter().zip(record).filter(|(_, value)| !value.is_empty()) {
        let is_json = COLUMNS.iter().any(|(name, is_json)| *name == header && *is_json);
        let value = if is_json {
            serde_json::from_str(value).map_err(|_| format!("{header} is not JSON"))?
        } else {
            Value::String(value.to_owned())
        };
        members.insert(header.to_owned(), value);
    }
    serde_json::from_value(Value::Object(members)).map_err(|error| describe(&error))
}

/// What a reader of JSON says, without the values that it repeats.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let known = ["missing field", "unknown field", "duplicate field", "premature", "expected"];
    match known.iter().find(|known| text.starts_with(*known)) {
        Some(_) => text.split(" at line").next().unwrap_or_default().to_owned(),
        None if error.is_syntax() || error.is_eof() => "is not JSON".to_owned(),
        None => "has a value of another type than its field".to_owned(),
    }
}

/// Writes rows.
pub(super) enum Writer {
    Jsonl(Box<dyn Write>),
    Csv(Box<csv::Writer<Box<dyn Write>>>),
}

impl Writer {
    /// Begins to write.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn new(format: RowFormat, output: Box<dyn Write>) -> anyhow::Result<Self> {
        Ok(match format {
            RowFormat::Jsonl => Self::Jsonl(output),
            RowFormat::Csv => {
                let mut writer = csv::Writer::from_writer(output);
                writer.write_record(COLUMNS.iter().map(|(name, _)| name))?;
                Self::Csv(Box::new(writer))
            }
        })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn write(&mut self, record: &UserRecord) -> anyhow::Result<()> {
        let mut value = serde_json::to_value(record)?;
        match self {
            Self::Jsonl(output) => {
                if let Value::Object(members) = &mut value {
                    members.retain(|_, value| !value.is_null());
                }
                writeln!(output, "{value}")?;
            }
            Self::Csv(writer) => {
                let cell = |(name, _): &(&str, bool)| match &value[*name] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                writer.write_record(COLUMNS.iter().map(cell))?;
            }
        }
        Ok(())
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Jsonl(mut output) => output.flush()?,
            Self::Csv(mut writer) => writer.flush()?,
        }
        Ok(())
    }
}
