//! Processes that are measured: kept to one core, their CPU time read from outside.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// Clock ticks per second of `/proc`: 100 on every Linux that is in use.
const TICKS: f64 = 100.0;

/// A command that runs on this core alone, where `taskset` is there.
pub(crate) fn on_core(core: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// Moves a running process, all its threads, to a core.
pub(crate) fn move_to_core(core: usize, pid: u32) {
    let moved = Command::new("taskset")
        .args(["-apc", &core.to_string(), &pid.to_string()])
        .output();
    assert!(moved.unwrap().status.success(), "taskset moves {pid}");
}

/// The seconds of CPU time that a process has used, its ended children's included.
pub(crate) fn cpu(pid: u32) -> f64 {
    let (own, ended) = times(pid).unwrap();
    own + ended
}

/// The seconds of CPU time that all children of this process have used, the ended ones included.
pub(crate) fn cpu_of_children() -> f64 {
    let (_, ended) = times(std::process::id()).unwrap();
    let running = children().filter_map(|(pid, _)| times(pid));
    ended + running.map(|(own, ended)| own + ended).sum::<f64>()
}

/// The seconds of CPU time of a process, and of its ended children.
fn times(pid: u32) -> Option<(f64, f64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split(' ').collect();
    let seconds = |fields: &[&str]| {
        let ticks = fields.iter().map(|f| f.parse::<f64>().unwrap());
        ticks.sum::<f64>() / TICKS
    };
    // Fields 14 to 17 of proc(5); the first here is an empty one before field 3.
    Some((seconds(&fields[12..14]), seconds(&fields[14..16])))
}

/// The most memory that each running child has had in use, in MiB, by its binary's name.
pub(crate) fn peaks() -> BTreeMap<String, f64> {
    let mut peaks = BTreeMap::new();
    for (pid, name) in children() {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let Some(peak) = peak.and_then(|kib| kib.trim().parse::<f64>().ok()) else {
            continue;
        };
        let most = peaks.entry(name).or_insert(0.0_f64);
        *most = most.max(peak / 1024.0);
    }
    peaks
}

/// The seconds of CPU time that running children have used, by their binaries' names: to the
/// nanosecond, of threads that have not ended.
#[expect(clippy::cast_precision_loss, reason = "a bench's figures are small")]
pub(crate) fn cpu_by_name() -> BTreeMap<String, f64> {
    let mut used = BTreeMap::new();
    for (pid, name) in children() {
        *used.entry(name).or_insert(0.0) += cpu_nanos(pid) as f64 / 1e9;
    }
    used
}

/// The CPU time, user and system, of all threads that a process has, in nanoseconds.
pub(crate) fn cpu_nanos(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let of_thread = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    let threads = threads.into_iter().flatten().flatten();
    threads.filter_map(of_thread).sum()
}

/// The child of this process whose binary has this name.
pub(crate) fn child(name: &str) -> Option<u32> {
    children().find_map(|(pid, command)| (command == name).then_some(pid))
}

/// The running children of this process, with the names of their binaries.
fn children() -> impl Iterator<Item = (u32, String)> {
    let own = std::process::id().to_string();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(move |entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (command, rest) = stat.rsplit_once(')')?;
            let parent = rest.split(' ').nth(2)?;
            let name = command.split_once('(')?.1.to_owned();
            (parent == own).then_some((pid, name))
        })
}

/// The middle one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
