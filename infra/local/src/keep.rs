//! Files of `--data`: for their owner's eyes, and never half written.
use std::{
    fs::{OpenOptions, rename},
    io::{Error, Write as _},
    path::Path,
};

/// Writes a file as a whole.
pub(crate) fn write(file: &Path, contents: &[u8]) -> Result<(), Error> {
    let new = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&new)?.write_all(contents)?;
    rename(new, file)
}
