//! Which trace a span is of, which span of it, and whether it is recorded.

use domain::origin::Origin;
use jiff::Timestamp;
use uuid::Uuid;

/// A span's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) sampled: bool,
}

impl Context {
    /// What W3C's `traceparent` says.
    pub(crate) fn of(origin: &Origin) -> Option<Self> {
        let mut fields = origin.as_str().split('-').skip(1);
        let trace = u128::from_str_radix(fields.next()?, 16).ok()?;
        let span = u64::from_str_radix(fields.next()?, 16).ok()?;
        let flags = u8::from_str_radix(fields.next()?, 16).ok()?;
        Some(Self {
            trace,
            span,
            sampled: flags & 1 == 1,
        })
    }

    /// What X-Ray's header says, `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=…;Sampled=1`, if
    /// X-Ray records the trace.
    pub(crate) fn of_xray(header: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut fields = header.split(';').filter_map(|field| field.split_once('='));
            fields.find(|(given, _)| *given == name).map(|(_, v)| v)
        };
        let (time, rest) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
        let (parent, sampled) = (field("Parent")?, field("Sampled")? == "1");
        let origin = Origin::parse(&format!("00-{time}{rest}-{parent}-01"))?;
        Self::of(&origin).filter(|_| sampled)
    }

    /// A new trace, recorded with the probability `ratio`. Its id begins with the time, as X-Ray
    /// wants it; what follows is random.
    pub(crate) fn new(ratio: f64, now: Timestamp) -> Self {
        let random = Uuid::new_v4().as_u128();
        let seconds = u128::from(u32::try_from(now.as_second()).unwrap_or_default());
        let sampled = f64::from(low(random)) < ratio * 4_294_967_296.0;
        Self {
            trace: (seconds << 96) | (random & (u128::MAX >> 32)),
            span: id(),
            sampled,
        }
    }

    /// A span of the same trace.
    pub(crate) fn next(self) -> Self {
        Self { span: id(), ..self }
    }

    /// As the domain hands it on.
    pub(crate) fn origin(self) -> Option<Origin> {
        let (trace, span, flags) = (self.trace, self.span, u8::from(self.sampled));
        Origin::parse(&format!("00-{trace:032x}-{span:016x}-{flags:02x}"))
    }
}

/// The lowest 32 bits.
fn low(number: u128) -> u32 {
    let [.., a, b, c, d] = number.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// A new span's id.
fn id() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_read_as_it_was_written() {
        for flags in ["00", "01"] {
            let text = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
            let context = Context::of(&Origin::parse(&text).unwrap()).unwrap();
            assert_eq!(context.sampled, flags == "01");
            assert_eq!(context.origin().unwrap().as_str(), text);
        }
    }

    #[test]
    fn x_rays_header_counts_where_x_ray_records() {
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        let parent = "Parent=53995c3f42cd8ad8";
        let recorded = format!("{root};{parent};Sampled=1;Lineage=1:a87bd80c:0");
        assert_eq!(
            Context::of_xray(&recorded)
                .and_then(Context::origin)
                .unwrap()
                .as_str(),
            "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
        );
        for other in [
            format!("{root};{parent};Sampled=0"),
            format!("{root};Sampled=1"),
            format!("{root};{parent}"),
            format!("Root=2-5759e988-bd862e3fe1be46a994272793;{parent};Sampled=1"),
            format!("Root=1-5759e988;{parent};Sampled=1"),
            String::new(),
        ] {
            assert_eq!(Context::of_xray(&other), None, "{other}");
        }
    }

    #[test]
    fn a_new_trace_begins_with_the_time_and_is_recorded_by_chance() {
        let now = Timestamp::from_second(0x6544_3322).unwrap();
        let all: Vec<_> = (0..1000).map(|_| Context::new(0.5, now)).collect();
        let sampled = all.iter().filter(|context| context.sampled).count();
        // Seven standard deviations.
        assert!((390..610).contains(&sampled), "{sampled}");
        assert!(all.iter().all(|context| context.trace >> 96 == 0x6544_3322));
        assert!((0..1000).all(|_| Context::new(1.0, now).sampled));
        assert!((0..1000).all(|_| !Context::new(0.0, now).sampled));
    }
}
