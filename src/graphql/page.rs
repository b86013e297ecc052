//! Arguments of connections, as the Cursor Connections Specification names them.

use async_graphql::connection::PageInfo;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Result;
use crate::domain::{
    Error,
    faults::{Fault, FaultCode},
    page::{DEFAULT_PAGE_SIZE, End, MAX_PAGE_SIZE, Page, PageRequest},
};

/// What a client asks for.
pub(super) struct PageArguments {
    pub(super) first: Option<i32>,
    pub(super) after: Option<String>,
    pub(super) last: Option<i32>,
    pub(super) before: Option<String>,
}

impl PageArguments {
    /// Reads the arguments; positions are of a type that its text names.
    ///
    /// # Errors
    /// `BadArguments` for `first` and `last` together, one of them out of bounds, or cursors that are none.
    pub(super) fn read<P: std::str::FromStr>(self) -> Result<PageRequest<P>> {
        self.read_with(|cursor| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            String::from_utf8(bytes).ok()?.parse().ok()
        })
    }

    /// The same, with cursors that `position` reads.
    ///
    /// # Errors
    /// As with [`Self::read`].
    pub(super) fn read_with<P>(self, position: impl Fn(&str) -> Option<P>) -> Result<PageRequest<P>> {
        let mut faults = Vec::new();
        let mut keep = |read: std::result::Result<Option<P>, Fault>| {
            read.unwrap_or_else(|fault| {
                faults.push(fault);
                None
            })
        };
        let after = keep(read_cursor("after", self.after, &position));
        let before = keep(read_cursor("before", self.before, &position));
        let (end, size) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                faults.push(Fault::new("last", FaultCode::InvalidFormat, "cannot be combined with first"));
                (End::First, Ok(DEFAULT_PAGE_SIZE))
            }
            (None, Some(last)) => (End::Last, read_size("last", last)),
            (first, None) => {
                (End::First, first.map_or(Ok(DEFAULT_PAGE_SIZE), |first| read_size("first", first)))
            }
        };
        match size {
            Ok(size) if faults.is_empty() => Ok(PageRequest { size, end, after, before }),
            Ok(_) => Err(Error::BadArguments(faults).into()),
            Err(fault) => {
                faults.push(fault);
                Err(Error::BadArguments(faults).into())
            }
        }
    }
}

fn read_size(field: &'static str, size: i32) -> std::result::Result<usize, Fault> {
    usize::try_from(size).ok().filter(|size| *size <= MAX_PAGE_SIZE).ok_or_else(|| Fault {
        limit: Some(MAX_PAGE_SIZE),
        ..Fault::new(field, FaultCode::OutOfRange, format!("must be 0 to {MAX_PAGE_SIZE}"))
    })
}

/// Where a page stands among the others; `position` makes the cursor of an entry.
pub(super) fn page_info<T>(page: &Page<T>, position: impl Fn(&T) -> String) -> PageInfo {
    PageInfo {
        has_previous_page: page.has_previous,
        has_next_page: page.has_next,
        start_cursor: page.items.first().map(&position),
        end_cursor: page.items.last().map(&position),
    }
}

/// Makes a cursor: opaque to clients, so that what it is made of can change.
pub(super) fn cursor(position: &str) -> String {
    URL_SAFE_NO_PAD.encode(position)
}

fn read_cursor<P>(
    field: &'static str,
    cursor: Option<String>,
    position: &impl Fn(&str) -> Option<P>,
) -> std::result::Result<Option<P>, Fault> {
    let Some(cursor) = cursor else { return Ok(None) };
    position(&cursor)
        .map(Some)
        .ok_or_else(|| Fault::new(field, FaultCode::InvalidFormat, "must be a cursor that this list gave"))
}
