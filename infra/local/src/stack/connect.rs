//! What feeds the functions: queues, streams and schedules.
use super::{Error, Options, Shared};
use crate::{
    poller, schedule,
    stream::{Checkpoints, Reader},
    template::{Event, Function},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicU64},
};
use tokio::task::JoinHandle;

/// Where the folder of `--data` keeps how far streams were read.
const CHECKPOINTS: &str = "streams.json";

/// Starts what feeds the functions: queues, streams and schedules.
pub(super) fn connect(
    shared: &mut Shared,
    functions: Vec<Function>,
    options: &Options,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<(), Error> {
    let checkpoints = Checkpoints::open(options.data.as_ref().map(|data| data.join(CHECKPOINTS)));
    let (mut fed, mut streams) = (BTreeSet::new(), Vec::new());
    let mut readers = Vec::new();
    for function in functions {
        let events = function.events.into_iter().filter(|_| options.feeds);
        for event in events {
            let (name, lambda) = (function.name.clone(), shared.lambda.clone());
            match event {
                Event::Queue(source) => {
                    let queue = shared.services.queues.find(&source.arn).cloned();
                    let queue = queue.ok_or_else(|| {
                        Error::Wiring(format!("{name} has no queue {}", source.arn))
                    })?;
                    fed.insert(queue.0.name.clone());
                    tasks.push(tokio::spawn(poller::feed(
                        queue,
                        Arc::new(source),
                        lambda,
                        name,
                    )));
                }
                Event::Stream(source) => {
                    let table = source.arn.split('/').nth(1).unwrap_or_default().to_owned();
                    let drained = Arc::new(AtomicU64::new(0));
                    streams.push(drained.clone());
                    readers.push(Reader {
                        source,
                        table,
                        label: lambda.label(&name),
                        function: name,
                        lambda,
                        services: shared.services.clone(),
                        checkpoints: checkpoints.clone(),
                        clock: shared.clock.clone(),
                        changed: shared.changed.clone(),
                        drained,
                    });
                }
                Event::Schedule(schedule) if options.schedules => {
                    let (clock, moved) = (shared.clock.clone(), shared.moved.clone());
                    tasks.push(tokio::spawn(async move {
                        schedule::run(&schedule, name, lambda, clock, moved).await;
                    }));
                }
                Event::Http(_) | Event::Schedule(_) => {}
            }
        }
    }
    (shared.fed, shared.streams) = (Arc::new(fed), Arc::new(streams));
    tasks.extend(
        readers
            .into_iter()
            .map(|reader| tokio::spawn(reader.feed())),
    );
    Ok(())
}
