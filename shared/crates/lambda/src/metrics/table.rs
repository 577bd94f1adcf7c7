//! All of our metrics. `infra/docs/metrics.md` has the same table, and a test holds it to this one.

/// How a metric's values are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things that happened: an invocation's values are added up.
    Count,
    /// Times: each value is told, so that CloudWatch knows their percentiles.
    Milliseconds,
}

impl Unit {
    /// CloudWatch's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// Builds [`Metric`] from the table below.
macro_rules! metrics {
    ($($name:ident, $unit:ident, [$($dimension:literal)?], $from:literal, $meaning:literal;)*) => {
        /// Something that is measured.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $meaning] $name,)*
        }

        impl Metric {
            /// All metrics.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Its unit.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)* }
            }

            /// The dimension that tells its values apart, if it has one.
            #[must_use]
            pub fn dimension(self) -> Option<&'static str> {
                let has: &[&'static str] = match self { $(Self::$name => &[$($dimension)?],)* };
                has.first().copied()
            }

            /// The functions that measure it.
            #[must_use]
            pub const fn from(self) -> &'static str {
                match self { $(Self::$name => $from,)* }
            }

            /// What it means, in Markdown.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

// Each costs as long as it is sent, each value of a dimension by itself: an account is no
// dimension, but stands in the line.
metrics! {
    Accepted, Count, [], "create-campaign, ivr",
        "Recipients that were accepted. A call that is repeated under its key counts once.";
    Refused, Count, [], "create-campaign",
        "Recipients that a call was accepted without: `failedConsumers`.";
    Sent, Count, [], "send",
        "Messages that a gateway took for one device at least, or that an open conversation took.";
    Failed, Count, ["Code"], "send",
        "Messages that failed for good, by their code.";
    Expired, Count, [], "send",
        "Messages whose lookback ended before they could leave.";
    Cancelled, Count, [], "send",
        "Messages that did not leave since their campaign was cancelled.";
    Faults, Count, [], "send",
        "Those of `Failed` and `Expired` over which somebody has to mend something: a credential, a route, a notification, a gateway.";
    Retried, Count, [], "send",
        "Attempts after which a message waits for another.";
    TimeToSent, Milliseconds, [], "send",
        "From a message's acceptance until a gateway took it, its wait for its slot included.";
    Lateness, Milliseconds, [], "send",
        "How long after its slot an attempt began: the pace is kept while this is small.";
    BreakerOpen, Count, [], "dispatch",
        "An app was paused, or its pause goes on: at least one in 5 minutes while it is paused and has messages.";
    BreakerClosed, Count, [], "dispatch",
        "A paused app's sends go on.";
    ReportLag, Milliseconds, [], "tally",
        "How old the oldest change of a batch is when counts and reports have it. DynamoDB tells a change's time in whole seconds.";
    WebhooksTaken, Count, [], "deliver",
        "Events that a webhook took.";
    WebhooksFailed, Count, [], "deliver",
        "Tries at which a webhook did not take an event.";
    WebhooksLost, Count, [], "deliver",
        "Events that had their last try, and webhooks that were disabled.";
    GivenBack, Count, [], "send, deliver, dispatch, tally",
        "Jobs that failed and went back to their queue, and batches at which the stream is stuck: what Lambda does not count as errors.";
    Requeued, Count, [], "sweep",
        "Messages that got stuck, and that the sweep put on the queue again.";
}
