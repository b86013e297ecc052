//! Pages of lists, as connections ask for them: so many after one, or so many before another.

/// Entries of a page unless the client says how many.
pub const DEFAULT_PAGE_SIZE: usize = 20;
/// The most entries of a page.
pub const MAX_PAGE_SIZE: usize = 100;

/// From which end of the range a page is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first entries.
    First,
    /// The last ones.
    Last,
}

/// A page of a list whose entries have positions of type `P`.
#[derive(Debug, Clone)]
pub struct PageRequest<P> {
    /// How many entries, 0 to [`MAX_PAGE_SIZE`].
    pub size: usize,
    /// From which end.
    pub end: End,
    /// Only entries after this one.
    pub after: Option<P>,
    /// Only entries before this one.
    pub before: Option<P>,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The entries, in the order of the list whichever end they are from.
    pub items: Vec<T>,
    /// Whether there are entries after the last one.
    pub has_next: bool,
    /// Whether there are entries before the first one.
    pub has_previous: bool,
}

impl<P> PageRequest<P> {
    /// How many entries to read: one more than the page has, which tells whether there are more.
    pub const fn to_read(&self) -> usize {
        self.size.saturating_add(1)
    }

    /// Makes the page of up to [`PageRequest::to_read`] entries read from the end asked for, outermost
    /// first.
    pub fn page<T>(&self, mut read: Vec<T>) -> Page<T> {
        let has_more = read.len() > self.size;
        read.truncate(self.size);
        match self.end {
            End::First => Page { items: read, has_next: has_more, has_previous: self.after.is_some() },
            End::Last => {
                read.reverse();
                Page { items: read, has_next: self.before.is_some(), has_previous: has_more }
            }
        }
    }
}
