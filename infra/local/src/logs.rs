//! What the functions print: the last lines in memory, and in files when asked for.
use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// Lines kept in memory.
const KEPT: usize = 20_000;

/// One line that a function printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The function's name.
    pub function: String,
    /// What it printed.
    pub text: String,
}

/// The lines of all functions.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    lines: Arc<Mutex<VecDeque<Line>>>,
    folder: Option<PathBuf>,
    verbose: bool,
}

impl Logs {
    /// Logs kept in memory, in one file per function in `folder` if there is one, and printed when
    /// `verbose`.
    #[must_use]
    pub fn new(folder: Option<PathBuf>, verbose: bool) -> Self {
        Self {
            lines: Arc::default(),
            folder,
            verbose,
        }
    }

    /// The lines so far, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    /// Reads a function's output to its end.
    pub async fn follow(self, function: String, output: impl AsyncRead + Unpin) {
        let mut file = self.folder.as_deref().and_then(|f| open(f, &function));
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while matches!(output.read_until(b'\n', &mut line).await, Ok(n) if n > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            self.write(&function, text, file.as_mut());
        }
    }

    /// Adds what the local stack itself has to say of a function.
    pub(crate) fn add(&self, function: &str, text: String) {
        let mut file = self.folder.as_deref().and_then(|f| open(f, function));
        self.write(function, text, file.as_mut());
    }

    fn write(&self, function: &str, text: String, file: Option<&mut File>) {
        if self.verbose && !is_metrics(&text) {
            eprintln!("{function}: {text}");
        }
        if let Some(file) = file
            && let Err(error) = writeln!(file, "{text}")
        {
            tracing::warn!(%error, "cannot write a log file");
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(Line {
            function: function.to_owned(),
            text,
        });
    }
}

/// Whether the line is for CloudWatch to make metrics of: kept as any other, and not printed.
fn is_metrics(line: &str) -> bool {
    line.contains(r#""CloudWatchMetrics":["#)
}

fn open(folder: &Path, function: &str) -> Option<File> {
    let open = || {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{function}.log"));
        OpenOptions::new().create(true).append(true).open(path)
    };
    open()
        .inspect_err(|error| tracing::warn!(%error, "cannot open a log file"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::is_metrics;

    #[test]
    fn lines_of_metrics_are_told_from_others() {
        assert!(is_metrics(
            r#"{"Sent":1,"_aws":{"CloudWatchMetrics":[{"Namespace":"Overture/dev"}]}}"#
        ));
        assert!(!is_metrics(
            r#"{"level":"INFO","fields":{"message":"CloudWatchMetrics"}}"#
        ));
    }
}
